"""grad, value_and_grad, vjp, jvp, vmap, compile, checkpoint and custom_function over trees of arguments."""

import functools
import os

from .. import _ext
from .._ext import array
from . import _tree
from ._ops import ops

__all__ = [
    "FunctionExporter",
    "checkpoint",
    "compile",
    "custom_function",
    "disable_compile",
    "enable_compile",
    "export_function",
    "export_to_dot",
    "exporter",
    "grad",
    "import_function",
    "jvp",
    "value_and_grad",
    "vjp",
    "vmap",
]


def _check_callable(fun, name):
    if not callable(fun):
        raise TypeError(f"{name}(): incompatible function arguments: expected a function, not {type(fun).__name__}.")


def _named(wrapper, fun):
    """wrapper with fun's name and doc; unlike functools.wraps it works for every callable and keeps no link."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        value = getattr(fun, attribute, None)
        if value is not None:
            setattr(wrapper, attribute, value)
    return wrapper


# ---- gradients ----


def _argnums(argnums, argnames, name):
    if isinstance(argnames, str):
        argnames = [argnames]
    elif not isinstance(argnames, (list, tuple)) or not all(isinstance(a, str) for a in argnames):
        raise TypeError(f"{name}(): argnames is a string or a sequence of strings.")
    argnames = list(argnames)
    single = True
    if argnums is None:
        nums = [] if argnames else [0]
    elif isinstance(argnums, int) and not isinstance(argnums, bool):
        nums = [argnums]
    elif isinstance(argnums, (list, tuple)) and all(isinstance(k, int) and not isinstance(k, bool) for k in argnums):
        nums, single = list(argnums), False
    else:
        raise TypeError(f"{name}(): incompatible function arguments: argnums is an int or a sequence of ints.")
    if not nums and not argnames:
        raise ValueError("[grad] Gradient wrt no argument requested")
    for k in nums:
        if k < 0:
            raise ValueError(f"[{name}] Can't compute the gradient of negative argument index {k}")
        if nums.count(k) > 1:
            raise ValueError(f"[grad] Duplicate argument index {k} is not allowed.")
    for a in argnames:
        if argnames.count(a) > 1:
            raise ValueError(f"[grad] Duplicate argument name '{a}' is not allowed.")
    return nums, argnames, single


def _loss_of(value, name, scalar_only):
    """The array to differentiate, of what the function returned."""
    if isinstance(value, array):
        return value
    if scalar_only:
        raise ValueError(
            f"[{name}] The return value of the function whose gradient we want to compute should be a scalar array; but "
            f"{type(value).__name__} was returned."
        )
    wanted = "should be either a scalar array or "
    if isinstance(value, tuple) and not value:
        raise ValueError(
            f"[{name}] The return value of the function whose gradient we want to compute {wanted}a non-empty tuple. The "
            "first value should be a scalar array and the rest can be anything. Instead, we got an empty tuple."
        )
    if not isinstance(value, tuple):
        raise ValueError(
            f"[{name}] The return value of the function whose gradient we want to compute {wanted}a tuple with the first "
            f"value being a scalar array (Union[array, tuple[array, Any, ...]]); but {type(value).__name__} was returned."
        )
    if not isinstance(value[0], array):
        raise ValueError(
            f"[{name}] The return value of the function whose gradient we want to compute {wanted}a tuple with the first "
            f"value being a scalar array; but it was a tuple with the first value being of type {type(value[0]).__name__}."
        )
    return value[0]


def _value_and_grad(name, fun, argnums, argnames, scalar_only):
    _check_callable(fun, name)
    nums, names, single = _argnums(argnums, argnames, name)

    def wrapper(*args, **kwargs):
        for k in nums:
            if k >= len(args):
                raise ValueError(
                    f"[{name}] Can't compute the gradient of argument index {k} because the function is called with only "
                    f"{len(args)} positional arguments."
                )
        for a in names:
            if a not in kwargs:
                given = "".join(f"{k}," for k in kwargs)
                raise ValueError(
                    f"[{name}] Can't compute the gradient of keyword argument '{a}' because the function is called with "
                    f"the following keyword arguments {{{given}}}"
                )
        wanted = [args[k] for k in nums] + [kwargs[a] for a in names]
        inputs = _tree.arrays(wanted)
        trace = _ext.Trace(inputs)
        try:
            traced = iter(trace.traced)
            args = list(args)
            for k in nums:
                args[k] = _tree.fill(args[k], traced)
            for a in names:
                kwargs[a] = _tree.fill(kwargs[a], traced)
            value = fun(*args, **kwargs)
            loss = _loss_of(value, name, scalar_only)
            if loss.shape != ():
                shape = ",".join(map(str, loss.shape))
                raise ValueError(f"[vjp] Output shape ({shape}) does not match cotangent shape ().")
            one = ops.full(array(1, loss.dtype), ())
            grads = trace.vjp([loss], [one], list(range(len(inputs))))
        finally:
            trace.end()
        leaves = iter(grads)
        filled = [_tree.fill(w, leaves) for w in wanted]
        positional = tuple(filled[: len(nums)]) if nums else None
        if nums and single:
            positional = positional[0]
        if not names:
            return value, positional
        return value, (positional, dict(zip(names, filled[len(nums) :])))

    return wrapper


def value_and_grad(fun, argnums=None, argnames=()):
    """A function that returns fun's value and its gradient with respect to some arguments (trees of arrays).

    fun returns a scalar array, or a tuple that begins with one. argnums: an int or a sequence (0 when None and there are
    no argnames). The gradient has the structure of the argument, is a tuple for a sequence of argnums, and with argnames
    a pair of that and a dictionary.
    """
    return _named(_value_and_grad("value_and_grad", fun, argnums, argnames, False), fun)


def grad(fun, argnums=None, argnames=()):
    """A function that returns the gradient of fun's scalar value; see value_and_grad."""
    both = _value_and_grad("grad", fun, argnums, argnames, True)
    return _named(lambda *args, **kwargs: both(*args, **kwargs)[1], fun)


