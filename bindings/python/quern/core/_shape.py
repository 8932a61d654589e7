"""Shapes and places: reshaping, joining, splitting, padding, repeating, diagonals."""


from .._ext import Dtype, array, as_array, int32
from ._arguments import axes_in, axis_in, check_array, check_stream, shape_of
from ._ops import ops

__all__ = [
    "as_strided",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "concat",
    "concatenate",
    "contiguous",
    "depends",
    "diag",
    "diagonal",
    "expand_dims",
    "flatten",
    "flip",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "pad",
    "permute_dims",
    "put_along_axis",
    "repeat",
    "reshape",
    "roll",
    "slice_update",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take",
    "take_along_axis",
    "tile",
    "trace",
    "transpose",
    "unflatten",
    "unstack",
    "view",
]


def _shape_text(shape):
    return "(" + ",".join(map(str, shape)) + ")"


def reshape(a: array, /, shape, *, stream=None) -> array:
    """a with another shape of the same size; one entry may be -1."""
    check_stream(stream)
    check_array(a, "reshape")
    if not isinstance(shape, (list, tuple)):
        raise TypeError(f"reshape(): a shape is a sequence of ints, not {type(shape).__name__}.")
    return ops.reshape(a, shape)


def _reshape_method(self, *shape, stream=None):
    """The array with another shape of the same size; one entry may be -1."""
    check_stream(stream)
    if len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = shape[0]
    return ops.reshape(self, shape)


def flatten(a: array, /, start_axis: int = 0, end_axis: int = -1, *, stream=None) -> array:
    """Axes start_axis to end_axis merged into one."""
    check_stream(stream)
    check_array(a, "flatten")
    n = a.ndim
    if n == 0:
        return ops.reshape(a, (1,))
    first = start_axis + n if start_axis < 0 else start_axis
    last = end_axis + n if end_axis < 0 else end_axis
    first, last = (0 if first < 0 else first), (n - 1 if last >= n else last)
    if last < first:
        raise ValueError("[flatten] start_axis must be less than or equal to end_axis")
    if first >= n:
        raise ValueError(f"[flatten] Invalid start_axis {start_axis} for array with {n} dimensions.")
    if last < 0:
        raise ValueError(f"[flatten] Invalid end_axis {end_axis} for array with {n} dimensions.")
    size = 1
    for k in a.shape[first : last + 1]:
        size *= k
    return ops.reshape(a, (*a.shape[:first], size, *a.shape[last + 1 :]))


