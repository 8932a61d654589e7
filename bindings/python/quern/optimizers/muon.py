"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.base import Optimizer, Scheduled

__all__ = ["Muon"]


class Muon(Optimizer):
    """Momentum whose update is replaced, for matrices, by the nearest orthogonal one.

    v' = momentum * v + (1 - momentum) * g; the update is v', or with `nesterov`
    (1 - momentum) * g + momentum * v'. Matrices, and arrays of more axes with those after the
    first flattened, are made orthogonal by `ns_steps` Newton-Schulz iterations and scaled by
    sqrt(max(1, rows / columns)). `weight_decay` * w is added to g first.

    Defaults: momentum 0.95, weight_decay 0.01, nesterov True, ns_steps 5. State: `v`. Meant for
    hidden layers; embeddings, the last layer and vectors do better with AdamW.
    https://kellerjordan.github.io/posts/muon/
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        nesterov: bool = True,
        ns_steps: int = 5,
    ):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self.ns_steps = ns_steps

    def init_single(self, parameter: mx.array, state: dict):
        """`v` = 0."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        v = self.momentum * state["v"] + (1 - self.momentum) * gradient
        state["v"] = v
        update = v
        if self.nesterov:
            update = gradient * (1 - self.momentum) + v * self.momentum
        if update.ndim >= 2:
            matrix = update.reshape(update.shape[0], -1)
            rows, columns = matrix.shape
            update = _orthogonalized(matrix, self.ns_steps).reshape(update.shape)
            lr = lr * max(1, rows / columns) ** 0.5
        return parameter - lr * update


def _orthogonalized(matrix: mx.array, steps: int) -> mx.array:
    """Roughly U V^T of the singular value decomposition U S V^T, by a quintic iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315  # of the page that the class names
    transposed = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.T if transposed else matrix
    x = x / (mx.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = mx.addmm(a * x, mx.addmm(b * gram, gram, gram, alpha=c), x)
    return x.T if transposed else x
