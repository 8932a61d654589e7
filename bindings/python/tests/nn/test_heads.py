"""Attention between projections: queries, keys and values are views of one product, and heads come back as rows."""

import numpy as np
import pytest

import quern
import quern.core as mx
import quern.nn as nn


def reference(x, w, out, heads, causal):
    b, n, d = x.shape
    q, k, v = (x @ w.T).reshape(b, n, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(d // heads)
    if causal:
        s = np.where(np.tril(np.ones((n, n), bool)), s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    y = (p / p.sum(-1, keepdims=True)) @ v
    return y.transpose(0, 2, 1, 3).reshape(b, n, d) @ out.T


@pytest.mark.parametrize("batch,length,dims,heads", [(1, 50, 64, 4), (2, 33, 96, 3), (3, 7, 16, 1), (1, 1, 64, 4)])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_between_projections(batch, length, dims, heads, causal):
    mx.random.seed(3)
    x = mx.random.normal((batch, length, dims))
    w = mx.random.normal((3 * dims, dims)) / 8
    out = mx.random.normal((dims, dims))
    mx.eval(x, w, out)

    def f(x):
        y = (x @ w.T).reshape(batch, length, 3, heads, dims // heads).transpose(2, 0, 3, 1, 4)
        y = mx.fast.scaled_dot_product_attention(
            y[0], y[1], y[2], scale=(dims // heads) ** -0.5, mask="causal" if causal else None
        )
        return y.transpose(0, 2, 1, 3).reshape(batch, length, dims) @ out.T

    want = reference(*(np.array(a, dtype=np.float64) for a in (x, w, out)), heads, causal)
    for g in (f, mx.compile(f)):
        np.testing.assert_allclose(np.array(g(x)), want, atol=3e-5 * np.abs(want).max())


def test_simd_attention_copies_nothing():
    quern.set_kernels("scaled_dot_product_attention=simd")
    try:
        attention = nn.MultiHeadAttention(64, 4)
        x = mx.random.normal((2, 40, 64))
        mx.eval(x, attention.parameters())
        for _ in range(4):
            mx.eval(attention(x, x, x))
        with quern.profile() as p:
            mx.eval(attention(x, x, x))
    finally:
        quern.set_kernels("")
    assert p.stats["relayouts_run"] == 0
    assert "reshape" not in p.table()
