"""MultiOptimizer: different optimizers for different parameters."""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.base import Optimizer
from quern.utils import tree_flatten, tree_merge, tree_unflatten

__all__ = ["MultiOptimizer"]


class MultiOptimizer(Optimizer):
    """Gives each parameter to the first optimizer whose filter takes it, the rest to the last.

    `filters`: functions of (dotted path, array), one fewer than `optimizers`; ValueError
    otherwise. The state is {"states": [state of each]}.
    """

    def __init__(self, optimizers, filters: list = []):
        super().__init__()
        self._state = {}
        if len(filters) != len(optimizers) - 1:
            raise ValueError(
                f"Given {len(filters)} filters but {len(optimizers) - 1} needed."
            )
        self.optimizers = optimizers
        self.filters = [*filters, lambda path, array: True]

    def _split(self, tree: dict) -> list:
        """The part of the tree for each optimizer."""
        parts: list = [[] for _ in self.optimizers]
        for path, array in tree_flatten(tree):
            for part, takes in zip(parts, self.filters):
                if takes(path, array):
                    part.append((path, array))
                    break
        return [tree_unflatten(part) if part else {} for part in parts]

    def init(self, parameters: dict):
        """`init` of each optimizer with its part of the parameters."""
        for optimizer, part in zip(self.optimizers, self._split(parameters)):
            optimizer.init(part)
        self._initialized = True

    def apply_gradients(self, gradients: dict, parameters: dict):
        """The parameters one step on, as a tree with the places of `gradients`."""
        result = {}
        for optimizer, part in zip(self.optimizers, self._split(gradients)):
            result = tree_merge(result, optimizer.apply_gradients(part, parameters))
        return result

    @property
    def state(self):
        """{"states": [state of each optimizer]}. May be set to such a dict."""
        return {"states": [optimizer.state for optimizer in self.optimizers]}

    @state.setter
    def state(self, state: dict):
        if "states" not in state or len(state["states"]) != len(self.optimizers):
            raise ValueError("Invalid state provided")
        for optimizer, own in zip(self.optimizers, state["states"]):
            optimizer.state = own

    @property
    def learning_rate(self):
        """That of the first optimizer. Setting it sets all."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array):
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate
