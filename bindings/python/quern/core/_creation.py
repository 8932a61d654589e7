"""Arrays from nothing, from other arrays' shapes and from other libraries."""

import math

from .. import _ext
from .._ext import Dtype, array, as_array, bool_, float32, float64, int32, int64
from ._arguments import check_array, check_stream, shape_of
from ._ops import ops

__all__ = [
    "arange",
    "asarray",
    "bartlett",
    "blackman",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "hamming",
    "hanning",
    "identity",
    "linspace",
    "ones",
    "ones_like",
    "tri",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]


def _check_dtype(dtype, name):
    if dtype is not None and not isinstance(dtype, Dtype):
        raise TypeError(f"{name}(): expected a Dtype, not {type(dtype).__name__}.")


def full(shape, vals, dtype: Dtype | None = None, *, stream=None) -> array:
    """An array of the shape filled with vals (a number, or an array that broadcasts)."""
    check_stream(stream)
    _check_dtype(dtype, "full")
    shape = shape_of(shape, "full")
    for n in shape:
        if n < 0:
            raise ValueError("[full] Negative dimensions not allowed.")
    vals = as_array(vals, dtype) if type(vals) is int else as_array(vals)
    if dtype is not None and vals.dtype != dtype:
        vals = ops.astype(vals, dtype)
    return ops.full(vals, shape)


def full_like(a: array, vals, dtype: Dtype | None = None, *, stream=None) -> array:
    """As full, with the shape and (when None) the dtype of a."""
    check_array(a, "full_like")
    return full(a.shape, vals, a.dtype if dtype is None else dtype, stream=stream)


def zeros(shape, dtype: Dtype | None = float32, *, stream=None) -> array:
    """Zeros of the shape."""
    return full(shape, 0, float32 if dtype is None else dtype, stream=stream)


def ones(shape, dtype: Dtype | None = float32, *, stream=None) -> array:
    """Ones of the shape."""
    return full(shape, 1, float32 if dtype is None else dtype, stream=stream)


def empty(shape, dtype: Dtype | None = float32, *, stream=None) -> array:
    """An array of the shape for values to come; it holds zeros."""
    return zeros(shape, dtype, stream=stream)


def zeros_like(a: array, /, dtype: Dtype | None = None, *, stream=None) -> array:
    """Zeros of the shape and (when None) dtype of a."""
    return full_like(a, 0, dtype, stream=stream)


def ones_like(a: array, /, dtype: Dtype | None = None, *, stream=None) -> array:
    """Ones of the shape and (when None) dtype of a."""
    return full_like(a, 1, dtype, stream=stream)


def empty_like(a: array, /, dtype: Dtype | None = None, *, stream=None) -> array:
    """As empty, with the shape and (when None) dtype of a."""
    return zeros_like(a, dtype, stream=stream)


_MISSING = object()


def arange(*args, start=_MISSING, stop=_MISSING, step=_MISSING, dtype: Dtype | None = None, stream=None) -> array:
    """arange(stop, step=1, dtype=None) or arange(start, stop, step=1, dtype=None): evenly spaced values below stop.

    The dtype is float32 when a bound is a float, else int32, or int64 for bounds that need it.
    """
    check_stream(stream)
    if len(args) == 1 and type(args[0]) is int and 0 <= args[0] < 2**31 and start is stop is step is _MISSING:
        if dtype is None or dtype != bool_ and isinstance(dtype, Dtype):
            return ops.arange(0, args[0], 1, int32 if dtype is None else dtype)
    if len(args) > 4:
        raise TypeError("arange(): incompatible function arguments: at most start, stop, step, dtype.")
    if len(args) == 4:
        if dtype is not None:
            raise TypeError("arange(): dtype was given twice.")
        dtype, args = args[3], args[:3]
    if args and isinstance(args[-1], Dtype):
        if dtype is not None:
            raise TypeError("arange(): dtype was given twice.")
        dtype, args = args[-1], args[:-1]
    given = {"start": start, "stop": stop, "step": step}
    names = ("start", "stop", "step")
    if len(args) == 1 and stop is _MISSING and start is _MISSING:
        names = ("stop",)
    elif len(args) == 1 and stop is _MISSING:
        names = ("stop", "step")
    for name, value in zip(names, args):
        if given[name] is not _MISSING:
            raise TypeError(f"arange(): {name} was given twice.")
        given[name] = value
    start, stop, step = (None if given[n] is _MISSING else given[n] for n in ("start", "stop", "step"))
    if stop is None:
        start, stop = None, start
    start = 0 if start is None else start
    step = 1 if step is None else step
    for v in (start, stop, step):
        if isinstance(v, bool):
            raise ValueError("bool not supported for arange.")
        if not isinstance(v, (int, float)):
            raise TypeError(f"arange(): incompatible function arguments: expected numbers, not {type(v).__name__}.")
    _check_dtype(dtype, "arange")
    if dtype == bool_:
        raise ValueError("[arange] bool not supported.")
    if step == 0:
        raise ValueError("[arange] step must be nonzero.")
    if not all(map(math.isfinite, (start, stop, step))):
        raise ValueError("[arange] Cannot compute length.")
    if dtype is None:
        if any(isinstance(v, float) for v in (start, stop, step)):
            dtype = float32
        else:
            dtype = int32 if all(-(2**31) <= v < 2**31 for v in (start, stop, step)) else int64
    return ops.arange(start, stop, step, dtype)