def unflatten(a: array, /, axis: int, shape, *, stream=None) -> array:
    """One axis split into several of the given sizes; one may be -1."""
    check_stream(stream)
    check_array(a, "unflatten")
    axis = axis_in(axis, a.ndim, "unflatten")
    shape = shape_of(shape, "unflatten")
    if not shape:
        raise ValueError("[unflatten] Shape cannot be empty.")
    if -1 in shape:
        known = 1
        for n in shape:
            known *= n if n != -1 else 1
        shape = tuple(a.shape[axis] // known if n == -1 and known else n for n in shape)
    return ops.reshape(a, (*a.shape[:axis], *shape, *a.shape[axis + 1 :]))


def squeeze(a: array, /, axis=None, *, stream=None) -> array:
    """a without the given axes of size 1 (None = all of them)."""
    check_stream(stream)
    check_array(a, "squeeze")
    if axis is None:
        axes = tuple(k for k, n in enumerate(a.shape) if n == 1)
    else:
        axes = axes_in(axis, a.ndim, "squeeze")
    for k in axes:
        if a.shape[k] != 1:
            raise ValueError(f"[squeeze] Cannot squeeze axis {k} with size {a.shape[k]} which is not equal to 1.")
    return ops.reshape(a, tuple(n for k, n in enumerate(a.shape) if k not in axes))


def expand_dims(a: array, /, axis, *, stream=None) -> array:
    """a with axes of size 1 inserted at the given places of the result."""
    check_stream(stream)
    check_array(a, "expand_dims")
    axes = (axis,) if hasattr(axis, "__index__") else tuple(axis)
    ndim = a.ndim + len(axes)
    places = [axis_in(k, ndim, "expand_dims") for k in axes]
    if len(set(places)) != len(places):
        raise ValueError("[expand_dims] Received duplicate axes.")
    rest = iter(a.shape)
    return ops.reshape(a, tuple(1 if k in places else next(rest) for k in range(ndim)))


def transpose(a: array, /, axes=None, *, stream=None) -> array:
    """a with its axes permuted; None reverses them."""
    check_stream(stream)
    check_array(a, "transpose")
    if axes is None:
        return ops.transpose(a)
    if len(axes) != a.ndim:
        raise ValueError(f"[transpose] Received {len(axes)} axes for array with {a.ndim} dimensions.")
    places = tuple(axis_in(k, a.ndim, "transpose") for k in axes)
    if len(set(places)) != len(places):
        raise ValueError("[transpose] Repeat axes not allowed.")
    return ops.transpose(a, places)


def _transpose_method(self, *axes, stream=None):
    """The array with its axes permuted; none given reverses them."""
    if len(axes) == 1 and isinstance(axes[0], (list, tuple)):
        axes = axes[0]
    elif axes == (None,):
        axes = ()
    return transpose(self, list(axes) if axes else None, stream=stream)


def permute_dims(a: array, /, axes=None, *, stream=None) -> array:
    """See transpose."""
    return transpose(a, axes, stream=stream)


def moveaxis(a: array, /, source: int, destination: int, *, stream=None) -> array:
    """a with axis source moved to place destination."""
    check_stream(stream)
    check_array(a, "moveaxis")
    source, destination = (axis_in(k, a.ndim, "moveaxis") for k in (source, destination))
    axes = [k for k in range(a.ndim) if k != source]
    axes.insert(destination, source)
    return ops.transpose(a, axes)


def swapaxes(a: array, /, axis1: int, axis2: int, *, stream=None) -> array:
    """a with two axes exchanged."""
    check_stream(stream)
    check_array(a, "swapaxes")
    axis1, axis2 = (axis_in(k, a.ndim, "swapaxes") for k in (axis1, axis2))
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axis2, axis1
    return ops.transpose(a, axes)


def matrix_transpose(a: array, /, *, stream=None) -> array:
    """a with its last two axes exchanged."""
    if check_array(a, "matrix_transpose").ndim < 2:
        raise ValueError("[matrix_transpose] Requires at least 2 dimensions.")
    return swapaxes(a, -1, -2, stream=stream)


def broadcast_to(a, /, shape, *, stream=None) -> array:
    """a repeated along new and size-1 axes."""
    check_stream(stream)
    return ops.broadcast_to(as_array(a), shape_of(shape, "broadcast_to"))


def broadcast_shapes(*shapes) -> tuple[int, ...]:
    """The shape that arrays of the given shapes broadcast to."""
    if not shapes:
        raise ValueError("[broadcast_shapes] Must provide at least one shape.")
    out = ()
    for shape in shapes:
        a, b = out, tuple(shape)
        n = len(a) if len(a) > len(b) else len(b)
        a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
        if any(x != y and 1 not in (x, y) for x, y in zip(a, b)):
            raise ValueError(
                f"[broadcast_shapes] Shapes {_shape_text(out)} and {_shape_text(shape)} cannot be broadcast."
            )
        out = tuple(y if x == 1 else x for x, y in zip(a, b))
    return out


def broadcast_arrays(*arrays, stream=None) -> tuple[array, ...]:
    """The arrays broadcast against each other."""
    check_stream(stream)
    if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)):
        arrays = tuple(arrays[0])
    if not arrays:
        return ()
    shape = broadcast_shapes(*(check_array(a, "broadcast_arrays").shape for a in arrays))
    return tuple(ops.broadcast_to(a, shape) for a in arrays)


def _atleast(n, arys, stream):
    check_stream(stream)
    if len(arys) == 1 and isinstance(arys[0], (list, tuple)):
        arys = tuple(arys[0])
    out = []
    for a in arys:
        shape = check_array(a, f"atleast_{n}d").shape
        if len(shape) == 0:
            shape = (1,) * n
        elif n == 2 and len(shape) == 1:
            shape = (1, *shape)
        elif n == 3 and len(shape) == 1:
            shape = (1, *shape, 1)
        elif n == 3 and len(shape) == 2:
            shape = (*shape, 1)
        out.append(ops.reshape(a, shape))
    return out[0] if len(out) == 1 else out


def atleast_1d(*arys, stream=None):
    """The arrays with at least one axis."""
    return _atleast(1, arys, stream)


def atleast_2d(*arys, stream=None):
    """The arrays with at least two axes."""
    return _atleast(2, arys, stream)


def atleast_3d(*arys, stream=None):
    """The arrays with at least three axes."""
    return _atleast(3, arys, stream)


def _arrays(arrays, name):
    arrays = list(arrays)
    if not arrays:
        raise ValueError(f"[{name}] No arrays provided for {name}")
    return arrays


