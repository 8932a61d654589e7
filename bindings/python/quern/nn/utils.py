"""Gradients with respect to a module's parameters, checkpointing, and averaging over processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from quern import core as mx
from quern.nn.layers.base import Module
from quern.optimizers.clipping import clip_grad_norm

__all__ = ["average_gradients", "checkpoint", "clip_grad_norm_sharded", "value_and_grad"]


def _with_parameters(module: Module, fn: Callable, transform: Callable) -> Callable:
    """`transform` applied to fn as a function of the module's trainable parameters first."""

    def of_parameters(parameters, *args, **kwargs):
        module.update(parameters)
        return fn(*args, **kwargs)

    transformed = transform(of_parameters)

    @wraps(fn)
    def call(*args, **kwargs):
        parameters = module.trainable_parameters()
        try:
            return transformed(parameters, *args, **kwargs)
        finally:
            # the arrays that `transform` passed are of use only while it runs
            module.update(parameters)

    return call


def value_and_grad(model: Module, fn: Callable):
    """A function like `fn` that returns its value and the gradients with respect to the
    trainable parameters of `model`.

    `fn` returns a scalar array, or a tuple whose first item is one. The gradients have the
    structure of `model.trainable_parameters()`.

        loss_and_grad = nn.value_and_grad(model, loss_fn)
        loss, grads = loss_and_grad(x, y)
        optimizer.update(model, grads)
    """
    return _with_parameters(model, fn, mx.value_and_grad)


def checkpoint(module: Module, fn: Callable | None = None):
    """`fn` (default: the module itself) such that the intermediate values are computed again in
    the backward pass instead of kept.

    Differentiable in the trainable parameters of `module` and the arguments.
    """
    return _with_parameters(module, module if fn is None else fn, mx.checkpoint)


def average_gradients(
    gradients: Any,
    group: mx.distributed.Group | None = None,
    all_reduce_size: int = 32 * 1024**2,
    communication_stream: mx.Stream | None = None,
):
    """The tree of gradients averaged over the processes of the group.

    Quern runs in one process, so the result is `gradients`. A group of more than one raises
    NotImplementedError.
    """
    from quern.nn.layers.distributed import single_process

    single_process(group)
    return gradients


def clip_grad_norm_sharded(
    gradients: Any, max_norm: float, group: mx.distributed.Group | None = None
):
    """`quern.optimizers.clip_grad_norm` of gradients split over the group; in one process, that."""
    from quern.nn.layers.distributed import single_process

    single_process(group)
    return clip_grad_norm(gradients, max_norm)
