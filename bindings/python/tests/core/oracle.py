"""Runs one expression on Quern and on the real MLX and compares values, dtypes, shapes and the type of errors."""

import math

import numpy as np
import pytest

import quern.core as quern

mlx = pytest.importorskip("mlx.core", reason="the real MLX is the oracle")
mlx.disable_compile()  # MLX compiles C++ for it; the results are the same

# float16 and bfloat16 are compared to two units in the last place, results of long sums to what their order allows.
TOLERANCE = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 2e-6, "float64": 2e-6, "complex64": 4e-6}


def dtype_name(a):
    return str(a.dtype).rsplit(".", 1)[-1]


def values(a, mx):
    if dtype_name(a) == "bfloat16":
        a = a.astype(mx.float32)
    return np.array(a)


def evaluate(expression, mx, **names):
    """("value", result) or ("error", exception)."""
    try:
        result = eval(expression, {"mx": mx, "np": np, "math": math, **names})
        mx.eval(result)
        return "value", result
    except Exception as error:  # noqa: BLE001 - any error is a result here
        return "error", error


def assert_same(ours, theirs, what, tolerance=1.0):
    if isinstance(theirs, mlx.array):
        assert isinstance(ours, quern.array), f"{what}: {type(ours)}"
        assert dtype_name(ours) == dtype_name(theirs), what
        assert ours.shape == theirs.shape, what
        x, y = values(ours, quern), values(theirs, mlx)
        rtol = tolerance * TOLERANCE.get(dtype_name(theirs), 0)
        scale = np.max(np.abs(y[np.isfinite(y)]), initial=0) if y.size and y.dtype.kind in "fc" else 0
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * float(scale), equal_nan=True, err_msg=what)
    elif isinstance(theirs, (list, tuple)):
        assert isinstance(ours, (list, tuple)) and len(ours) == len(theirs), f"{what}: {ours!r} {theirs!r}"
        for x, y in zip(ours, theirs):
            assert_same(x, y, what, tolerance)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs), what
        for k in theirs:
            assert_same(ours[k], theirs[k], what, tolerance)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-6, nan_ok=True), what
    elif theirs is None or isinstance(theirs, (bool, int, str, complex, bytes)):
        assert ours == theirs, what
    else:
        assert repr(ours).replace("quern.core", "mlx.core") == repr(theirs), what


def check(expression, tolerance=1.0, same_error=True, **names):
    """The expression gives the same on both. names: NumPy arrays (or functions of mx) for names in it."""

    def bound(mx):
        return {k: v(mx) if callable(v) else v for k, v in names.items()}

    ours = evaluate(expression, quern, **bound(quern))
    if isinstance(ours[1], NotImplementedError) and "this build of libquern" in str(ours[1]):
        pytest.skip(str(ours[1]))
    theirs = evaluate(expression, mlx, **bound(mlx))
    assert ours[0] == theirs[0], f"{expression}: ours {ours[1]!r}, MLX {theirs[1]!r}"
    if ours[0] == "error":
        assert str(ours[1]), expression
        if same_error:
            assert type(ours[1]) is type(theirs[1]), f"{expression}: ours {ours[1]!r}, MLX {theirs[1]!r}"
    else:
        assert_same(ours[1], theirs[1], expression, tolerance)


def sample(shape, dtype, mx, seed=0, low=-4, high=4):
    """The same random array on both."""
    rng = np.random.default_rng([seed, *shape, len(dtype)])
    if dtype == "bool_":
        return mx.array(rng.integers(0, 2, shape).astype(bool))
    if dtype.startswith("uint"):
        return mx.array(rng.integers(0, max(high, 1) + 4, shape).astype(dtype))
    if dtype.startswith("int"):
        return mx.array(rng.integers(low, high + 1, shape).astype(dtype))
    x = rng.uniform(low, high, shape).astype(np.float32)
    if dtype == "complex64":
        return mx.array(x + 1j * rng.uniform(low, high, shape).astype(np.float32))
    return mx.array(x).astype(getattr(mx, dtype))
