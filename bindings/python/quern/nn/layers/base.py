"""`Module`, the base of all layers and models: a dict of arrays and further modules.

It does not compute anything; what a module does when called is up to its subclass.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from typing import Any

from quern import core as mx
from quern.nn.layers._places import (
    check_weights,
    module_writes,
    parameter_writes,
)
from quern.train.fit import Fit
from quern.utils import tree_flatten, tree_unflatten

__all__ = ["Module"]


def _modules_in(value, path: str, found: list) -> None:
    """Adds (path, module) for the first modules met in nested dicts and lists."""
    if isinstance(value, Module):
        found.append((path, value))
    elif isinstance(value, dict):
        for key, child in value.items():
            _modules_in(child, f"{path}.{key}", found)
    elif isinstance(value, list):
        for i, child in enumerate(value):
            _modules_in(child, f"{path}.{i}", found)


class Module(dict, Fit):
    """Base class of layers and models. `compile`, `fit`, `evaluate` and `predict` come from
    `quern.train`.

    Arrays, modules, dicts, lists and tuples that are set as attributes are kept in the dict
    itself (the module's *state*); everything else is an ordinary attribute. Parameters are the
    arrays found by descending through modules, dicts and lists (not tuples) whose name does not
    begin with an underscore.

    A parameter is trainable unless it is frozen; `quern.nn.value_and_grad` differentiates with
    respect to the trainable ones only.

        class MLP(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.hidden = nn.Linear(2, width)
                self.out = nn.Linear(width, 1)

            def __call__(self, x):
                return self.out(nn.relu(self.hidden(x)))
    """

    __call__: Callable

    def __init__(self):
        self._no_grad = set()
        self._training = True

    @property
    def training(self):
        """Whether the module is in training mode (see `train`). Default: True."""
        return self._training

    @property
    def state(self):
        """The module itself, as the dict of its arrays and modules, non-parameters included.

        Unlike `parameters` it is no copy; pass it to `compile` as input and output.
        """
        return self

    # ---- attributes

    def __getattr__(self, key: str):
        try:
            return self[key]
        except KeyError:
            pass
        return super().__getattribute__(key)  # raises the usual AttributeError

    def __setattr__(self, key: str, val: Any):
        if isinstance(val, (mx.array, dict, list, tuple)):
            self.__dict__.pop(key, None)
            self[key] = val
        else:
            super().__setattr__(key, val)
            self.pop(key, None)

    def __delattr__(self, name):
        if name in self:
            del self[name]
        else:
            super().__delattr__(name)

    def _extra_repr(self) -> str:
        """What `repr` shows between the brackets, before the children."""
        return ""

    def __repr__(self):
        text = f"{type(self).__name__}({self._extra_repr()}"
        children = tree_flatten(self.children(), is_leaf=self.is_module)
        for name, child in children:
            text += "\n" + textwrap.indent(f"({name}): {child!r}", prefix="  ")
        return text + ("\n)" if children else ")")

    # ---- looking inside

    def filter_and_map(
        self,
        filter_fn: Callable[[Module, str, Any], bool],
        map_fn: Callable | None = None,
        is_leaf_fn: Callable[[Module, str, Any], bool] | None = None,
    ):
        """The module as nested plain dicts and lists, filtered and with its leaves mapped.

        All three functions but `map_fn` (which takes the leaf, default: itself) are called with
        the module that holds a value, the value's name in it, and the value. Names inside
        dicts and lists are dotted: "layers.0".

        - `filter_fn`: whether to keep the value; what is dropped below a dict or list leaves {}.
        - `is_leaf_fn`: whether not to descend further; default: not a module, dict or list.

        Raises RuntimeError where a value is no leaf and cannot be descended into.
        """
        if map_fn is None:

            def map_fn(value):
                return value

        if is_leaf_fn is None:

            def is_leaf_fn(module, key, value):
                return not isinstance(value, (dict, list))

        def result(module, key, value):
            if is_leaf_fn(module, key, value):
                return map_fn(value)
            if isinstance(value, Module):
                return contents(value)
            if isinstance(value, dict):
                return {
                    k: kept(module, f"{key}.{k}", child) for k, child in value.items()
                }
            if isinstance(value, list):
                return [
                    kept(module, f"{key}.{i}", child) for i, child in enumerate(value)
                ]
            raise RuntimeError(
                f"[filter_and_map] '{key}' of {type(module).__name__} is a {type(value).__name__}, "
                "neither a leaf by is_leaf_fn nor a module, dict or list"
            )

        def kept(module, key, value):
            return result(module, key, value) if filter_fn(module, key, value) else {}

        def contents(module):
            return {
                key: result(module, key, value)
                for key, value in module.items()
                if filter_fn(module, key, value)
            }

        return contents(self)

    @staticmethod
    def is_module(value):
        """Whether `value` is a Module."""
        return isinstance(value, Module)

    @staticmethod
    def valid_child_filter(module, key, value):
        """Filter: what may hold child modules."""
        return isinstance(value, (dict, list))

    @staticmethod
    def valid_parameter_filter(module, key, value):
        """Filter: what is or may hold parameters."""
        return isinstance(value, (dict, list, mx.array)) and not key.startswith("_")

    @staticmethod
    def trainable_parameter_filter(module, key, value):
        """Filter: what is or may hold trainable parameters."""
        return (
            Module.valid_parameter_filter(module, key, value)
            and key not in module._no_grad
        )

    def parameters(self):
        """All parameters, as nested dicts and lists."""
        return self.filter_and_map(self.valid_parameter_filter)

    def trainable_parameters(self):
        """The parameters that are not frozen, as nested dicts and lists."""
        return self.filter_and_map(self.trainable_parameter_filter)

    def children(self):
        """The direct child modules, as nested dicts and lists."""
        return self.filter_and_map(
            self.valid_child_filter,
            is_leaf_fn=lambda module, key, value: isinstance(value, Module),
        )

    def leaf_modules(self):
        """The modules that have no child modules, as nested dicts and lists."""

        def is_leaf_module(module, key, value):
            return isinstance(value, Module) and not tree_flatten(
                value.children(), is_leaf=self.is_module
            )

        return self.filter_and_map(self.valid_child_filter, is_leaf_fn=is_leaf_module)

    def named_modules(self):
        """A list of (dotted name, module) of this module, named "", and all below it."""
        found = []
        stack = [("", self)]
        while stack:
            prefix, module = stack.pop()
            found.append((prefix, module))
            path = f"{prefix}." if prefix else ""
            if type(module).children is Module.children:
                for key, value in module.items():
                    if isinstance(value, (dict, list)):
                        _modules_in(value, f"{path}{key}", stack)
            else:
                children = tree_flatten(module.children(), is_leaf=self.is_module)
                stack.extend((path + name, child) for name, child in children)
        return found

    def modules(self):
        """A list of this module and all below it."""
        return [module for _, module in self.named_modules()]

    def apply_to_modules(self, apply_fn: Callable[[str, Module], Any]) -> Module:
        """Call `apply_fn(dotted name, module)` for this module and all below it. Returns self."""
        for name, module in self.named_modules():
            apply_fn(name, module)
        return self

    # ---- changing what is inside

    def update(self, parameters: dict, strict: bool = True) -> Module:
        """Put the arrays of nested dicts and lists in place of the module's own. Returns self.

        `parameters` need not be complete; shapes and dtypes are free to change.

        With `strict` (default) raises ValueError for a place that does not exist in the module,
        and for something other than an array where the module has one; then nothing was
        changed. Without it such places are skipped.
        """
        for holder, key, value in parameter_writes(self, parameters, strict):
            holder[key] = value
        return self

    def update_modules(self, modules: dict, strict: bool = True) -> Module:
        """Put the modules of nested dicts and lists in place of child modules. Returns self.

        `modules` need not be complete; {} stands for "leave as it is". With `strict` (default)
        raises ValueError for a place that does not exist or holds no module; then nothing was
        changed. Without it such places are skipped.
        """
        for holder, key, value in module_writes(self, modules, strict):
            holder[key] = value
        return self

    def apply(
        self,
        map_fn: Callable[[mx.array], mx.array],
        filter_fn: Callable[[Module, str, Any], bool] | None = None,
    ) -> Module:
        """Replace every parameter p by `map_fn(p)`. Returns self.

        `filter_fn(module, key, value)` selects the arrays; default: all parameters.
        """
        filter_fn = filter_fn or Module.valid_parameter_filter
        return self.update(self.filter_and_map(filter_fn, map_fn))

    def set_dtype(
        self,
        dtype: mx.Dtype,
        predicate: Callable[[mx.Dtype], bool] | None = lambda dtype: mx.issubdtype(
            dtype, mx.floating
        ),
    ):
        """Convert the parameters whose dtype satisfies `predicate` to `dtype`.

        Default: real floating ones. None selects all.
        """
        self.apply(
            lambda p: p.astype(dtype) if predicate is None or predicate(p.dtype) else p
        )

    def load_weights(
        self,
        file_or_weights: str | os.PathLike | list[tuple[str, mx.array]],
        strict: bool = True,
    ) -> Module:
        """Set the parameters from a `.npz` or `.safetensors` file, or from (name, array) pairs.

        Names are dotted: "layers.0.weight". With `strict` (default) names and shapes must
        match the module's parameters exactly; ValueError says which do not. Without it, arrays
        whose name is unknown are left out and shapes are not compared. Returns self.
        """
        weights = file_or_weights
        if isinstance(weights, (str, os.PathLike)):
            weights = list(mx.load(os.fspath(weights)).items())
        if strict:
            check_weights(
                dict(weights), tree_flatten(self.parameters(), destination={})
            )
        if len(weights) > 0:
            self.update(tree_unflatten(weights), strict=False)
        return self

    def save_weights(self, file: str | os.PathLike):
        """Write the parameters to a `.npz` or `.safetensors` file, by the name's ending.

        Raises ValueError for another ending, RuntimeError if the file cannot be written.
        """
        file = os.fspath(file)
        parameters = tree_flatten(self.parameters(), destination={})
        if file.endswith(".npz"):
            mx.savez(file, **parameters)
        elif file.endswith(".safetensors"):
            mx.save_safetensors(file, parameters)
        else:
            raise ValueError(
                f"Unsupported file extension for {file}. Use '.npz' or '.safetensors'."
            )

    # ---- modes

    def train(self, mode: bool = True) -> Module:
        """Set this module and all below it to training (or, with False, evaluation) mode.

        It decides how layers such as Dropout and BatchNorm behave. Returns self.
        """
        return self.apply_to_modules(
            lambda _, module: module._set_training_mode(mode)
        )

    def eval(self) -> Module:
        """The same as `train(False)`."""
        return self.train(False)

    def _set_training_mode(self, mode: bool) -> None:
        self._training = mode

    def freeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Module:
        """Exclude parameters from training. Returns self.

        - `recurse`: also in the modules below. Default: True.
        - `keys`: names as in the module that holds the parameter ("bias"); default: all.
        - `strict`: raise KeyError if no module has a parameter of that name.
        """
        keys = self._checked_keys(keys, recurse, strict)

        def freeze_one(module):
            names = keys
            if names is None:
                own = module.filter_and_map(
                    lambda m, k, v: not isinstance(v, Module)
                    and Module.valid_parameter_filter(m, k, v)
                )
                names = [name for name, _ in tree_flatten(own)]
            module._no_grad.update(names)

        for module in self.modules() if recurse else [self]:
            freeze_one(module)
        return self

    def unfreeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Module:
        """Make parameters trainable again. Returns self. Arguments as in `freeze`."""
        keys = self._checked_keys(keys, recurse, strict)
        for module in self.modules() if recurse else [self]:
            if keys is None:
                module._no_grad.clear()
            else:
                module._no_grad.difference_update(keys)
        return self

    def _checked_keys(self, keys, recurse: bool, strict: bool):
        if keys is None:
            return None
        keys = [keys] if not isinstance(keys, (list, tuple)) else keys
        if strict:
            known = self.modules() if recurse else [self]
            for key in keys:
                if not any(key in module for module in known):
                    raise KeyError(f"Module doesn't contain member {key}.")
        return keys
