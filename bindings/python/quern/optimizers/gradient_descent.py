"""SGD: stochastic gradient descent, with momentum."""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.base import Optimizer, Scheduled

__all__ = ["SGD"]


class SGD(Optimizer):
    """v' = momentum * v + (1 - dampening) * g;  w' = w - learning_rate * v'.

    With `nesterov`, g + momentum * v' in place of v'. `weight_decay` * w is added to g first.
    Defaults: all 0, nesterov False. State: `v`.

    Raises ValueError for nesterov without momentum or with dampening.
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
    ):
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening."
            )
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dampening = dampening
        self.nesterov = nesterov

    def init_single(self, parameter: mx.array, state: dict):
        """`v` = 0."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `v` if there is momentum."""
        lr = self.learning_rate.astype(gradient.dtype)
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        if self.momentum <= 0:
            return parameter - lr * gradient
        share = 1 - self.dampening
        v = self.momentum * state["v"] + (share * gradient if share != 1 else gradient)
        state["v"] = v
        direction = gradient + self.momentum * v if self.nesterov else v
        return parameter - lr * direction