def _outputs(value, name):
    if isinstance(value, array):
        return [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, array) for v in value):
        raise ValueError(f"[{name}] the function must return an array or a list or tuple of arrays.")
    return list(value)


def _array_list(values, name, what):
    if isinstance(values, array):
        values = list(values)
    if not isinstance(values, (list, tuple)) or not all(isinstance(v, array) for v in values):
        raise TypeError(f"{name}(): {what} is a list of arrays.")
    return list(values)


def _shape_text(a):
    return "(" + ",".join(map(str, a.shape)) + ")"


def vjp(fun, primals, cotangents):
    """fun's outputs at the primals, and the products of the cotangents with the Jacobian: two lists of arrays."""
    _check_callable(fun, "vjp")
    primals = _array_list(primals, "vjp", "primals")
    cotangents = _array_list(cotangents, "vjp", "cotangents")
    trace = _ext.Trace(primals)
    try:
        outputs = _outputs(fun(*trace.traced), "vjp")
        if len(outputs) != len(cotangents):
            raise ValueError(
                f"[vjp] Number of outputs ({len(outputs)}) does not match number of cotangents ({len(cotangents)})."
            )
        for o, c in zip(outputs, cotangents):
            if o.shape != c.shape:
                raise ValueError(
                    f"[vjp] Output shape {_shape_text(o)} does not match cotangent shape {_shape_text(c)}."
                )
        cotangents = [c if c.dtype == o.dtype else ops.astype(c, o.dtype) for o, c in zip(outputs, cotangents)]
        return outputs, trace.vjp(outputs, cotangents, list(range(len(primals))))
    finally:
        trace.end()


def jvp(fun, primals, tangents):
    """fun's outputs at the primals, and the products of the Jacobian with the tangents: two lists of arrays."""
    _check_callable(fun, "jvp")
    primals = _array_list(primals, "jvp", "primals")
    tangents = _array_list(tangents, "jvp", "tangents")
    if len(primals) != len(tangents):
        raise ValueError("[jvp] Number of inputs does not match number of tangents.")
    for p, t in zip(primals, tangents):
        if p.shape != t.shape:
            raise ValueError("[jvp] Input shape does not match shape of tangent.")
    trace = _ext.Trace(primals)
    try:
        outputs = _outputs(fun(*trace.traced), "jvp")
        tangents = [t if t.dtype == p.dtype else ops.astype(t, p.dtype) for p, t in zip(primals, tangents)]
        return outputs, trace.jvp(outputs, tangents, list(range(len(primals))))
    finally:
        trace.end()


