"""Activations behind products and Linear, which a kernel may do on the rows it has just made: against NumPy in double
precision and, for what is not finite, against the activation alone."""

import math

import numpy as np
import pytest

import quern.core as mx
import quern.nn as nn

erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "gelu": (nn.gelu, lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2)))),
    "silu": (nn.silu, lambda x: x * sigmoid(x)),
    "gelu_approx": (nn.gelu_approx, lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "gelu_fast": (nn.gelu_fast_approx, lambda x: x * sigmoid(1.702 * x)),
    "tanh": (mx.tanh, np.tanh),
    "relu6": (nn.relu6, lambda x: np.clip(x, 0, 6)),
    "leaky": (nn.leaky_relu, lambda x: np.maximum(x, 0.01 * x)),
    "ends": (
        lambda x: mx.minimum(x, -x) * mx.maximum(x, 1),
        lambda x: np.minimum(x, -x) * np.maximum(x, 1),
    ),
    "many_values": (
        lambda x: x * mx.sigmoid(x) + x * x * mx.tanh(x) - x / (2 + mx.abs(x)),
        lambda x: x * sigmoid(x) + x * x * np.tanh(x) - x / (2 + abs(x)),
    ),
    "either_side": (lambda x: (1 - x) / 3 - 2 / (1 + mx.square(x)), lambda x: (1 - x) / 3 - 2 / (1 + x * x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("m, k, n", [(1, 30, 20), (5, 7, 9), (33, 20, 70), (40, 5, 1), (130, 40, 600)])
def test_values(name, m, k, n):
    ours, numpys = ACTIVATIONS[name]
    rng = np.random.default_rng(m)
    x, w, b = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (n, k), (n,)))
    layer = nn.Linear(k, n)
    layer.update({"weight": mx.array(w), "bias": mx.array(b)})
    want = numpys(x.astype(np.float64) @ w.T.astype(np.float64) + b)
    size = max(1.0, np.abs(want).max())
    for _ in range(3):  # weights count as constant in the end
        assert np.abs(np.array(ours(layer(mx.array(x)))) - want).max() < 3e-6 * size


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_not_finite(name):
    ours, _ = ACTIVATIONS[name]
    x = np.full((20, 20), 1e30, np.float32)
    x[0], x[1], x[2], x[3] = np.nan, -1e30, np.inf, -np.inf
    x[4:] = np.linspace(-3, 3, 16)[:, None]
    w = mx.ones((20, 50))
    product = mx.matmul(mx.array(x), w)
    mx.eval(product)
    np.testing.assert_allclose(np.array(ours(mx.matmul(mx.array(x), w))), np.array(ours(product)), rtol=3e-6, atol=3e-6)