def concatenate(arrays, axis: int | None = 0, *, stream=None) -> array:
    """The arrays joined along an axis; flattened first when axis is None."""
    check_stream(stream)
    arrays = _arrays(arrays, "concatenate")
    if axis is None:
        arrays, axis = [flatten(a) for a in arrays], 0
    axis = axis_in(axis, check_array(arrays[0], "concatenate").ndim, "concatenate")
    return ops.concatenate(arrays, axis)


concat = concatenate


def stack(arrays, axis: int | None = 0, *, stream=None) -> array:
    """The arrays, all of one shape, joined along a new axis."""
    check_stream(stream)
    arrays = _arrays(arrays, "stack")
    shape = check_array(arrays[0], "stack").shape
    for a in arrays:
        if check_array(a, "stack").shape != shape:
            raise ValueError("[stack] All arrays must have the same shape")
    if axis is None:
        arrays, axis = [flatten(a) for a in arrays], 0
    return ops.stack(arrays, axis_in(axis, arrays[0].ndim + 1, "stack"))


def unstack(x: array, /, *, axis: int = 0, stream=None) -> tuple[array, ...]:
    """The slices of x along axis."""
    check_stream(stream)
    axis = axis_in(axis, check_array(x, "unstack").ndim, "unstack")
    pick = (slice(None),) * axis
    return tuple(x[(*pick, k)] for k in range(x.shape[axis]))


def split(a: array, /, indices_or_sections, axis: int = 0, *, stream=None) -> list[array]:
    """a cut along axis, into equal sections (an int) or at the given indices."""
    check_stream(stream)
    axis = axis_in(axis, check_array(a, "split").ndim, "split")
    size = a.shape[axis]
    if hasattr(indices_or_sections, "__index__"):
        n = indices_or_sections.__index__()
        if n < 1 or size % n:
            raise ValueError(
                f"[split] Array split does not result in sub arrays with equal size: attempting {n} splits along axis "
                f"{axis} for shape {_shape_text(a.shape)}"
            )
        cuts = [size // n * k for k in range(1, n)]
    else:
        cuts = [k.__index__() for k in indices_or_sections]
    pick = (slice(None),) * axis
    edges = [0, *cuts, size]
    return [a[(*pick, slice(lo, hi))] for lo, hi in zip(edges, edges[1:])]


def pad(a: array, pad_width, mode: str = "constant", constant_values=0, *, stream=None) -> array:
    """a padded on each axis. pad_width: an int, (low, high), or a pair for each axis.

    mode: constant (with constant_values), edge, reflect (without the border) or symmetric (with it).
    """
    check_stream(stream)
    a = as_array(a)
    n = a.ndim
    if hasattr(pad_width, "__index__"):
        pairs = [(pad_width, pad_width)] * n
    elif len(pad_width) and hasattr(pad_width[0], "__index__"):
        if len(pad_width) > 2:
            raise ValueError("[pad] pad_width must be an int, a pair, or a pair for each axis.")
        pairs = [(pad_width[0], pad_width[-1])] * n
    else:
        pairs = [tuple(p) if len(p) == 2 else (p[0], p[0]) for p in pad_width]
        if len(pairs) == 1:
            pairs = pairs * n
    if len(pairs) != n:
        raise ValueError(f"[pad] Invalid number of padding sizes passed to pad with axes of size {n}")
    if any(lo < 0 or hi < 0 for lo, hi in pairs):
        raise ValueError("[pad] Invalid padding size; it must not be negative.")
    if mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(f"Invalid padding mode ({mode}) passed to pad")
    value = as_array(constant_values, a.dtype)
    if value.dtype != a.dtype:
        value = ops.astype(value, a.dtype)
    return ops.pad(a, value, [p[0] for p in pairs], [p[1] for p in pairs], mode)


def flip(a: array, /, axis=None, *, stream=None) -> array:
    """a with the order along the axes reversed (None = all)."""
    check_stream(stream)
    axes = axes_in(axis, check_array(a, "flip").ndim, "flip")
    return a[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(a.ndim))]


def roll(a: array, /, shift, axis=None, *, stream=None) -> array:
    """a with its elements moved by shift along axis, those that leave coming back at the other end."""
    check_stream(stream)
    check_array(a, "roll")
    if axis is None:
        total = shift if hasattr(shift, "__index__") else sum_of(shift)
        return ops.roll(a, total)
    axes = (axis,) if hasattr(axis, "__index__") else axis
    shifts = (shift,) * len(axes) if hasattr(shift, "__index__") else shift
    if len(shifts) != len(axes):
        raise ValueError(f"[roll] At least one shift value per axis is required, {len(shifts)} provided for {len(axes)} axes.")
    axes = [axis_in(k, a.ndim, "roll") for k in axes]
    return ops.roll(a, shifts, axes) if axes else a


