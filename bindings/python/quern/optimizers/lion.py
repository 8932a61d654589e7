"""Lion: updates by the sign of a moving average of the gradients."""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.adaptive import require
from quern.optimizers.base import Optimizer, Scheduled

__all__ = ["Lion"]


class Lion(Optimizer):
    """c = b1 * m + (1 - b1) * g;  m' = b2 * m + (1 - b2) * g;
    w' = w - learning_rate * (sign(c) + weight_decay * w).

    Updates are larger than Adam's, so take a learning rate 3 to 10 times smaller and a weight
    decay 3 to 10 times larger. Defaults: betas (0.9, 0.99), weight_decay 0. State: `m`.
    https://arxiv.org/abs/2302.06675
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: list[float] = [0.9, 0.99],
        weight_decay: float = 0.0,
    ):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.weight_decay = weight_decay
        for i, beta in enumerate(betas, start=1):
            require(0 <= beta < 1, f"Lion beta{i}", "in [0, 1)", beta)

    def init_single(self, parameter: mx.array, state: dict):
        """`m` = 0."""
        state["m"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `m`."""
        lr = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = state["m"]
        c = b1 * m + (1 - b1) * gradient
        state["m"] = b2 * m + (1 - b2) * gradient
        if self.weight_decay > 0:
            parameter = (1 - lr * self.weight_decay) * parameter
        return parameter - lr * mx.sign(c)