def linspace(
    start, stop, num: int | None = 50, endpoint: bool = True, dtype: Dtype | None = float32, stream=None
) -> array:
    """num evenly spaced values from start to stop; stop is among them when endpoint."""
    check_stream(stream)
    num = 50 if num is None else num.__index__()
    if num < 0:
        raise ValueError(f"[linspace] number of samples, {num}, must be non-negative.")
    start, stop = float(start), float(stop)
    if not endpoint:
        stop = stop - (stop - start) / num if num else stop
    return ops.linspace(start, stop, num, float32 if dtype is None else dtype)


def eye(n: int, m: int | None = None, k: int = 0, dtype: Dtype | None = float32, *, stream=None) -> array:
    """An n x m matrix (m = n when None) with ones on diagonal k."""
    check_stream(stream)
    m = n if m is None else m
    if n < 0 or m < 0:
        raise ValueError("[eye] Negative dimensions not allowed.")
    return ops.eye(n, m, k, float32 if dtype is None else dtype)


def identity(n: int, dtype: Dtype | None = float32, *, stream=None) -> array:
    """The n x n identity matrix."""
    return eye(n, n, 0, dtype, stream=stream)


def tri(n: int, m: int | None = None, k: int = 0, dtype: Dtype | None = None, *, stream=None) -> array:
    """An n x m matrix with ones on and below diagonal k."""
    check_stream(stream)
    m = n if m is None else m
    if n < 0 or m < 0:
        raise ValueError("[tri] Negative dimensions not allowed.")
    return ops.tri(n, m, k, float32 if dtype is None else dtype)


def _matrix(x, name):
    if check_array(x, name).ndim < 2:
        raise ValueError(f"[{name}] array must be at least 2-D")
    return x


def tril(x: array, k: int = 0, *, stream=None) -> array:
    """x with zeros above diagonal k of its last two axes."""
    check_stream(stream)
    _matrix(x, "tril")
    return ops.tril(x, k)


def triu(x: array, k: int = 0, *, stream=None) -> array:
    """x with zeros below diagonal k of its last two axes."""
    check_stream(stream)
    _matrix(x, "triu")
    return ops.triu(x, k)


def asarray(a, dtype: Dtype | None = None, *, copy: bool | None = None) -> array:
    """a as an array. Arrays are taken as they are; other values are copied unless copy=False and __dlpack__ is there."""
    _check_dtype(dtype, "asarray")
    if isinstance(a, array):
        x = a if dtype is None or dtype == a.dtype else ops.astype(a, dtype)
        return ops.copy(x) if copy else x
    if copy is False:
        x = from_dlpack(a, copy=False)
        if dtype is not None and dtype != x.dtype:
            raise ValueError("[asarray] a copy is needed to change the dtype.")
        return x
    return array(a, dtype)


def from_dlpack(x, /, *, copy: bool | None = None) -> array:
    """An array over the memory of x, which has __dlpack__; a copy of it when copy=True. float64 becomes float32."""
    if isinstance(x, array):
        return ops.copy(x) if copy else x
    shared = _ext.from_dlpack(x)
    if shared.dtype == float64 and copy is not False:
        return ops.astype(shared, float32)  # as mx.array does
    if copy:
        shared = ops.copy(shared)
        _ext.eval(shared)
    return shared


def _window(name, M, formula):
    if isinstance(M, bool) or not isinstance(M, int):
        raise TypeError(f"{name}(): expected an int, not {type(M).__name__}.")
    if M < 1:
        return array([])
    if M == 1:
        return ones((1,))
    return formula(ops.arange(0, M, 1, float32), M - 1)


def bartlett(M: int, *, stream=None) -> array:
    """The triangular window of M points."""
    check_stream(stream)
    return _window("bartlett", M, lambda n, last: 1 - ops.abs(n * (2 / last) - 1))


def hanning(M: int, *, stream=None) -> array:
    """The Hann window of M points: 0.5 - 0.5 cos(2 pi n / (M - 1))."""
    check_stream(stream)
    return _window("hanning", M, lambda n, last: 0.5 - 0.5 * ops.cos(n * (2 * math.pi / last)))


def hamming(M: int, *, stream=None) -> array:
    """The Hamming window of M points: 0.54 - 0.46 cos(2 pi n / (M - 1))."""
    check_stream(stream)
    return _window("hamming", M, lambda n, last: 0.54 - 0.46 * ops.cos(n * (2 * math.pi / last)))


def blackman(M: int, *, stream=None) -> array:
    """The Blackman window of M points: 0.42 - 0.5 cos(2 pi n / (M - 1)) + 0.08 cos(4 pi n / (M - 1))."""
    check_stream(stream)

    def formula(n, last):
        angle = n * (2 * math.pi / last)
        return 0.42 - 0.5 * ops.cos(angle) + 0.08 * ops.cos(2 * angle)

    return _window("blackman", M, formula)
