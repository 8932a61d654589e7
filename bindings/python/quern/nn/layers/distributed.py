"""Sharded layers, as they are in a group of one process.

Quern runs in one process, so each member holds the whole: weights are not split, and what would
be summed over the group is already the sum. A group of more than one is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from quern import core as mx
from quern.nn.layers.base import Module
from quern.nn.layers.linear import Linear
from quern.nn.layers.quantized import QuantizedLinear
from quern.utils import tree_flatten, tree_map

__all__ = [
    "AllToShardedLinear",
    "FullyShardedModule",
    "QuantizedAllToShardedLinear",
    "QuantizedShardedToAllLinear",
    "ShardedToAllLinear",
    "fully_shard",
    "shard_inplace",
    "shard_linear",
    "sum_gradients",
]

_SHARDINGS = ("all-to-sharded", "sharded-to-all")


def single_process(group: mx.distributed.Group | None) -> mx.distributed.Group:
    """`group`, or the global one. NotImplementedError if it has more than one member."""
    group = group or mx.distributed.init()
    if group.size() != 1:
        raise NotImplementedError(
            f"[distributed] a group of {group.size()} processes, only groups of one are supported"
        )
    return group


def _check_sharding(sharding):
    if not callable(sharding) and sharding not in _SHARDINGS:
        raise ValueError(
            f"Sharding type sharding={sharding!r} not supported, choose one of {_SHARDINGS}"
        )


def sum_gradients(group):
    """A function that returns its argument and sums the gradient over the group."""
    single_process(group)
    return lambda x: x


class _ShardedLinear(Linear):
    """A linear layer of a group of one."""

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group: mx.distributed.Group | None = None,
    ):
        super().__init__(input_dims, output_dims, bias)
        self.group = single_process(group)

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """The layer with the weights of `linear_layer`."""
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer.group = single_process(group)
        for name, value in linear_layer.parameters().items():
            layer[name] = value
        return layer


class AllToShardedLinear(_ShardedLinear):
    """`Linear` whose result would be split over the group; in one process, `Linear`."""


class ShardedToAllLinear(_ShardedLinear):
    """`Linear` whose input would be split over the group; in one process, `Linear`."""


class _QuantizedShardedLinear(QuantizedLinear):
    """A quantized linear layer of a group of one; its parameters stay frozen."""

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = 64,
        bits: int = 4,
        mode: str = "affine",
        group: mx.distributed.Group | None = None,
    ):
        super().__init__(input_dims, output_dims, bias, group_size, bits, mode)
        self.group = single_process(group)

    def unfreeze(self, *args, **kwargs):
        """`Module.unfreeze`, but the layer's own parameters stay frozen."""
        super().unfreeze(*args, **kwargs)
        return self.freeze(recurse=False)

    @classmethod
    def from_quantized_linear(
        cls,
        quantized_linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """The layer with the weights of `quantized_linear_layer`."""
        source = quantized_linear_layer
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer.group = single_process(group)
        layer.group_size, layer.bits, layer.mode = (
            source.group_size,
            source.bits,
            source.mode,
        )
        for name, value in source.parameters().items():
            layer[name] = value
        return layer.freeze()


class QuantizedAllToShardedLinear(_QuantizedShardedLinear):
    """`AllToShardedLinear` with a quantized weight; in one process, `QuantizedLinear`."""


class QuantizedShardedToAllLinear(_QuantizedShardedLinear):
    """`ShardedToAllLinear` with a quantized weight; in one process, `QuantizedLinear`."""


def shard_linear(
    module: Module,
    sharding: str,
    *,
    segments: int | list = 1,
    group: mx.distributed.Group | None = None,
) -> Module:
    """The sharded form of a Linear or QuantizedLinear layer, a new layer with its weights.

    `sharding`: "all-to-sharded" or "sharded-to-all"; anything else raises ValueError.
    """
    _check_sharding(sharding)
    to_sharded = sharding == "all-to-sharded"
    if isinstance(module, QuantizedLinear):
        kind = (
            QuantizedAllToShardedLinear if to_sharded else QuantizedShardedToAllLinear
        )
        return kind.from_quantized_linear(module, segments=segments, group=group)
    kind = AllToShardedLinear if to_sharded else ShardedToAllLinear
    return kind.from_linear(module, segments=segments, group=group)


def shard_inplace(
    module: Module,
    sharding: str | Callable,
    *,
    segments: int | list = 1,
    group: mx.distributed.Group | None = None,
):
    """Keep of each parameter of `module` this process's part, which in one process is all."""
    _check_sharding(sharding)
    single_process(group)


class FullyShardedModule(Module):
    """`module`, each of whose parameters would be split over the group along axis 0.

    In one process it calls `module`, with its parameters converted to `compute_dtype` if that
    is given.
    """

    def __init__(
        self,
        module: Module,
        group: mx.distributed.Group | None = None,
        compute_dtype: mx.Dtype | None = None,
    ):
        super().__init__()
        single_process(group)
        self.module = module
        self._compute_dtype = compute_dtype

    def _extra_repr(self) -> str:
        return f"num_sharded_params={len(tree_flatten(self.module.parameters()))}"

    def __call__(self, *args, **kwargs):
        return self._gathered_call(self.module, *args, **kwargs)

    def as_linear(self, *args, **kwargs):
        """`module.as_linear` with the converted parameters."""
        return self._gathered_call(self.module.as_linear, *args, **kwargs)

    def _gathered_call(self, fn, *args, **kwargs):
        if self._compute_dtype is None:
            return fn(*args, **kwargs)
        parameters = self.module.parameters()
        self.module.update(
            tree_map(lambda p: p.astype(self._compute_dtype), parameters)
        )
        try:
            return fn(*args, **kwargs)
        finally:
            self.module.update(parameters)


def fully_shard(
    module: Module,
    *,
    group: mx.distributed.Group | None = None,
    compute_dtype: mx.Dtype | None = None,
) -> Module:
    """`module` itself: in a group of one there is nothing to shard."""
    single_process(group)
    return module