def sum_of(values):
    """The sum of Python ints."""
    total = 0
    for v in values:
        total += v
    return total


def repeat(array: array, repeats: int, axis: int | None = None, *, stream=None):
    """Each element repeated along axis (None = of the flattened array)."""
    check_stream(stream)
    a = check_array(array, "repeat")
    if repeats < 0:
        raise ValueError("[repeat] Number of repeats cannot be negative")
    if axis is None:
        a, axis = flatten(a), 0
    axis = axis_in(axis, a.ndim, "repeat")
    return ops.repeat(a, repeats, axis)


def tile(a: array, reps, /, *, stream=None) -> array:
    """a repeated as a whole, reps times along each axis."""
    check_stream(stream)
    check_array(a, "tile")
    reps = shape_of(reps, "tile")
    return ops.tile(a, reps)


def diagonal(a: array, offset: int = 0, axis1: int = 0, axis2: int = 1, stream=None) -> array:
    """The diagonals of the planes of axis1 and axis2, as the last axis."""
    check_stream(stream)
    if check_array(a, "diagonal").ndim < 2:
        raise ValueError(f"[diagonal] Array must have at least two dimensions, but got {a.ndim} dimensions.")
    axis1, axis2 = axis_in(axis1, a.ndim, "diagonal"), axis_in(axis2, a.ndim, "diagonal")
    if axis1 == axis2:
        raise ValueError("[diagonal] axis1 and axis2 cannot be the same axis")
    x = a
    if (axis1, axis2) != (a.ndim - 2, a.ndim - 1):
        x = ops.transpose(a, [k for k in range(a.ndim) if k not in (axis1, axis2)] + [axis1, axis2])
    rows, columns = x.shape[-2:]
    top, left = (0, offset) if offset >= 0 else (-offset, 0)
    n = rows - top if rows - top < columns - left else columns - left
    n = 0 if n < 0 else n
    flat = ops.reshape(x, (*x.shape[:-2], rows * columns))
    start = top * columns + left
    if n == 0:
        return flat[..., :0]
    return flat[..., start : start + (n - 1) * (columns + 1) + 1 : columns + 1]


def diag(a: array, /, k: int = 0, *, stream=None) -> array:
    """The k-th diagonal of a matrix, or the matrix with a vector on that diagonal."""
    check_stream(stream)
    if check_array(a, "diag").ndim == 2:
        return diagonal(a, k)
    if a.ndim != 1:
        raise ValueError(f"[diag] array must be 1-D or 2-D, got array with {a.ndim} dimensions.")
    return ops.diag(a, k)


def trace(
    a: array, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Dtype | None = None, *, stream=None
) -> array:
    """The sum of a diagonal."""
    check_stream(stream)
    x = diagonal(a, offset, axis1, axis2)
    keep = x.dtype if dtype is None else dtype
    return ops.astype(ops.sum(ops.astype(x, keep), (-1,)), keep)


def meshgrid(*arrays, sparse: bool | None = False, indexing: str | None = "xy", stream=None) -> tuple[array, ...]:
    """Coordinate arrays from coordinate vectors; indexing "xy" exchanges the first two axes, "ij" does not."""
    check_stream(stream)
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] Invalid indexing value {indexing}. Valid values are 'xy' and 'ij'.")
    n = len(arrays)
    sizes = [check_array(a, "meshgrid").size for a in arrays]
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[0], order[1] = 1, 0
    out = [ops.reshape(a, [a.size if k == order[i] else 1 for k in range(n)]) for i, a in enumerate(arrays)]
    if sparse:
        return tuple(out)
    shape = [sizes[order.index(k)] for k in range(n)]
    return tuple(ops.broadcast_to(a, shape) for a in out)


def as_strided(a: array, /, shape=None, strides=None, offset: int = 0, *, stream=None) -> array:
    """The elements offset + sum(index * stride) of the flattened array, for each index of the shape."""
    check_stream(stream)
    shape = check_array(a, "as_strided").shape if shape is None else shape_of(shape, "as_strided")
    if strides is None:
        strides, step = [], 1
        for n in reversed(shape):
            strides.insert(0, step)
            step *= n
    if len(strides) != len(shape):
        raise ValueError("[as_strided] shape and strides must have the same length.")
    return ops.as_strided(a, shape, strides, offset)


