"""Adafactor: second moments of matrices kept as a row and a column."""

from __future__ import annotations

from quern import core as mx
from quern.optimizers.base import Optimizer, Scheduled

__all__ = ["Adafactor"]


def _rms(x: mx.array) -> mx.array:
    return mx.sqrt(mx.mean(mx.square(x)))


class Adafactor(Optimizer):
    """Adam-like updates with memory for the second moments of one row and one column a matrix.

    - `learning_rate`: used with relative_step False; default None.
    - `eps`: added to squared gradients, and the least scale of a parameter. Default (1e-30, 1e-3).
    - `clip_threshold`: largest root mean square of an update before scaling. Default 1.
    - `decay_rate`: the second moment decays by 1 - step^decay_rate. Default -0.8.
    - `beta_1`: decay of the first moment; None (default): none is kept.
    - `weight_decay`: default 0.
    - `scale_parameter` (default True): scale by the root mean square of the parameter.
    - `relative_step` (default True): learning rate min(0.01, 1 / sqrt(step)), or with
      `warmup_init` (default False) min(1e-6 * step, 1 / sqrt(step)).

    State: `exp_avg_sq_row` and `exp_avg_sq_col`, or `exp_avg_sq` of vectors; `exp_avg` with
    beta_1. https://arxiv.org/abs/1804.04235
    """

    def __init__(
        self,
        learning_rate: Scheduled | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta_1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ):
        super().__init__()
        if learning_rate is not None:
            self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps
        self.clip_threshold = clip_threshold
        self.decay_rate = decay_rate
        self.beta_1 = beta_1
        self.weight_decay = weight_decay
        self.scale_parameter = scale_parameter
        self.relative_step = relative_step
        self.warmup_init = warmup_init

    def init_single(self, parameter: mx.array, state: dict):
        """Zeros."""
        shape, dtype = parameter.shape, parameter.dtype
        if parameter.ndim >= 2:
            state["exp_avg_sq_row"] = mx.zeros(shape[:-1], dtype=dtype)
            state["exp_avg_sq_col"] = mx.zeros(shape[:-2] + shape[-1:], dtype=dtype)
        else:
            state["exp_avg_sq"] = mx.zeros_like(parameter)
        if self.beta_1 is not None:
            state["exp_avg"] = mx.zeros_like(parameter)

    def _step_size(self, parameter: mx.array) -> mx.array:
        rms = _rms(parameter)
        if self.relative_step:
            least = 1e-6 * self.step if self.warmup_init else 1e-2
            rate = mx.minimum(least, mx.rsqrt(self.step))
        else:
            rate = self.learning_rate
        scale = mx.maximum(self.eps[1], rms) if self.scale_parameter else 1.0
        return scale * rate.astype(rms.dtype)

    def _normalized(self, gradient: mx.array, state: dict) -> mx.array:
        """The gradient over the root of its second moment, which is moved on."""
        kept = (1.0 - self.step**self.decay_rate).astype(gradient.dtype)
        squared = mx.square(gradient) + self.eps[0]

        def moved(name, value):
            state[name] = kept * state[name] + (1 - kept) * value
            return state[name]

        if gradient.ndim < 2:
            return mx.rsqrt(moved("exp_avg_sq", squared)) * gradient
        row = moved("exp_avg_sq_row", mx.mean(squared, axis=-1))
        column = moved("exp_avg_sq_col", mx.mean(squared, axis=-2))
        by_row = mx.rsqrt(row / mx.mean(row, axis=-1, keepdims=True))
        return by_row[..., None] * mx.rsqrt(column)[..., None, :] * gradient

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """The new parameter; changes the moments."""
        step_size = self._step_size(parameter)
        update = self._normalized(gradient, state)
        update = update / mx.maximum(1.0, _rms(update) / self.clip_threshold)
        update = step_size * update
        if self.beta_1 is not None:
            update = self.beta_1 * state["exp_avg"] + (1 - self.beta_1) * update
            state["exp_avg"] = update
        if self.weight_decay != 0:
            parameter = parameter * (1 - self.weight_decay * step_size)
        return parameter - update
