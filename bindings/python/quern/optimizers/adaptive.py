"""Optimizers that scale each element by running averages of its gradients.

RMSprop, Adagrad, AdaDelta, Adam, AdamW and Adamax.
"""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.base import Optimizer, Scheduled

__all__ = ["AdaDelta", "Adagrad", "Adam", "AdamW", "Adamax", "RMSprop"]


def require(ok: bool, what: str, expected: str, value):
    """ValueError unless `ok`."""
    if not ok:
        raise ValueError(f"{what} should be {expected}, {value} was provided instead")


class RMSprop(Optimizer):
    """v' = alpha * v + (1 - alpha) * g^2;  w' = w - learning_rate * g / (sqrt(v') + eps).

    Defaults: alpha 0.99, eps 1e-8. State: `v`.
    Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning.
    """

    def __init__(
        self, learning_rate: Scheduled, alpha: float = 0.99, eps: float = 1e-8
    ):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.alpha = alpha
        self.eps = eps
        require(alpha >= 0, "RMSprop alpha", ">=0", alpha)
        require(eps >= 0, "RMSprop epsilon", ">0", eps)

    def init_single(self, parameter: mx.array, state: dict):
        """`v` = 0."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        v = self.alpha * state["v"] + (1 - self.alpha) * mx.square(gradient)
        state["v"] = v
        return parameter - lr * gradient / (mx.sqrt(v) + self.eps)


class Adagrad(Optimizer):
    """v' = v + g^2;  w' = w - learning_rate * g / (sqrt(v') + eps).

    Default: eps 1e-8. State: `v`. https://jmlr.org/papers/v12/duchi11a.html
    """

    def __init__(self, learning_rate: Scheduled, eps: float = 1e-8):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps
        require(eps >= 0, "Adagrad epsilon", ">0", eps)

    def init_single(self, parameter: mx.array, state: dict):
        """`v` = 0."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        v = state["v"] + mx.square(gradient)
        state["v"] = v
        return parameter - lr * gradient / (mx.sqrt(v) + self.eps)


class AdaDelta(Optimizer):
    """v' = rho * v + (1 - rho) * g^2;  d = sqrt(u + eps) / sqrt(v' + eps) * g;
    u' = rho * u + (1 - rho) * d^2;  w' = w - learning_rate * d.

    Defaults: rho 0.9, eps 1e-6. State: `v`, `u`. https://arxiv.org/abs/1212.5701
    """

    def __init__(self, learning_rate: Scheduled, rho: float = 0.9, eps: float = 1e-6):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.rho = rho
        self.eps = eps
        require(rho >= 0, "AdaDelta rho", ">=0", rho)
        require(eps >= 0, "AdaDelta epsilon", ">0", eps)

    def init_single(self, parameter: mx.array, state: dict):
        """`v` = `u` = 0."""
        state["v"] = mx.zeros_like(parameter)
        state["u"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `v` and `u`."""
        lr = self.learning_rate.astype(gradient.dtype)
        rho, eps, u = self.rho, self.eps, state["u"]
        v = rho * state["v"] + (1 - rho) * mx.square(gradient)
        d = mx.sqrt(u + eps) / mx.sqrt(v + eps) * gradient
        state["v"] = v
        state["u"] = rho * u + (1 - rho) * mx.square(d)
        return parameter - lr * d


class Adam(Optimizer):
    """m' = b1 * m + (1 - b1) * g;  v' = b2 * v + (1 - b2) * g^2;
    w' = w - learning_rate * m' / (sqrt(v') + eps).

    With `bias_correction` m' is divided by 1 - b1^step and v' by 1 - b2^step. Defaults: betas
    (0.9, 0.999), eps 1e-8, bias_correction False. State: `m`, `v`.
    https://arxiv.org/abs/1412.6980
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: list[float] = [0.9, 0.999],
        eps: float = 1e-8,
        bias_correction: bool = False,
    ):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.eps = eps
        self.bias_correction = bias_correction
        for i, beta in enumerate(betas, start=1):
            require(0 <= beta < 1, f"Adam beta{i}", "in [0, 1)", beta)
        require(eps >= 0, "Adam epsilon", ">=0", eps)

    def init_single(self, parameter: mx.array, state: dict):
        """`m` = `v` = 0."""
        state["m"] = mx.zeros_like(parameter)
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `m` and `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = b1 * state["m"] + (1 - b1) * gradient
        v = b2 * state["v"] + (1 - b2) * mx.square(gradient)
        state["m"], state["v"] = m, v
        if not self.bias_correction:
            return parameter - lr * m / (mx.sqrt(v) + self.eps)
        step = self.step
        m_scale = (lr / (1 - b1**step)).astype(gradient.dtype)
        v_scale = mx.rsqrt(1 - b2**step).astype(gradient.dtype)
        return parameter - m_scale * m / (mx.sqrt(v) * v_scale + self.eps)


class AdamW(Adam):
    """`Adam` with decoupled weight decay: w is multiplied by 1 - learning_rate * weight_decay
    first.

    Default: weight_decay 0.01; others as in Adam. https://arxiv.org/abs/1711.05101
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: list[float] = [0.9, 0.999],
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        bias_correction: bool = False,
    ):
        super().__init__(learning_rate, betas, eps, bias_correction)
        self.weight_decay = weight_decay

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `m` and `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        decayed = parameter * (1 - lr * self.weight_decay)
        return super().apply_single(gradient, decayed, state)


class Adamax(Adam):
    """`Adam` with the maximum norm: v' = max(b2 * v, |g|);
    w' = w - learning_rate * m' / (v' + eps). No bias correction.

    Defaults: betas (0.9, 0.999), eps 1e-8. State: `m`, `v`. https://arxiv.org/abs/1412.6980
    """

    def __init__(
        self,
        learning_rate: Scheduled,
        betas: list[float] = [0.9, 0.999],
        eps: float = 1e-8,
    ):
        super().__init__(learning_rate, betas, eps)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes `m` and `v`."""
        lr = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = b1 * state["m"] + (1 - b1) * gradient
        v = mx.maximum(b2 * state["v"], mx.abs(gradient))
        state["m"], state["v"] = m, v
        return parameter - lr * m / (v + self.eps)
