"""Sequential."""

from __future__ import annotations

from quern.nn.layers.base import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """Calls its modules or functions one after the other, each on the result of the one before.

    They are kept in the list `layers`.
    """

    def __init__(self, *modules):
        super().__init__()
        self.layers = list(modules)

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
