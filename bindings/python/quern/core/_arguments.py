"""Arguments as MLX takes them: axes, streams, shapes. It does not know any op."""

from .._ext import array
from ._device import _check_stream


def check_array(a, name):
    """a itself; TypeError for anything but an array."""
    if not isinstance(a, array):
        raise TypeError(f"{name}(): incompatible function arguments: expected an array, not {type(a).__name__}.")
    return a


def axis_in(axis, ndim, name):
    """The axis counted from the front; IndexError outside."""
    if type(axis) is int and -ndim <= axis < ndim:
        return axis + ndim if axis < 0 else axis
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise TypeError(f"{name}(): an axis is an int, not {type(axis).__name__}.")
    k = axis.__index__()
    if not -ndim <= k < ndim:
        raise IndexError(f"[{name}] Axis {k} is out of bounds for array with {ndim} dimensions.")
    return k + ndim if k < 0 else k


def axes_in(axis, ndim, name):
    """A tuple of distinct axes from None (all of them), an int or a sequence of ints."""
    if axis is None:
        return tuple(range(ndim))
    if hasattr(axis, "__index__"):
        return (axis_in(axis, ndim, name),)
    if not isinstance(axis, (list, tuple)):
        raise TypeError(f"{name}(): axis is None, an int or a sequence of ints, not {type(axis).__name__}.")
    axes = tuple(axis_in(k, ndim, name) for k in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"[{name}] Duplicate axes detected.")
    return axes


def shape_of(shape, name):
    """A tuple of sizes from an int or a sequence of ints."""
    if hasattr(shape, "__index__"):
        shape = (shape,)
    if not isinstance(shape, (list, tuple)):
        raise TypeError(f"{name}(): a shape is an int or a sequence of ints, not {type(shape).__name__}.")
    return tuple(n.__index__() for n in shape)


def ints_of(value, n, name, what):
    """n ints from one int (repeated) or a sequence of n."""
    if hasattr(value, "__index__"):
        return (value.__index__(),) * n
    if not isinstance(value, (list, tuple)) or len(value) != n:
        raise ValueError(f"[{name}] {what} must be an int or {n} ints, but {value!r} was given.")
    return tuple(v.__index__() for v in value)


check_stream = _check_stream