# ---- vmap ----


def _axes_for(tree, axes, name):
    """An axis (or None) for each leaf of the tree, from a tree that is a prefix of it."""
    if isinstance(tree, (list, tuple)) and isinstance(axes, (list, tuple)):
        if len(tree) != len(axes):
            raise ValueError("[tree_map] Additional input tree is not a valid prefix of the first tree.")
        return [x for t, a in zip(tree, axes) for x in _axes_for(t, a, name)]
    if isinstance(tree, dict) and isinstance(axes, dict):
        if set(tree) - set(axes):
            raise ValueError("[tree_map] Additional input tree is not a valid prefix of the first tree.")
        return [x for k, t in tree.items() for x in _axes_for(t, axes[k], name)]
    if isinstance(axes, (list, tuple, dict)):
        raise ValueError("[tree_map] Additional input tree is not a valid prefix of the first tree.")
    if axes is not None and (isinstance(axes, bool) or not isinstance(axes, int)):
        raise ValueError("[vmap] axis must be int or None.")
    return [axes] * len(_tree.flatten(tree))


def vmap(fun, in_axes=0, out_axes=0):
    """A function that applies fun to every slice of its arguments along in_axes and stacks the results at out_axes.

    in_axes and out_axes are an int or None for all, or trees of them that are prefixes of the arguments and results.
    """
    _check_callable(fun, "vmap")
    if in_axes is None or out_axes is None:
        raise TypeError("vmap(): incompatible function arguments: in_axes and out_axes may not be None as a whole.")

    def wrapper(*args):
        inputs = _tree.arrays(args)
        axes = _axes_for(args, in_axes if not isinstance(in_axes, list) else tuple(in_axes), "in_axes")
        size = None
        for k, (a, axis) in enumerate(zip(inputs, axes)):
            if axis is None:
                continue
            if not -a.ndim <= axis < a.ndim:
                raise IndexError(f"[vmap] Invalid vectorization axis {axis} for array with shape {_shape_text(a)}")
            axes[k] = axis % a.ndim
            n = a.shape[axes[k]]
            if size is not None and n != size:
                raise ValueError(f"[vmap] Inconsistent axis sizes: {size} and {n}.")
            size = n
        if size is None:
            raise ValueError("[vmap] At least one of in_axes must not be None.")
        trace = _ext.Trace(inputs, True, axes)
        try:
            value = fun(*_tree.fill(args, iter(trace.traced)))
            outputs = _tree.arrays(value)
            places = _axes_for(value, out_axes, "out_axes")
            for o, axis in zip(outputs, places):
                n = o.ndim + 1
                if axis is None or not -n <= axis < n:
                    shown = -1 if axis is None else axis
                    raise ValueError(f"[vmap] Axis {shown} invalid for output with {o.ndim} dimensions.")
            places = [axis % (o.ndim + 1) for o, axis in zip(outputs, places)]
            results = trace.vmap(outputs, places)
        finally:
            trace.end()
        return _tree.fill(value, iter(results))

    return _named(wrapper, fun)


# ---- compile ----

_compiling = {"on": "MLX_DISABLE_COMPILE" not in os.environ}


def disable_compile() -> None:
    """Lets compiled functions run as they were written."""
    _compiling["on"] = False


def enable_compile() -> None:
    """Undoes disable_compile."""
    _compiling["on"] = True


def compile(fun, inputs=None, outputs=None, shapeless: bool = False):
    """fun, run once for each structure, shapes and dtypes of its arguments; later calls replay what it recorded.

    Arguments are trees of arrays and constants (numbers, strings, None); another constant means another recording.
    inputs, outputs: trees of arrays that fun reads and writes without taking them as arguments. shapeless: accepted;
    new shapes are recorded anew.
    """
    _check_callable(fun, "compile")
    compiled = _ext.Compiled(fun, inputs, outputs)

    def wrapper(*args, **kwargs):
        return compiled(args, kwargs) if _compiling["on"] else fun(*args, **kwargs)

    return _named(wrapper, fun)


# ---- checkpoint, custom derivatives ----


