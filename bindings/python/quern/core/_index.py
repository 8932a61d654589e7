"""Keys with arrays or lists: x[key], x[key] = v and x.at[key], composed of gather and scatter.

Ints, slices, None and Ellipsis alone never come here, nor do index arrays with nothing but whole slices around them:
the extension handles both. Indices out of range are clamped by
take, as they are for every index that is itself an array.
"""

from .._ext import array, as_array, bool_, int32, update_at
from ._dtypes import integer, issubdtype
from ._ops import ops
from ._shape import broadcast_shapes


def _items(x, key):
    """The key as a list with one entry for each axis (an int, slice or array) and None for new axes."""
    key = key if isinstance(key, tuple) else (key,)
    key = [array(k) if isinstance(k, list) else k for k in key]
    if sum(k is Ellipsis for k in key) > 1:
        raise ValueError("An index can only have a single ellipsis (...)")
    for k in key:
        if isinstance(k, array):
            if k.dtype == bool_:
                raise ValueError("boolean indices are not yet supported")
            if not issubdtype(k.dtype, integer):
                raise ValueError("[gather] Got indices with invalid dtype. Indices must be integral.")
        elif isinstance(k, bool) or not (k is None or k is Ellipsis or isinstance(k, slice) or hasattr(k, "__index__")):
            raise ValueError("Cannot index mlx array using the given type.")
    used = sum(k is not None and k is not Ellipsis for k in key)
    if used > x.ndim:
        raise ValueError(f"Too many indices for array with {x.ndim} dimensions.")
    if Ellipsis not in [k for k in key if not isinstance(k, array)]:
        key.append(Ellipsis)
    at = next(i for i, k in enumerate(key) if k is Ellipsis)
    return key[:at] + [slice(None)] * (x.ndim - used) + key[at + 1 :]


class _Plan:
    """How a key with arrays selects: sliced first, then blocks gathered at the index arrays."""

    def __init__(self, x, key):
        items = _items(x, key)
        axes = [k for k in items if k is not None]
        self.slices = tuple(slice(None) if isinstance(k, array) or not isinstance(k, slice) else k for k in axes)
        shape = x[self.slices].shape if any(k != slice(None) for k in self.slices) else x.shape
        self.sliced = shape != x.shape or any(k.step not in (None, 1) for k in self.slices)
        # Ints beside arrays are indices too.
        indexed = [(a, k) for a, k in enumerate(axes) if not isinstance(k, slice)]
        self.axes = [a for a, _ in indexed]
        index_shape = broadcast_shapes(*(k.shape for _, k in indexed if isinstance(k, array)))
        self.indices = []
        for a, k in indexed:
            if not isinstance(k, array):
                k, n = k.__index__(), shape[a]
                if not -n <= k < n:
                    raise IndexError(f"[getitem] index {k} is out of bounds for axis {a} with size {n}.")
                k = as_array(k)
            self.indices.append(k)
        self.rest = [a for a in range(len(shape)) if a not in self.axes]
        self.shape = shape
        # Where the index axes go: at the first array when all arrays are neighbours, else in front.
        places = [i for i, k in enumerate(items) if k is not None and not isinstance(k, slice)]
        together = all(not isinstance(items[i], slice) and items[i] is not None for i in range(places[0], places[-1] + 1))
        result, order, rest = [], [], iter(self.rest)
        inserted = False
        n_index = len(index_shape)
        taken = 0
        for i, k in enumerate(items):
            if i in places:
                if together and not inserted:
                    order += range(n_index)
                    result += index_shape
                    inserted = True
            elif k is None:
                result.append(1)
            else:
                order.append(n_index + taken)
                result.append(shape[next(rest)])
                taken += 1
        if not together:
            order = [*range(n_index), *order]
            result = [*index_shape, *result]
        self.order, self.result = order, tuple(result)
        self.picked = (*index_shape, *(shape[a] for a in self.rest))
        self.index_shape = index_shape
        self.block = tuple(1 if a in self.axes else n for a, n in enumerate(shape))

    def part(self, x):
        """What the slices of the key leave of x."""
        return x[self.slices] if self.sliced else x

    def taken(self, x):
        """The selected elements: index axes in front, then those that only slices touch."""
        return ops.reshape(ops.gather([self.part(x), *self.indices], self.axes, self.block), self.picked)

    def scattered(self, x, value, mode):
        """x with value set at, or combined with, the selection."""
        updates = ops.reshape(self.updates(value), (*self.index_shape, *self.block))
        out = ops.scatter([self.part(x), updates, *self.indices], self.axes, mode)
        if not self.sliced:
            return out
        whole = array(x)
        whole[self.slices] = out
        return whole

    def updates(self, value):
        """value, broadcast to the selection, with its axes in the order of `picked`."""
        shape = value.shape
        while len(shape) > len(self.result) and shape[0] == 1:
            shape = shape[1:]
        value = ops.broadcast_to(ops.reshape(value, shape), self.result)
        without_new = [self.picked[k] for k in self.order]
        value = ops.reshape(value, without_new)
        return ops.transpose(value, [self.order.index(k) for k in range(len(self.order))])


