"""Activation functions; element-wise unless an axis is named.

Their module forms are in `activations`. None is compiled on its own: the planner fuses
chains of element-wise ops anyway.
"""

from __future__ import annotations

import math

from quern import core as mx
from quern.core._dtypes import FLOATING
from quern.core._ops import ops

__all__ = [
    "celu",
    "elu",
    "gelu",
    "gelu_approx",
    "gelu_fast_approx",
    "glu",
    "hard_shrink",
    "hard_tanh",
    "hardswish",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu2",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "step",
    "tanh",
]


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return mx.sigmoid(x)


def relu(x):
    """max(x, 0)."""
    if isinstance(x, mx.array) and x.dtype in FLOATING:
        return ops.relu(x)  # the same numbers as maximum, with less to record
    return mx.maximum(x, 0)


def relu2(x):
    """max(x, 0)^2."""
    return mx.square(mx.maximum(x, 0))


def relu6(x):
    """min(max(x, 0), 6)."""
    return mx.minimum(mx.maximum(x, 0), 6.0)


def leaky_relu(x, negative_slope=0.01):
    """max(negative_slope * x, x)."""
    return mx.maximum(negative_slope * x, x)


def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) over `axis`."""
    if isinstance(x, mx.array) and x.dtype in FLOATING and isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.size:
        return ops.log_softmax(x, (axis,))
    return x - mx.logsumexp(x, axis=axis, keepdims=True)


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over `axis`."""
    return mx.softmax(x, axis=axis)


def softmin(x, axis=-1):
    """exp(-x) / sum(exp(-x)) over `axis`."""
    return mx.softmax(-x, axis=axis)


def elu(x, alpha=1.0):
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return mx.where(x > 0, x, alpha * (mx.exp(x) - 1))


def celu(x, alpha=1.0):
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)."""
    return mx.maximum(x, 0.0) + alpha * (mx.exp(mx.minimum(x, 0.0) / alpha) - 1)


def selu(x):
    """1.0507 * elu(x, 1.67326). https://arxiv.org/abs/1706.02515"""
    return elu(x, 1.67326) * 1.0507


def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return mx.logaddexp(x, 0)


def softsign(x):
    """x / (1 + |x|)."""
    return mx.divide(x, 1 + mx.abs(x))


def softshrink(x, lambd: float = 0.5):
    """x moved towards 0 by lambd, 0 where |x| <= lambd."""
    return mx.where(mx.abs(x) > lambd, x - mx.sign(x) * lambd, 0)


def hard_shrink(x, lambd=0.5):
    """x where |x| > lambd, else 0."""
    return mx.where(mx.abs(x) > lambd, x, 0)


def hard_tanh(x, min_val=-1.0, max_val=1.0):
    """min(max(x, min_val), max_val)."""
    return mx.minimum(mx.maximum(x, min_val), max_val)


def hardswish(x):
    """x * min(max(x + 3, 0), 6) / 6."""
    return x * mx.minimum(mx.maximum(x + 3, 0), 6) / 6


def silu(x):
    """x * sigmoid(x), also known as swish."""
    return x * mx.sigmoid(x)


def log_sigmoid(x):
    """log(sigmoid(x)) = -log(1 + exp(-x)), without overflow."""
    return -softplus(-x)


def mish(x: mx.array) -> mx.array:
    """x * tanh(softplus(x)). https://arxiv.org/abs/1908.08681"""
    return x * mx.tanh(softplus(x))


def gelu(x) -> mx.array:
    """x * Phi(x), Phi the distribution function of the standard normal.

    https://arxiv.org/abs/1606.08415
    """
    return x * (1 + mx.erf(x / math.sqrt(2))) / 2


def gelu_approx(x):
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): within 0.0005 of `gelu` on [-6, 6]."""
    return 0.5 * x * (1 + mx.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


def gelu_fast_approx(x):
    """x * sigmoid(1.702 x): within 0.015 of `gelu` on [-6, 6]."""
    return x * mx.sigmoid(1.702 * x)


def glu(x: mx.array, axis: int = -1) -> mx.array:
    """a * sigmoid(b), a and b the halves of x along `axis` (of even size)."""
    a, b = mx.split(x, 2, axis=axis)
    return a * mx.sigmoid(b)


def step(x: mx.array, threshold: float = 0.0):
    """1 where x >= threshold, else 0 (int32)."""
    return mx.where(x >= threshold, 1, 0)


def prelu(x: mx.array, alpha: mx.array) -> mx.array:
    """max(x, 0) + alpha * min(x, 0), alpha an array that broadcasts with x."""
    return mx.maximum(0, x) + alpha * mx.minimum(0, x)


def tanh(x):
    """Hyperbolic tangent."""
    return mx.tanh(x)