def checkpoint(fun):
    """fun with outputs whose gradient computes fun again instead of keeping what it computed.

    Only arrays among the arguments get gradients; what fun captures is constant.
    """
    _check_callable(fun, "checkpoint")

    def wrapper(*args, **kwargs):
        inputs = _tree.only_arrays((args, kwargs))
        if not inputs:
            return fun(*args, **kwargs)
        trace = _ext.Trace(inputs)
        try:
            args, kwargs = _tree.fill_arrays((args, kwargs), iter(trace.traced))
            value = fun(*args, **kwargs)
            return _tree.fill_arrays(value, iter(trace.checkpoint(_tree.only_arrays(value))))
        finally:
            trace.end()

    return _named(wrapper, fun)


class custom_function:
    """A function with derivatives and vectorisation of the caller's making; a decorator.

    f.vjp(primals, cotangents, outputs) returns the gradients of the primals, f.jvp(primals, tangents) the tangents of
    the outputs, f.vmap(inputs, axes) the batched outputs and their axes. Arguments and outputs are trees of arrays.
    """

    def __init__(self, f):
        _check_callable(f, "custom_function")
        self._f, self._vjp, self._jvp, self._vmap = f, None, None, None
        functools.update_wrapper(self, f, updated=())

    def vjp(self, f):
        """Sets the function for gradients and returns it."""
        _check_callable(f, "vjp")
        self._vjp = f
        return f

    def jvp(self, f):
        """Sets the function for tangents and returns it."""
        _check_callable(f, "jvp")
        self._jvp = f
        return f

    def vmap(self, f):
        """Sets the function for vectorisation and returns it."""
        _check_callable(f, "vmap")
        self._vmap = f
        return f

    def __call__(self, *args, **kwargs):
        value = self._f(*args, **kwargs)
        if self._vjp is None and self._jvp is None and self._vmap is None:
            return value
        inputs = _tree.only_arrays(args)
        outputs = _tree.only_arrays(value)
        n, m = len(inputs), len(outputs)

        def single(tree):
            return tree[0] if len(tree) == 1 else tuple(tree)

        def give(leaves):
            return _tree.fill_arrays(args, iter(leaves))

        def vjp(arrays):
            primals, values, cotangents = arrays[:n], arrays[n : n + m], arrays[n + m :]
            grads = self._vjp(
                single(give(primals)),
                _tree.fill_arrays(value, iter(cotangents)),
                _tree.fill_arrays(value, iter(values)),
            )
            found = _tree.only_arrays(grads)
            if len(found) != n:
                raise ValueError(f"[custom vjp] {n} gradients were expected, but {len(found)} arrays returned.")
            return found

        def jvp(arrays):
            primals, tangents = arrays[:n], arrays[n + m :]
            return _tree.only_arrays(self._jvp(single(give(primals)), single(give(tangents))))

        def vmap(arrays):
            values, axes = self._vmap(single(give(arrays)), single(give([0] * n)))
            values, axes = _tree.only_arrays(values), _tree.flatten(axes)
            return [v if a in (0, None) else ops.transpose(v, _front(v.ndim, a)) for v, a in zip(values, axes)]

        made = _ext.custom_gradient(
            inputs,
            outputs,
            vjp if self._vjp else None,
            jvp if self._jvp else None,
            vmap if self._vmap else None,
        )
        return _tree.fill_arrays(value, iter(made))


def _front(ndim, axis):
    axis %= ndim
    return (axis, *(k for k in range(ndim) if k != axis))


# ---- files ----


def _no_files(name):
    raise NotImplementedError(f"[{name}] this build of libquern does not write or read function files.")


def export_function(file_or_callback, fun, *args, shapeless: bool = False, metadata: str | None = None, **kwargs) -> None:
    """Writes the graph of fun to a file. Not supported by this build."""
    _no_files("export_function")


def import_function(file: str, return_metadata: bool = False):
    """Reads a function that export_function wrote. Not supported by this build."""
    _no_files("import_function")


class FunctionExporter:
    """Collects several graphs of one function for one file. Not supported by this build."""

    def __init__(self, *args, **kwargs):
        _no_files("exporter")


def exporter(file: str, fun, *, shapeless: bool = False, metadata: str | None = None) -> FunctionExporter:
    """A FunctionExporter. Not supported by this build."""
    _no_files("exporter")


def export_to_dot(file, *args, **kwargs) -> None:
    """Writes the graph of the given arrays in the DOT language. Not supported by this build."""
    raise NotImplementedError("[export_to_dot] this build of libquern does not draw graphs.")
