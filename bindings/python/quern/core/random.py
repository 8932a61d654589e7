"""Random arrays from keys. A key gives the draws that MLX gives for it; without one, the global state is split."""

import math
import time

from .._ext import Dtype, array, as_array, bool_, complex64, float32, float64, int32, uint32
from ._arguments import axis_in, check_array, check_stream
from ._dtypes import floating, integer, issubdtype
from ._ops import ops
from ._shape import broadcast_shapes


def _seed_of(seed, name):
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed.__index__() < 2**64:
        raise TypeError(f"{name}(): expected an int from 0 to 2**64 - 1, not {seed!r}.")
    return seed.__index__()


def key(seed: int) -> array:
    """The key (uint32, shape (2,)) that a seed stands for."""
    seed = _seed_of(seed, "key")
    return array([seed >> 32, seed & 0xFFFFFFFF], uint32)


class _RandomState(list):
    """The global state: a list of one key, so that compile can take it as inputs and outputs."""

    def __getitem__(self, k):
        try:
            return super().__getitem__(k)
        except IndexError:
            raise IndexError("random state index out of range") from None


state = _RandomState([key(time.time_ns() & 0xFFFFFFFF)])


def seed(seed: int) -> None:
    """Sets the global state."""
    state[0] = key(seed)


def _next(given, name):
    """The key to draw with: the given one, or the next of the global state."""
    if given is not None:
        if not isinstance(given, array):
            raise TypeError(f"{name}(): key is an array, not {type(given).__name__}.")
        if given.dtype != uint32:
            raise ValueError(f"[bits] Expected key type uint32 but received {given.dtype._name}.")
        if given.shape != (2,):
            raise ValueError(f"[bits] Expected key shape (2) but received {given.shape}.")
        return given
    both = ops.random_split(state[0], 2)
    state[0] = both[0]
    return both[1]


def split(key: array, num: int = 2, stream=None) -> array:
    """num new keys from one, shape (num, 2)."""
    check_stream(stream)
    return ops.random_split(_next(check_array(key, "split"), "split"), num)


def _shape(shape, name):
    if not isinstance(shape, (list, tuple)):
        raise TypeError(f"{name}(): a shape is a sequence of ints, not {type(shape).__name__}.")
    return tuple(shape)


def _float(dtype, name, what):
    dtype = float32 if dtype is None else dtype
    if not isinstance(dtype, Dtype):
        raise TypeError(f"{name}(): expected a Dtype, not {type(dtype).__name__}.")
    if not issubdtype(dtype, floating):
        raise ValueError(f"[{name}] Can only generate {what} with real floating point type.")
    return dtype


def uniform(low=0, high=1, shape=(), dtype: Dtype | None = float32, key: array | None = None, stream=None) -> array:
    """Uniform numbers on [low, high), which broadcast to the shape."""
    check_stream(stream)
    dtype = _float(dtype, "uniform", "uniform numbers")
    return _uniform(low, high, _shape(shape, "uniform"), dtype, _next(key, "uniform"))


def _uniform(low, high, shape, dtype, k):
    low, high = (ops.astype(as_array(v, dtype), dtype) for v in (low, high))
    if dtype == float64:
        return ops.astype(_uniform(low, high, shape, float32, k), float64)
    return ops.random_uniform(k, low, high, shape, dtype)


def normal(
    shape=(), dtype: Dtype | None = float32, loc=None, scale=None, key: array | None = None, stream=None
) -> array:
    """Normal numbers with mean loc (0) and standard deviation scale (1)."""
    check_stream(stream)
    shape = _shape(shape, "normal")
    k = _next(key, "normal")
    if dtype == complex64:
        parts = ops.random_normal(k, as_array(0.0), as_array(math.sqrt(0.5)), (*shape, 2), float32)
        x = ops.reshape(ops.view(parts, complex64), shape)
    else:
        dtype = _float(dtype, "normal", "normal numbers")
        drawn = float32 if dtype == float64 else dtype
        x = ops.random_normal(k, as_array(0, drawn), as_array(1, drawn), shape, drawn)
        x = ops.astype(x, dtype) if drawn != dtype else x
    if scale is not None:
        x = x * (ops.astype(scale, dtype) if isinstance(scale, array) else scale)
    if loc is not None:
        x = x + (ops.astype(loc, dtype) if isinstance(loc, array) else loc)
    return x


def randint(low, high, shape=(), dtype: Dtype | None = int32, key: array | None = None, stream=None) -> array:
    """Integers on [low, high), which broadcast to the shape."""
    check_stream(stream)
    dtype = int32 if dtype is None else dtype
    if not isinstance(dtype, Dtype):
        raise TypeError(f"randint(): expected a Dtype, not {type(dtype).__name__}.")
    if not (issubdtype(dtype, integer) or dtype == bool_):
        raise ValueError("[randint] randint only accepts integer dtypes and bool.")
    low, high = as_array(low), as_array(high)
    u = _uniform(ops.astype(low, float32), ops.astype(high, float32), _shape(shape, "randint"), float32, _next(key, "randint"))
    return ops.astype(ops.maximum(ops.floor(u), ops.astype(low, float32)), dtype)


