"""The stub of the compiled part is what its generator writes, and every type annotation resolves."""

import subprocess
import sys
from pathlib import Path

import pytest

GENERATOR = Path(__file__).resolve().parents[2] / "stubs.py"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="from 3.13 on Python tells more of built-in functions; the stub is made before")
def test_stub_is_current():
    done = subprocess.run([sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_package_is_typed():
    import quern

    assert (Path(quern.__file__).parent / "py.typed").exists()
