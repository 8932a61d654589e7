"""What shows only in a process of its own: MLX's name for Quern, `python -m quern run`, threads, odd input."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import quern.core as mx


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=dict(os.environ), timeout=120)


def test_alias():
    code = """
import quern.mlx_alias
import mlx, mlx.core, mlx.core as mx
import mlx.core.random
from mlx.core import fft
import quern.core
assert mx is quern.core and mlx.core.random is quern.core.random and fft is quern.core.fft
assert mx.__name__ == "quern.core" and mx.__spec__.name == "quern.core"
try:
    import mlx.nothing
except ModuleNotFoundError as error:
    assert "mlx.nothing" in str(error)
else:
    raise SystemExit("mlx.nothing was found")
print(mx.arange(3).sum().item())
"""
    done = run("-c", code)
    assert done.returncode == 0 and done.stdout == "3\n", done.stderr


PROGRAM = """
import sys
import mlx.core as mx

def loss(w, x, y):
    return mx.mean(mx.square(x @ w - y))

mx.random.seed(0)
x = mx.random.normal((32, 4))
y = x @ mx.array([1.0, -2.0, 3.0, 0.5])
w = mx.zeros((4,))
step = mx.compile(mx.value_and_grad(loss))
for k in range(5):
    value, g = step(w, x, y)
    w = w - 0.1 * g
    print(f"{value.item():.4f}")
print(sys.argv[1:], __name__)
"""


def test_run_prints_what_mlx_prints(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    ours = run("-m", "quern", "run", "program.py", "--a", "b", cwd=tmp_path)
    assert ours.returncode == 0, ours.stderr
    theirs = run("-c", "import mlx.core as m, sys; m.disable_compile(); sys.argv = ['program.py', '--a', 'b']\n" + PROGRAM, cwd=tmp_path)
    assert ours.stdout == theirs.stdout and "['--a', 'b'] __main__" in ours.stdout


def test_run_trains_as_mlx_does(tmp_path):
    program = str(Path(__file__).with_name("mlx_program.py"))
    ours = run("-m", "quern", "run", program, cwd=tmp_path)
    assert ours.returncode == 0, ours.stderr
    environment = {**os.environ, "MLX_DISABLE_COMPILE": "1"}
    theirs = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    assert theirs.returncode == 0, theirs.stderr
    number = re.compile(r"-?\d+\.\d+")
    assert number.sub("#", ours.stdout) == number.sub("#", theirs.stdout)
    for a, b in zip(number.findall(ours.stdout), number.findall(theirs.stdout)):
        assert float(a) == pytest.approx(float(b), rel=1e-5, abs=1.1e-5)


def test_run_says_what_is_wrong(tmp_path):
    assert run("-m", "quern").returncode == 2
    missing = run("-m", "quern", "run", "nothing.py", cwd=tmp_path)
    assert missing.returncode == 2 and "no such file" in missing.stderr
    assert "usage" in run("-m", "quern", "--help").stdout


def test_imports_without_numpy():
    code = "import sys; sys.modules['numpy'] = None\nimport quern.core as mx\nprint((mx.array([[1, 2]]) + 1).tolist())"
    done = run("-c", code)
    assert done.returncode == 0 and done.stdout == "[[2, 3]]\n", done.stderr


def test_threads():
    results, errors = {}, []

    def work(k):
        try:
            x = mx.array(np.full((32, 32), k, np.float32))
            for _ in range(20):
                value, g = mx.value_and_grad(lambda v: (v * v).sum())(x)
                assert value.item() == 1024 * k * k and g[0, 0].item() == 2 * k
            results[k] = True
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors and len(results) == 6


def test_settings_and_reports_beside_threads_that_compute():
    """Calls that wait for the runtime's lock do so without the GIL; a deadlock would end in run's timeout."""
    code = """
import threading
import numpy as np
import quern
import quern.core as mx
from quern import _ext

done = threading.Event()

def compute(k):
    double = mx.compile(lambda v: v * 2 + 1)
    for i in range(100):
        x = _ext.from_dlpack(np.full((3 + i % 7, 4), k, np.float32))
        assert (double(x) @ x.T).sum().item() == (2 * k + 1) * k * 4 * (3 + i % 7) ** 2

def disturb():
    while not done.is_set():
        mx.clear_cache()
        mx.reset_peak_memory()
        mx.get_active_memory()
        quern.set_kernels("")
        _ext.set_profiling(True)
        assert _ext.report_plugins() and isinstance(_ext.report_kernels(), list)

threads = [threading.Thread(target=compute, args=(k,)) for k in (1, 2)]
other = threading.Thread(target=disturb)
for t in [*threads, other]:
    t.start()
for t in threads:
    t.join()
done.set()
other.join()
print("done")
"""
    finished = run("-c", code)
    assert finished.returncode == 0 and finished.stdout == "done\n", finished.stderr


ODD = [None, True, -1, 2**70, 1.5, float("nan"), 1j, "x", b"x", [], (), {}, object(), [1, "a"], slice(None), ..., print, int, type]


@pytest.mark.parametrize("name", [n for n in dir(mx) if callable(getattr(mx, n)) and not n.startswith("_") and n not in ("eval", "async_eval")])
def test_odd_arguments_raise_and_nothing_worse(name):
    """Every function takes every odd value, alone and beside an array; Python exceptions are all that may come."""
    function = getattr(mx, name)
    if name in ("export_to_dot", "save", "savez", "savez_compressed", "save_safetensors", "save_gguf"):
        pytest.skip("writes files")
    if name.startswith(("set_", "clear_", "reset_", "disable_", "enable_")):
        pytest.skip("changes settings")
    before = mx.get_printoptions().precision
    x = mx.arange(6.0).reshape(2, 3)
    for odd in ODD:
        for arguments in ([odd], [x, odd], [odd, x], [x, x, odd], [[x, odd]]):
            if odd is not None and isinstance(odd, int) and name in ("zeros", "ones", "full", "empty", "arange", "tri", "eye", "identity"):
                continue
            try:
                mx.eval(function(*arguments))
            except Exception:  # noqa: BLE001 - which one is for other tests
                pass
    assert mx.get_printoptions().precision == before
    assert (x + 1).tolist() == [[1, 2, 3], [4, 5, 6]]
