"""Element-wise functions that are more than one op, comparisons of whole arrays, rounding, cumulative sums, sorting."""

import builtins
import math

from .._ext import Dtype, array, as_array, as_arrays, bool_, complex64, float32, int32
from ._arguments import axis_in, check_array, check_stream
from ._dtypes import floating, inexact, issubdtype
from ._ops import ops
from ._reduce import all
from ._shape import flatten

__all__ = [
    "allclose",
    "argpartition",
    "argsort",
    "array_equal",
    "astype",
    "clip",
    "conj",
    "conjugate",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "degrees",
    "diff",
    "divmod",
    "imag",
    "isclose",
    "isfinite",
    "isneginf",
    "isposinf",
    "logcumsumexp",
    "logical_xor",
    "nan_to_num",
    "partition",
    "positive",
    "radians",
    "real",
    "round",
    "searchsorted",
    "sort",
    "topk",
    "unique",
    "where",
]


def astype(a: array, dtype: Dtype, /, *, stream=None) -> array:
    """a converted to another dtype."""
    check_stream(stream)
    return ops.astype(check_array(a, "astype"), dtype)


def _astype_method(self, dtype, stream=None):
    """The array converted to another dtype."""
    check_stream(stream)
    return ops.astype(self, dtype)


def positive(a: array, /, *, stream=None) -> array:
    """+a."""
    check_stream(stream)
    return array(as_array(a))


def clip(a: array, /, a_min, a_max, *, stream=None) -> array:
    """a bounded below by a_min and above by a_max; one of them may be None."""
    check_stream(stream)
    a = as_array(a)
    if a_min is None and a_max is None:
        raise ValueError("At most one of a_min and a_max may be None")
    if a_min is not None:
        a = ops.maximum(a, as_array(a_min, a.dtype))
    return a if a_max is None else ops.minimum(a, as_array(a_max, a.dtype))


def where(condition, x, y, /, *, stream=None) -> array:
    """x where condition is true, else y."""
    check_stream(stream)
    x, y = as_arrays(x, y)
    return ops.where(as_array(condition, bool_), x, y)


def isfinite(a: array, stream=None) -> array:
    """True where a is neither infinite nor NaN."""
    check_stream(stream)
    a = as_array(a)
    return ops.logical_not(ops.logical_or(ops.isinf(a), ops.isnan(a)))


def _signed_inf(a, sign):
    a = as_array(a)
    if not issubdtype(a.dtype, floating):
        return ops.full(as_array(False), a.shape)
    return ops.equal(a, as_array(sign * math.inf, a.dtype))


def isposinf(a: array, stream=None) -> array:
    """True where a is plus infinity."""
    check_stream(stream)
    return _signed_inf(a, 1)


def isneginf(a: array, stream=None) -> array:
    """True where a is minus infinity."""
    check_stream(stream)
    return _signed_inf(a, -1)


def logical_xor(a, b, /, *, stream=None) -> array:
    """True where exactly one of both is true."""
    check_stream(stream)
    a, b = as_arrays(a, b)
    return ops.not_equal(ops.astype(a, bool_), ops.astype(b, bool_))


def divmod(a, b, stream=None) -> list[array]:
    """The quotient, rounded down, and the remainder."""
    check_stream(stream)
    a, b = as_arrays(a, b)
    return list(ops.divmod(a, b))


def degrees(a, /, *, stream=None) -> array:
    """Radians as degrees."""
    check_stream(stream)
    return as_array(a) * (180 / math.pi)


def radians(a, /, *, stream=None) -> array:
    """Degrees as radians."""
    check_stream(stream)
    return as_array(a) * (math.pi / 180)


def round(a: array, /, decimals: int = 0, stream=None) -> array:
    """a rounded to the nearest number of the given decimals, halves to even."""
    check_stream(stream)
    a = as_array(a)
    if decimals == 0:
        return ops.round(a)
    if issubdtype(a.dtype, inexact):
        scale = as_array(10.0**decimals, a.dtype)
        return ops.round(a * scale) / scale
    if decimals > 0:
        return a
    scale = 10**-decimals
    return ops.astype(ops.round(ops.astype(a, float32) / scale) * scale, a.dtype)


def nan_to_num(a, nan: float = 0, posinf: float | None = None, neginf: float | None = None, *, stream=None) -> array:
    """a with NaN and infinities replaced: by nan, and by the limits of the dtype unless given."""
    from ._dtypes import finfo

    check_stream(stream)
    a = as_array(a)
    if not issubdtype(a.dtype, inexact):
        return a
    limits = finfo(a.dtype)
    a = ops.where(ops.isnan(a), as_array(float(nan), a.dtype), a)
    a = ops.where(_signed_inf(a, 1), as_array(float(limits.max if posinf is None else posinf), a.dtype), a)
    return ops.where(_signed_inf(a, -1), as_array(float(limits.min if neginf is None else neginf), a.dtype), a)