def bernoulli(p=0.5, shape=None, key: array | None = None, stream=None) -> array:
    """True with probability p; the shape is that of p when None."""
    check_stream(stream)
    p = as_array(p)
    if not issubdtype(p.dtype, floating):
        raise ValueError("[bernoulli] bernoulli probability `p` must be a float type.")
    return ops.random_bernoulli(_next(key, "bernoulli"), p, p.shape if shape is None else _shape(shape, "bernoulli"))


def truncated_normal(
    lower, upper, shape=None, dtype: Dtype | None = float32, key: array | None = None, stream=None
) -> array:
    """Normal numbers within [lower, upper], by the inverse of the distribution function."""
    check_stream(stream)
    dtype = _float(dtype, "truncated_normal", "normal numbers")
    lower, upper = (ops.astype(as_array(v, dtype), dtype) for v in (lower, upper))
    bounds = broadcast_shapes(lower.shape, upper.shape)
    shape = bounds if shape is None else _shape(shape, "truncated_normal")
    root = as_array(math.sqrt(2), dtype)
    a, b = ops.erf(lower / root), ops.erf(upper / root)
    u = _uniform(a, b, shape, dtype, _next(key, "truncated_normal"))
    return ops.maximum(ops.minimum(root * ops.erfinv(u), upper), lower)


def gumbel(shape=(), dtype: Dtype | None = float32, key: array | None = None, stream=None) -> array:
    """Standard Gumbel numbers: -log(-log(u))."""
    check_stream(stream)
    dtype = _float(dtype, "gumbel", "gumbel numbers")
    u = _uniform(0, 1, _shape(shape, "gumbel"), dtype, _next(key, "gumbel"))
    return ops.negative(ops.log(ops.negative(ops.log(u))))


def laplace(
    shape=(),
    dtype: Dtype | None = float32,
    loc: float = 0.0,
    scale: float = 1.0,
    key: array | None = None,
    stream=None,
) -> array:
    """Laplace numbers: sign(u) log(1 - |u|) for uniform u on (-1, 1), times scale, plus loc."""
    check_stream(stream)
    dtype = _float(dtype, "laplace", "laplace numbers")
    low = math.nextafter(-1, 0) if dtype == float64 else as_array(-0.99999994, dtype)
    u = _uniform(low, 1, _shape(shape, "laplace"), dtype, _next(key, "laplace"))
    x = ops.sign(u) * ops.log1p(ops.negative(ops.abs(u)))
    x = x * scale if scale != 1.0 else x
    return x + loc if loc != 0.0 else x


def categorical(
    logits: array,
    axis: int = -1,
    shape=None,
    num_samples: int | None = None,
    key: array | None = None,
    stream=None,
) -> array:
    """Indices (uint32) along axis drawn with probabilities softmax(logits).

    shape: of the result (broadcasts with logits without axis); num_samples: that many draws, as a last axis.
    """
    check_stream(stream)
    check_array(logits, "categorical")
    axis = axis_in(axis, logits.ndim, "categorical")
    if shape is not None and num_samples is not None:
        raise ValueError("[categorical] At most one of shape or num_samples can be specified.")
    if shape is not None:
        shape = _shape(shape, "categorical")
        rest = (*logits.shape[:axis], *logits.shape[axis + 1 :])
        if broadcast_shapes(shape, rest) != shape:
            raise ValueError(f"[categorical] Requested shape {shape} is not broadcast compatible with reduced logits shape {rest}.")
    elif num_samples is not None and num_samples < 0:
        raise ValueError(f"[categorical] num_samples must not be negative, but it is {num_samples}.")
    return ops.random_categorical(_next(key, "categorical"), logits, axis, shape, num_samples)


def permutation(x, axis: int = 0, key: array | None = None, stream=None) -> array:
    """0 to x - 1 in random order, or an array with its slices along axis in random order."""
    check_stream(stream)
    if isinstance(x, array):
        axis = axis_in(axis, x.ndim, "permutation")
        order = ops.argsort(ops.random_bits(_next(key, "permutation"), (x.shape[axis],), 4), 0)
        return ops.take(x, order, axis)
    if isinstance(x, bool) or not isinstance(x, int):
        raise TypeError(f"permutation(): expected an int or an array, not {type(x).__name__}.")
    return ops.argsort(ops.random_bits(_next(key, "permutation"), (x,), 4), 0)


def multivariate_normal(
    mean: array, cov: array, shape=(), dtype: Dtype | None = float32, key: array | None = None, stream=None
) -> array:
    """Normal vectors with the given mean (.., n) and covariance (.., n, n), one for each entry of the shape (by default
    that of the leading axes), with which their leading axes broadcast."""
    check_stream(stream)
    check_array(mean, "multivariate_normal")
    check_array(cov, "multivariate_normal")
    if dtype not in (None, float32):
        raise ValueError("[multivariate_normal] dtype must be float32.")
    return ops.random_multivariate_normal(
        _next(key, "multivariate_normal"), mean, cov, _shape(shape, "multivariate_normal")
    )
