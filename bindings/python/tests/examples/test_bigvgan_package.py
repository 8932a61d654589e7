"""The package mlx-bigvgan, as published, gives under the alias the sound that it gives on MLX."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

PROGRAM = str(Path(__file__).with_name("bigvgan_package.py"))


@pytest.mark.skipif(not (find_spec("mlx_bigvgan") and find_spec("mlx")), reason="needs mlx-bigvgan and MLX")
def test_the_same_sound(tmp_path):
    results = {}
    for side, command in ("quern", ["-m", "quern", "run", PROGRAM]), ("mlx", [PROGRAM]):
        path = tmp_path / f"{side}.npz"
        done = subprocess.run(
            [sys.executable, *command, str(path), "small"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "MLX_DISABLE_COMPILE": "1"},
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        results[side] = np.load(path)
    assert results["mlx"]["sound"].std() > 0.01
    for name in ("mel", "sound"):
        np.testing.assert_allclose(results["quern"][name], results["mlx"][name], atol=1e-4)
