"""Weight normalisation: a weight as a length for each output times a direction.

w = g * v / |v|. https://arxiv.org/abs/1602.07868
"""

from __future__ import annotations

from quern import core as mx
from quern.nn.layers.base import Module

__all__ = ["remove_weight_norm", "weight_norm"]


class _WeightNormed:
    """Mixed in before a module's class: computes the weight wherever the module reads it."""

    def __getitem__(self, key):
        if key == self._weight_norm_name:
            return self._normed_weight()
        return super().__getitem__(key)

    def __getattr__(self, key):
        # this name is an ordinary attribute: asking for it here again would never end
        if key != "_weight_norm_name" and key == self._weight_norm_name:
            return self._normed_weight()
        return super().__getattr__(key)

    def _normed_weight(self) -> mx.array:
        name = self._weight_norm_name
        g, v = self[f"{name}_g"], self[f"{name}_v"]
        return v * (g / _length(v, self._weight_norm_dim))

    def __reduce__(self):
        return _rebuild, (type(self).__mro__[2], dict(self), dict(self.__dict__))


def _normed_class(cls: type) -> type:
    # the same name, so that the module's repr stays what it was
    return type(cls.__name__, (_WeightNormed, cls), {"__module__": cls.__module__})


def _rebuild(cls: type, items: dict, attributes: dict):
    module = cls.__new__(_normed_class(cls))
    module.__dict__.update(attributes)
    dict.update(module, items)
    return module


def _length(v: mx.array, dim: int | None) -> mx.array:
    """The 2-norm over all axes but `dim`, all kept with size 1; None: over all axes."""
    kept = None if dim is None else dim % v.ndim
    axes = [axis for axis in range(v.ndim) if axis != kept]
    return mx.sqrt(mx.sum(mx.square(v), axis=axes, keepdims=True))


def _replace(module: Module, old: list[str], new: dict):
    """Put the items of `new` where the first of `old` was, keeping the order of the others."""
    items = list(module.items())
    module.clear()
    for key, value in items:
        if key == old[0]:
            dict.update(module, new)
        elif key not in old:
            dict.__setitem__(module, key, value)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train `module`'s weight as length and direction; changes the module and returns it.

    Its parameter `name` is replaced by `<name>_g`, the norms over all axes but `dim` (kept with
    size 1), and `<name>_v`, of the weight's shape; `module.<name>` is computed from them.
    `dim`: default 0, the output channels of linear and convolution layers (transposed ones
    too); None: one norm for all.

    Raises ValueError if there is no such parameter or it is normalised already.
    """
    if isinstance(module, _WeightNormed):
        raise ValueError(
            f"[weight_norm] {type(module).__name__} already has weight normalisation "
            f"of '{module._weight_norm_name}'"
        )
    weight = module.get(name)
    if not isinstance(weight, mx.array):
        raise ValueError(
            f"[weight_norm] {type(module).__name__} has no parameter '{name}', "
            f"it has {sorted(module.parameters())}"
        )
    if dim is not None and not -weight.ndim <= dim < weight.ndim:
        raise ValueError(
            f"[weight_norm] dim {dim} is out of range for a weight of shape {weight.shape}"
        )
    parts = [f"{name}_g", f"{name}_v"]
    _replace(module, [name], {parts[0]: _length(weight, dim), parts[1]: weight})
    if name in module._no_grad:
        module._no_grad.discard(name)
        module._no_grad.update(parts)
    module._weight_norm_name = name
    module._weight_norm_dim = dim
    module.__class__ = _normed_class(type(module))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undo `weight_norm`: one parameter `name` with the present weight. Returns the module.

    Raises ValueError if the module has no weight normalisation of that name.
    """
    if not isinstance(module, _WeightNormed) or module._weight_norm_name != name:
        raise ValueError(
            f"[remove_weight_norm] {type(module).__name__} has no weight normalisation of '{name}'"
        )
    weight = module._normed_weight()
    module.__class__ = type(module).__mro__[2]
    del module._weight_norm_name, module._weight_norm_dim
    parts = [f"{name}_g", f"{name}_v"]
    _replace(module, parts, {name: weight})
    if module._no_grad.issuperset(parts):
        module._no_grad.add(name)
    module._no_grad.difference_update(parts)
    return module