def get(x, key):
    """x[key] for a key that holds arrays or lists."""
    plan = _Plan(x, key)
    return ops.reshape(ops.transpose(plan.taken(x), plan.order), plan.result)


def _operand(x, value):
    value = as_array(value, x.dtype)
    return value if value.dtype == x.dtype else ops.astype(value, x.dtype)


def put(x, key, value):
    """What x is after x[key] = value."""
    value = _operand(x, value)
    if isinstance(key, array) and key.dtype == bool_:
        return _put_mask(x, key, value)
    return _Plan(x, key).scattered(x, value, "set")


def _put_mask(x, mask, value):
    if mask.shape != x.shape[: mask.ndim]:
        raise ValueError(
            "[masked_scatter] The boolean mask should have the same shape as the beginning of the indexed array but the "
            f"mask has shape {mask.shape} and the array has shape {x.shape}"
        )
    wide = ops.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    if value.ndim == 0:
        return ops.where(wide, value, x)
    # The values of the mask's true places, in order.
    tail = x.shape[mask.ndim :]
    flat = ops.reshape(mask, (-1,))
    count = int(ops.sum(ops.astype(flat, int32)).item())
    while value.ndim > len(tail) + 1 and value.shape[0] == 1:
        value = value[0]
    if value.ndim <= len(tail) or value.shape[0] == 1 and count != 1:
        value = ops.broadcast_to(value if value.ndim <= len(tail) else value[0], tail)
        return ops.where(wide, value, x)
    if value.shape[0] < count:
        raise ValueError(f"[masked_scatter] {value.shape[0]} values are not enough for {count} true places of the mask.")
    place = ops.maximum(ops.cumsum(ops.astype(flat, int32), 0, False, True) - 1, as_array(0))
    spread = ops.reshape(ops.take(ops.broadcast_to(value, (value.shape[0], *tail)), place, 0), x.shape)
    return ops.where(wide, spread, x)


class ArrayAt:
    """x.at[key]: updates that count repeated indices, unlike x[key] += v."""

    def __init__(self, x, key=None):
        self._x, self._key = x, key
        self._given = False

    def __getitem__(self, indices):
        at = ArrayAt(self._x, indices)
        at._given = True
        return at

    def _update(self, value, mode, combine):
        if not self._given:
            raise ValueError("Must give indices to array.at (e.g. `x.at[0].add(4)`).")
        x = self._x
        out = update_at(x, self._key, value, mode)
        if out is not None:
            return out
        value = _operand(x, value)
        parts = self._key if isinstance(self._key, tuple) else (self._key,)
        if any(isinstance(k, array) and k.dtype == bool_ for k in parts):
            raise ValueError("boolean indices are not yet supported")
        if not any(isinstance(k, (array, list)) for k in parts):
            out = array(x)
            out[self._key] = combine(x[self._key], value)
            return out
        return _Plan(x, self._key).scattered(x, value, mode)

    def add(self, value) -> array:
        """Adds value at the indices."""
        return self._update(value, "add", ops.add)

    def subtract(self, value) -> array:
        """Subtracts value at the indices."""
        return self._update(ops.negative(_operand(self._x, value)), "add", ops.add)

    def multiply(self, value) -> array:
        """Multiplies by value at the indices."""
        return self._update(value, "prod", ops.multiply)

    def divide(self, value) -> array:
        """Divides by value at the indices."""
        one = ops.full(as_array(1, self._x.dtype), self._x.shape)
        by = ArrayAt(one, self._key)
        by._given = self._given
        return ops.astype(self._x / by.multiply(value), self._x.dtype)

    def maximum(self, value) -> array:
        """The larger of what is there and value, at the indices."""
        return self._update(value, "max", ops.maximum)

    def minimum(self, value) -> array:
        """The smaller of what is there and value, at the indices."""
        return self._update(value, "min", ops.minimum)


class ArrayIterator:
    """Iterates over the first axis of an array."""

    def __init__(self, x):
        if x.ndim == 0:
            raise TypeError("iter() 0-dimensional array.")
        self._x, self._at, self._n = x, 0, x.shape[0]

    def __iter__(self):
        return self

    def __next__(self):
        if self._at >= self._n:
            raise StopIteration
        self._at += 1
        return self._x[self._at - 1]

    def __length_hint__(self):
        return self._n - self._at


