"""Reductions, and the normalisations that reduce on the way."""

from .._ext import array, as_array, bool_, float16, float32, int32, uint8, uint16, uint32
from ._arguments import axes_in, axis_in, check_array, check_stream
from ._dtypes import result_type
from ._ops import ops

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "minmax",
    "prod",
    "softmax",
    "std",
    "sum",
    "var",
]


def _reduce(name, a, axis, keepdims, op, *extra, refuse_empty=False):
    check_array(a, name)
    if axis is None:
        if refuse_empty and a.size == 0:
            raise ValueError(f"[{name}] Cannot {name} reduce over axis 0 with size 0.")
        return op(a, None, keepdims, *extra)
    axes = axes_in(axis, a.ndim, name)
    if refuse_empty and a.size == 0:
        for k in axes:
            if a.shape[k] == 0:
                raise ValueError(f"[{name}] Cannot {name} reduce over axis {k} with size 0.")
    if not axes:  # no axes: every element is its own reduction
        return op(ops.expand_dims(a, (0,)), (0,), False, *extra)
    return op(a, axes, keepdims, *extra)


def _wide(a):
    """Small unsigned integers are summed as uint32."""
    return ops.astype(a, uint32) if isinstance(a, array) and a.dtype in (uint8, uint16) else a


def sum(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """Sum over axis (None = all). Booleans and small integers are summed in 32 bits."""
    check_stream(stream)
    return _reduce("sum", _wide(a), axis, keepdims, ops.sum)


def prod(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """Product over axis (None = all)."""
    check_stream(stream)
    return _reduce("prod", _wide(a), axis, keepdims, ops.prod)


def max(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """The largest element over axis (None = all); NaN if there is one."""
    check_stream(stream)
    return _reduce("max", a, axis, keepdims, ops.max, refuse_empty=True)


def min(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """The smallest element over axis (None = all); NaN if there is one."""
    check_stream(stream)
    return _reduce("min", a, axis, keepdims, ops.min, refuse_empty=True)


def minmax(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> tuple[array, array]:
    """The smallest and the largest element over axis."""
    return min(a, axis, keepdims, stream=stream), max(a, axis, keepdims, stream=stream)


def all(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """Whether every element over axis is true."""
    check_stream(stream)
    return _reduce("all", a, axis, keepdims, ops.all)


def any(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """Whether some element over axis is true."""
    check_stream(stream)
    return _reduce("any", a, axis, keepdims, ops.any)


def mean(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """Arithmetic mean over axis, in floating point."""
    check_stream(stream)
    return _reduce("mean", a, axis, keepdims, ops.mean)


def var(a: array, /, axis=None, keepdims: bool = False, ddof: int = 0, *, stream=None) -> array:
    """Variance over axis, divided by n - ddof."""
    check_stream(stream)
    return _reduce("var", a, axis, keepdims, ops.var, ddof)


def std(a: array, /, axis=None, keepdims: bool = False, ddof: int = 0, *, stream=None) -> array:
    """Standard deviation over axis."""
    check_stream(stream)
    return _reduce("std", a, axis, keepdims, ops.std, ddof)


def logsumexp(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """log(sum(exp(a))) over axis, without overflow."""
    check_stream(stream)
    return _reduce("logsumexp", a, axis, keepdims, ops.logsumexp)


def _arg(name, op, a, axis, keepdims):
    check_array(a, name)
    if a.size == 0:
        raise ValueError(f"[{name}] Cannot {name} reduce zero size array.")
    return op(a, None if axis is None else (axis_in(axis, a.ndim, name),), keepdims)


def argmax(a: array, /, axis: int | None = None, keepdims: bool = False, *, stream=None) -> array:
    """Index (uint32) of the first largest element along axis, or in the flattened array."""
    check_stream(stream)
    return _arg("argmax", ops.argmax, a, axis, keepdims)


def argmin(a: array, /, axis: int | None = None, keepdims: bool = False, *, stream=None) -> array:
    """Index (uint32) of the first smallest element along axis, or in the flattened array."""
    check_stream(stream)
    return _arg("argmin", ops.argmin, a, axis, keepdims)


def count_nonzero(a: array, /, *, axis=None, keepdims: bool = False, stream=None) -> array:
    """Number of elements that are not zero, over axis."""
    check_array(a, "count_nonzero")
    return sum(ops.astype(ops.not_equal(a, as_array(0, a.dtype)), int32), axis, keepdims, stream=stream)


def median(a: array, /, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """The middle value over axis; the mean of both for an even number."""
    check_stream(stream)
    check_array(a, "median")
    axes = axes_in(axis, a.ndim, "median")
    if a.size == 0:
        raise ValueError("[median] Cannot compute the median of an empty array.")
    return ops.median(a, axes, keepdims) if axes else ops.astype(a, result_type(a, float16))


def softmax(a: array, /, axis=None, *, precise: bool = False, stream=None) -> array:
    """exp(a) / sum(exp(a)) over axis (None = all). The kernels already accumulate in float32 when `precise`."""
    check_stream(stream)
    check_array(a, "softmax")
    axes = axes_in(axis, a.ndim, "softmax")
    return ops.softmax(a, axes) if axes else ones_where(a)


def ones_where(a):
    """The softmax over no axes: one everywhere."""
    return ops.full(as_array(1, a.dtype if a.dtype != bool_ else float32), a.shape)
