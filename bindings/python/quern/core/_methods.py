"""Attaches to the array type the methods that are Python functions, under the names MLX gives them."""

from .. import _ext
from .._ext import array
from . import _math, _reduce, _shape
from ._arguments import check_stream
from ._index import ArrayAt, ArrayIterator
from ._ops import ops


class ArrayLike:
    """Marks objects that have __mlx_array__, a method that returns an array, and may stand where arrays do."""

    def __init__(self, value):
        if not hasattr(value, "__mlx_array__"):
            raise TypeError(f"{type(value).__name__} has no method __mlx_array__.")
        self._value = value

    def __mlx_array__(self):
        return self._value.__mlx_array__()


def _unary(name):
    function = getattr(_ext, name)

    def method(self, *, stream=None):
        check_stream(stream)
        return function(self)

    method.__name__, method.__qualname__ = name, f"array.{name}"
    method.__doc__ = f"See {name}."
    return method


def _array_method(self, dtype=None, copy=None):
    """A NumPy array of the values; it shares memory unless a conversion or copy is asked for."""
    import numpy

    if copy is False and dtype is not None and numpy.dtype(dtype) != numpy.asarray(memoryview(self)).dtype:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    view = numpy.asarray(memoryview(self))
    return numpy.array(view, dtype=dtype) if copy or dtype is not None else view


def _namespace(self, api_version=None):
    """The module with the functions of the array API."""
    from .. import core

    return core


def _divide(self, other):
    """self / other."""
    return self / other


def _divided(self, other):
    """other / self."""
    return other / self


def _square(self, *, stream=None):
    """See square."""
    check_stream(stream)
    return ops.square(self)


def _attach():
    for name in "abs cos exp log log10 log1p log2 reciprocal rsqrt sin sqrt".split():
        setattr(array, name, _unary(name))
    for name in "all any argmax argmin logsumexp max mean min prod std sum var".split():
        setattr(array, name, getattr(_reduce, name))
    for name in "conj cummax cummin cumprod cumsum logcumsumexp round".split():
        setattr(array, name, getattr(_math, name))
    for name in "diag diagonal flatten moveaxis split squeeze swapaxes view".split():
        setattr(array, name, getattr(_shape, name))
    array.square = _square
    array.reshape = _shape._reshape_method
    array.transpose = _shape._transpose_method
    array.astype = _math._astype_method
    array.mT = property(_shape.matrix_transpose, doc="The array with its last two axes exchanged.")
    array.real = property(_math.real, doc="The real part.")
    array.imag = property(_math.imag, doc="The imaginary part.")
    array.at = property(ArrayAt, doc="Updates at indices: x.at[i].add(v) and so on.")
    array.__array__ = _array_method
    array.__array_namespace__ = _namespace
    array.__iter__ = lambda self: ArrayIterator(self)
    array.__dlpack_device__ = lambda self: (1, 0)
    array.__div__ = _divide
    array.__rdiv__ = _divided


_attach()