def real(a: array, /, *, stream=None) -> array:
    """The real part."""
    check_stream(stream)
    return ops.real(a) if check_array(a, "real").dtype == complex64 else a


def imag(a: array, /, *, stream=None) -> array:
    """The imaginary part; zeros for real arrays."""
    check_stream(stream)
    check_array(a, "imag")
    return ops.imag(a) if a.dtype == complex64 else ops.full(as_array(0, a.dtype), a.shape)


def conjugate(a: array, *, stream=None) -> array:
    """The complex conjugate."""
    check_stream(stream)
    return ops.conjugate(a) if check_array(a, "conjugate").dtype == complex64 else a


conj = conjugate


def isclose(
    a: array, b: array, /, rtol: float = 1e-05, atol: float = 1e-08, *, equal_nan: bool = False, stream=None
) -> array:
    """True where |a - b| <= atol + rtol * |b|; infinities only equal themselves."""
    check_stream(stream)
    a, b = as_arrays(a, b)
    if not issubdtype(a.dtype, inexact):
        a = ops.astype(a, float32)
    if not issubdtype(b.dtype, inexact):
        b = ops.astype(b, float32)
    close = ops.less_equal(ops.abs(a - b), ops.abs(b) * rtol + atol)
    infinite = ops.logical_or(ops.isinf(a), ops.isinf(b))
    close = ops.logical_or(ops.logical_and(close, ops.logical_not(infinite)), ops.equal(a, b))
    if equal_nan:
        close = ops.logical_or(close, ops.logical_and(ops.isnan(a), ops.isnan(b)))
    return close


def allclose(
    a: array, b: array, /, rtol: float = 1e-05, atol: float = 1e-08, *, equal_nan: bool = False, stream=None
) -> array:
    """Whether isclose holds everywhere."""
    return all(isclose(a, b, rtol, atol, equal_nan=equal_nan, stream=stream))


def array_equal(a, b, equal_nan: bool = False, stream=None) -> array:
    """Whether both have the same shape and elements."""
    check_stream(stream)
    a, b = as_arrays(a, b)
    if a.shape != b.shape:
        return array(False)
    same = ops.equal(a, b)
    if equal_nan and issubdtype(a.dtype, inexact) and issubdtype(b.dtype, inexact):
        same = ops.logical_or(same, ops.logical_and(ops.isnan(a), ops.isnan(b)))
    return all(same)


# ---- along an axis ----


def _cumulative(name, op, a, axis, reverse, inclusive):
    check_array(a, name)
    if axis is None:
        a, axis = flatten(a), 0
    return op(a, axis_in(axis, a.ndim, name), reverse, inclusive)


def cumsum(
    a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, dtype=None, stream=None
) -> array:
    """Running sums along axis (None = flattened); the i-th excludes element i unless inclusive."""
    check_stream(stream)
    if dtype is not None:
        a = ops.astype(check_array(a, "cumsum"), dtype)
    elif isinstance(a, array) and a.dtype == bool_:
        a = ops.astype(a, int32)
    return _cumulative("cumsum", ops.cumsum, a, axis, reverse, inclusive)


def cumprod(
    a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, dtype=None, stream=None
) -> array:
    """Running products along axis (None = flattened)."""
    check_stream(stream)
    if dtype is not None:
        a = ops.astype(check_array(a, "cumprod"), dtype)
    return _cumulative("cumprod", ops.cumprod, a, axis, reverse, inclusive)


cumulative_sum = cumsum
cumulative_prod = cumprod


def cummax(a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, stream=None) -> array:
    """Running maxima along axis (None = flattened)."""
    check_stream(stream)
    return _cumulative("cummax", ops.cummax, a, axis, reverse, inclusive)


def cummin(a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, stream=None) -> array:
    """Running minima along axis (None = flattened)."""
    check_stream(stream)
    return _cumulative("cummin", ops.cummin, a, axis, reverse, inclusive)


def logcumsumexp(
    a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, stream=None
) -> array:
    """log of running sums of exp(a), without overflow."""
    check_stream(stream)
    return _cumulative("logcumsumexp", ops.logcumsumexp, a, axis, reverse, inclusive)


