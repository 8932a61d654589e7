"""Clipping of gradients by their global norm."""

from __future__ import annotations

from quern import core as mx
from quern.utils import tree_map, tree_reduce

__all__ = ["clip_grad_norm"]


def clip_grad_norm(grads, max_norm):
    """The tree of gradients scaled so that its norm is at most `max_norm`, and the norm before.

    The norm is that of all elements together. Gradients within it come back unscaled.

        grads, norm = clip_grad_norm(grads, max_norm=1.0)
    """
    squared = tree_reduce(lambda total, g: total + g.square().sum(), grads, 0.0)
    norm = mx.sqrt(squared)
    factor = mx.minimum(max_norm / (norm + 1e-6), 1.0)
    return tree_map(lambda g: g * factor, grads), norm