def contiguous(a: array, /, allow_col_major: bool = False, *, stream=None) -> array:
    """a in row-major memory."""
    check_stream(stream)
    return ops.copy(check_array(a, "contiguous"))


def view(a, dtype: Dtype, stream=None) -> array:
    """The bytes of a read as another dtype; the last axis shrinks or grows with the size of an element."""
    check_stream(stream)
    a = as_array(a)
    if not isinstance(dtype, Dtype):
        raise TypeError(f"view(): expected a Dtype, not {type(dtype).__name__}.")
    return ops.view(a, dtype)


def take(a: array, /, indices, axis: int | None = None, *, stream=None) -> array:
    """Slices of a along axis at the indices (None = of the flattened array)."""
    check_stream(stream)
    check_array(a, "take")
    if axis is None:
        a, axis = flatten(a), 0
    axis = axis_in(axis, a.ndim, "take")
    if not isinstance(indices, array):
        return a[(*(slice(None),) * axis, indices)]
    return ops.take(a, indices, axis)


def take_along_axis(a: array, /, indices: array, axis: int | None = -1, *, stream=None) -> array:
    """out[.., i, ..] = a[.., indices[.., i, ..], ..]; of the flattened array when axis is None."""
    check_stream(stream)
    check_array(a, "take_along_axis")
    check_array(indices, "take_along_axis")
    if axis is None:
        a, axis = flatten(a), 0
    axis = axis_in(axis, a.ndim, "take_along_axis")
    if indices.ndim != a.ndim:
        raise ValueError(
            f"[take_along_axis] Indices of dimension {indices.ndim} does not match array of dimension {a.ndim}."
        )
    return ops.take_along_axis(a, indices, axis)


def put_along_axis(a: array, /, indices: array, values: array, axis: int | None = None, *, stream=None) -> array:
    """A copy of a with values at take_along_axis positions."""
    check_stream(stream)
    check_array(a, "put_along_axis")
    check_array(indices, "put_along_axis")
    shape = a.shape
    if axis is None:
        a, axis = flatten(a), 0
    axis = axis_in(axis, a.ndim, "put_along_axis")
    values = as_array(values, a.dtype)
    if values.dtype != a.dtype:
        values = ops.astype(values, a.dtype)
    values = ops.broadcast_to(values, indices.shape)
    return ops.reshape(ops.put_along_axis(a, indices, values, axis), shape)


def _dynamic(start, axes, a, size, name):
    """Index arrays, one for each axis, of a slice whose start is an array."""
    start = as_array(start)
    axes = tuple(axis_in(k, a.ndim, name) for k in axes)
    if start.size != len(axes):
        raise ValueError(f"[{name}] start_indices must hold one index for each of {len(axes)} axes.")
    start = ops.reshape(ops.astype(start, int32), (len(axes),))
    return axes, [start[i] + ops.arange(0, size[k], 1, int32) for i, k in enumerate(axes)]


def slice_(a: array, start_indices: array, axes, slice_size, *, stream=None) -> array:
    """The part of a of slice_size (an entry for each axis of a) that starts at start_indices along axes."""
    check_stream(stream)
    check_array(a, "slice")
    if len(slice_size) != a.ndim:
        raise ValueError(f"[slice] Invalid slice size for array with {a.ndim} dimensions.")
    axes, indices = _dynamic(start_indices, axes, a, slice_size, "slice")
    for k, i in zip(axes, indices):
        a = ops.take(a, i, k)
    return a[tuple(slice(None) if k in axes else slice(0, n) for k, n in enumerate(slice_size))]


def slice_update(a: array, update: array, start_indices: array, axes, *, stream=None) -> array:
    """A copy of a with the part that starts at start_indices along axes replaced by update."""
    check_stream(stream)
    check_array(a, "slice_update")
    check_array(update, "slice_update")
    size = (1,) * (a.ndim - update.ndim) + update.shape
    axes, indices = _dynamic(start_indices, axes, a, size, "slice_update")
    out = array(a)
    grid = []
    for k in range(a.ndim):
        i = indices[axes.index(k)] if k in axes else ops.arange(0, size[k], 1, int32)
        grid.append(ops.reshape(i, [size[k] if j == k else 1 for j in range(a.ndim)]))
    out[tuple(grid)] = update
    return out


def depends(inputs, dependencies):
    """The inputs, to be computed after the dependencies. Order is free here, so they are returned as they are."""
    for a in inputs if isinstance(inputs, (list, tuple)) else [inputs]:
        check_array(a, "depends")
    return [ops.identity(a) for a in inputs] if isinstance(inputs, (list, tuple)) else ops.identity(inputs)