def diff(a: array, /, n: int = 1, axis: int = -1, *, stream=None) -> array:
    """The n-th differences of neighbours along axis."""
    check_stream(stream)
    check_array(a, "diff")
    if a.ndim == 0:
        raise ValueError("[diff] Input must be at least one-dimensional.")
    if n < 0:
        raise ValueError(f"[diff] Order must be non-negative but got {n}.")
    axis = axis_in(axis, a.ndim, "diff")
    pick = (slice(None),) * axis
    for _ in range(builtins.min(n, a.shape[axis])):  # nothing is left after as many steps as there are elements
        later, earlier = a[(*pick, slice(1, None))], a[(*pick, slice(None, -1))]
        a = ops.not_equal(later, earlier) if a.dtype == bool_ else later - earlier
    return a


def _along(name, op, a, axis, *extra):
    check_array(a, name)
    if axis is None:
        a, axis = flatten(a), 0
    return op(a, *extra, axis_in(axis, a.ndim, name))


def sort(a: array, /, axis: int | None = -1, *, stream=None) -> array:
    """a sorted along axis (None = flattened); NaN last."""
    check_stream(stream)
    return _along("sort", ops.sort, a, axis)


def argsort(a: array, /, axis: int | None = -1, *, stream=None) -> array:
    """The indices (uint32) that sort a along axis."""
    check_stream(stream)
    return _along("argsort", ops.argsort, a, axis)


def _kth(name, a, kth, axis):
    n = check_array(a, name).size if axis is None else a.shape[axis_in(axis, a.ndim, name)]
    if not -n <= kth < n:
        raise ValueError(f"[{name}] Received invalid kth {kth} along axis {axis} with size {n}.")


def partition(a: array, /, kth: int, axis: int | None = -1, *, stream=None) -> array:
    """a with its kth smallest element along axis in place, smaller ones before it."""
    check_stream(stream)
    _kth("partition", a, kth, axis)
    return _along("partition", ops.partition, a, axis, kth)


def argpartition(a: array, /, kth: int, axis: int | None = -1, *, stream=None) -> array:
    """The indices that partition a along axis."""
    check_stream(stream)
    _kth("argpartition", a, kth, axis)
    return _along("argpartition", ops.argpartition, a, axis, kth)


def topk(a: array, /, k: int, axis: int | None = -1, *, stream=None) -> array:
    """The k largest elements along axis, in ascending order."""
    check_stream(stream)
    n = check_array(a, "topk").size if axis is None else a.shape[axis_in(axis, a.ndim, "topk")]
    if k < 0 or k > n:
        raise ValueError(f"[topk] Received invalid k={k} along axis {axis} with size {n}.")
    return ops.sort(_along("topk", ops.topk, a, axis, k), 0 if axis is None else axis_in(axis, a.ndim, "topk"))


def searchsorted(sorted_sequence: array, values: array, /, side: str = "left", *, stream=None) -> array:
    """Where values would be inserted (uint32) to keep the 1-d sequence sorted; before (left) or after (right) equals."""
    check_stream(stream)
    sorted_sequence, values = check_array(sorted_sequence, "searchsorted"), as_array(values)
    if sorted_sequence.ndim != 1:
        raise ValueError("[searchsorted] the sorted sequence must be one-dimensional.")
    if side not in ("left", "right"):
        raise ValueError(f"[searchsorted] side must be 'left' or 'right', not {side!r}.")
    return ops.searchsorted(sorted_sequence, values, side)


def unique(
    a: array,
    /,
    size: int,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    fill_value=None,
    *,
    stream=None,
):
    """The sorted distinct elements of a, in an array of the given size, padded with fill_value (None = the smallest)."""
    check_stream(stream)
    x = flatten(check_array(a, "unique"))
    n = x.shape[0]
    order = ops.argsort(x, 0)
    s = ops.take(x, order, 0)
    first = ops.concatenate([ops.full(as_array(True), (builtins.min(n, 1),)), ops.not_equal(s[1:], s[:-1])], 0)
    rank = ops.cumsum(ops.astype(first, int32), 0, False, True) - 1
    found = as_array(-1) if n == 0 else rank[-1]
    slots = ops.arange(0, size, 1, int32)
    start = searchsorted(rank, slots)
    safe = ops.minimum(start, as_array(builtins.max(n - 1, 0), start.dtype))
    real_slot = ops.less_equal(slots, found)
    values = ops.take(s, safe, 0)
    fill = s[0] if fill_value is None else as_array(fill_value, x.dtype)
    out = [ops.where(real_slot, values, ops.astype(fill, x.dtype))]
    if return_index:
        out.append(ops.where(real_slot, ops.take(order, safe, 0), order[0]))
    if return_inverse:
        inverse = ops.take(rank, ops.argsort(order, 0), 0)
        out.append(ops.reshape(ops.astype(inverse, order.dtype), a.shape))
    if return_counts:
        end = searchsorted(rank, slots, side="right")
        out.append(ops.where(real_slot, ops.astype(end - start, int32), as_array(0)))
    return out[0] if len(out) == 1 else tuple(out)


