"""Doing the same with Quern and with MLX, and comparing. Used by the tests of this folder."""

from __future__ import annotations

import inspect

import mlx.core
import mlx.nn
import mlx.nn.utils
import mlx.optimizers
import mlx.utils
import numpy as np
import quern.core
import quern.nn
import quern.nn.utils
import quern.optimizers
import quern.utils

# MLX compiles its activations with a C++ compiler, which takes seconds each.
mlx.core.disable_compile()


class Side:
    """One of the two libraries, its modules under short names for expressions."""

    def __init__(self, name, core, nn, optimizers, utils):
        self.name = name
        self.mx = core
        self.nn = nn
        self.optim = optimizers
        self.utils = utils

    def eval(self, expression: str, **names):
        """The value of a Python expression over mx, nn, optim and utils."""
        scope = {
            "mx": self.mx,
            "nn": self.nn,
            "optim": self.optim,
            "utils": self.utils,
        }
        return eval(expression, {**scope, **names})

    def array(self, value, dtype: str | None = None):
        """The array of a NumPy array or nested list."""
        value = np.asarray(value)
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        elif value.dtype == np.int64:
            value = value.astype(np.int32)
        x = self.mx.array(value)
        return x if dtype is None else x.astype(getattr(self.mx, dtype))


QUERN = Side(
    "quern", quern.core, quern.nn, quern.optimizers, quern.utils
)
MLX = Side("mlx", mlx.core, mlx.nn, mlx.optimizers, mlx.utils)


def is_array(value) -> bool:
    return isinstance(value, (quern.core.array, mlx.core.array))


def numpy_of(value) -> np.ndarray:
    """The NumPy array of an array of either side; bfloat16 as float32."""
    if is_array(value):
        side = QUERN if isinstance(value, quern.core.array) else MLX
        if value.dtype == side.mx.bfloat16:
            value = value.astype(side.mx.float32)
    return np.array(value)


def dtype_name(array) -> str:
    return str(array.dtype).rsplit(".", 1)[-1]


def assert_same(ours, theirs, tolerance: float = 1e-5, where: str = "result"):
    """Equal trees: structure, shapes, dtypes, and values to `tolerance` relative or absolute."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        assert sorted(ours) == sorted(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], tolerance, f"{where}.{key}")
    elif isinstance(theirs, (list, tuple)):
        assert isinstance(ours, type(theirs)), where
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs)):
            assert_same(a, b, tolerance, f"{where}.{i}")
    elif is_array(theirs):
        assert is_array(ours), where
        assert tuple(ours.shape) == tuple(theirs.shape), where
        assert dtype_name(ours) == dtype_name(theirs), where
        a, b = numpy_of(ours), numpy_of(theirs)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=where)
    else:
        assert ours == theirs, where


def copy_weights(source, target):
    """Give the module `target` of ours the parameters of the module `source` of theirs."""
    pairs = mlx.utils.tree_flatten(source.parameters())
    target.load_weights([(name, QUERN.mx.array(numpy_of(a))) for name, a in pairs])


def twins(expression: str):
    """(our module, their module) of one expression, with the same weights."""
    ours, theirs = QUERN.eval(expression), MLX.eval(expression)
    copy_weights(theirs, ours)
    return ours, theirs


def outcome(side: Side, expression: str, **names):
    """("value", result) or ("error", exception)."""
    try:
        return "value", side.eval(expression, **names)
    except Exception as error:
        return "error", error


def assert_same_error(expression: str, **names):
    """Both sides raise, and the same type of error; ours has a text."""
    ours, theirs = outcome(QUERN, expression, **names), outcome(MLX, expression, **names)
    assert theirs[0] == "error", f"MLX does not raise: {theirs[1]!r}"
    assert ours[0] == "error", f"we do not raise: {ours[1]!r}"
    assert type(ours[1]) is type(theirs[1]), f"{ours[1]!r}, not {theirs[1]!r}"
    assert str(ours[1])


def public_names(module) -> list[str]:
    """The names of an MLX module, or of ours, that are not merely imported from elsewhere."""

    def is_own(value):
        home = getattr(value, "__module__", None) or ""
        return home.startswith(("mlx", "quern"))

    return [
        name
        for name in dir(module)
        if not name.startswith("_")
        and not inspect.ismodule(getattr(module, name))
        and is_own(getattr(module, name))
    ]
