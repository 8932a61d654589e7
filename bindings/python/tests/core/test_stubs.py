"""The stub of the compiled part is what its generator writes, and every type annotation resolves."""

import subprocess
import sys
from pathlib import Path

GENERATOR = Path(__file__).resolve().parents[2] / "stubs.py"


def test_stub_is_current():
    done = subprocess.run([sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_package_is_typed():
    import quern

    assert (Path(quern.__file__).parent / "py.typed").exists()
