"""Gradients of arrays that are used many times: in slices, and as the weight of many products."""

import numpy as np
import pytest
import quern.core as mx

RNG = np.random.default_rng(3)
X = RNG.integers(-4, 5, (5, 6, 4)).astype(np.float32)

SLICES = {
    "tiles": [np.s_[:, 0:2], np.s_[:, 2:5], np.s_[:, 5:6]],
    "gaps": [np.s_[:, 1:2], np.s_[:, 4:5]],
    "overlaps": [np.s_[0:3], np.s_[1:4], np.s_[2:5], np.s_[0:1]],
    "two_axes": [np.s_[1:3, 2:4], np.s_[:, :, 0:1], np.s_[4:5, 0:1, 1:3], np.s_[2:3]],
    "steps": [np.s_[::2], np.s_[:, ::-1], np.s_[:, 4:1:-2], np.s_[0:2]],
    "empty": [np.s_[3:3], np.s_[:, 5:2], np.s_[1:2]],
    "whole": [np.s_[:], np.s_[:, :], np.s_[2:4]],
    "entries": [np.s_[0], np.s_[1], np.s_[2, 3], np.s_[..., 1], np.s_[-1]],
    "one": [np.s_[1:4, 2:3]],
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("used_whole", [False, True])
@pytest.mark.parametrize("name", SLICES)
def test_slices(name, used_whole, compiled):
    def f(x):
        y = sum((i + 2) * x[s].square().sum() for i, s in enumerate(SLICES[name]))
        return y + (x * 3).sum() if used_whole else y

    want = np.full_like(X, 3 if used_whole else 0)
    for i, s in enumerate(SLICES[name]):
        want[s] += 2 * (i + 2) * X[s]
    g = mx.grad(f)
    assert np.array_equal(np.array((mx.compile(g) if compiled else g)(mx.array(X))), want)


@pytest.mark.parametrize("dtype", ["int32", "float16", "complex64"])
def test_slices_of_other_dtypes(dtype):
    x = mx.array(X).astype(getattr(mx, dtype))
    _, (g,) = mx.vjp(lambda x: [x[:2] * 2, x[1:4] * 3, x[:, 5:]], [x], [mx.ones_like(x[:2]), mx.ones_like(x[1:4]), mx.ones_like(x[:, 5:])])
    want = np.zeros_like(X)
    want[:2] += 2
    want[1:4] += 3
    want[:, 5:] += 1
    assert g.dtype == x.dtype and np.array_equal(np.array(g).real, want)


def test_second_derivatives_through_slices():
    def f(x):
        return sum((x[i] * x[i - 1]).sum() for i in range(1, 5))

    v = RNG.integers(-4, 5, X.shape).astype(np.float32)
    _, (hv,) = mx.vjp(mx.grad(f), [mx.array(X)], [mx.array(v)])
    want = np.zeros_like(X)
    want[1:] += v[:-1]
    want[:-1] += v[1:]
    assert np.array_equal(np.array(hv), want)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize("shapes", [[(3, 8)] * 6, [(2, 8), (5, 8), (1, 8)], [(8,), (2, 8), (2, 3, 8)], [(40, 8)] * 2])
def test_products_with_one_weight(shapes, turned, plus):
    """Sums of products over small integers are exact in every order."""
    w = RNG.integers(-3, 4, (8, 7)).astype(np.float32)
    xs = [RNG.integers(-3, 4, s).astype(np.float32) for s in shapes]

    def f(w, *xs):
        total = sum(((x @ (w.T if turned else w)) * (i + 1)).sum() for i, x in enumerate(xs))
        return total + 2 * w.sum() if plus else total

    args = [mx.array(w.T if turned else w), *map(mx.array, xs)]
    got = mx.grad(f, argnums=tuple(range(len(args))))(*args)
    want = sum((i + 1) * x.reshape(-1, 8).sum(0)[:, None] * np.ones((1, 7)) for i, x in enumerate(xs)) + (2 if plus else 0)
    assert np.array_equal(np.array(got[0]), want.T if turned else want)
    for i, x in enumerate(xs):
        assert np.array_equal(np.array(got[1 + i]), np.broadcast_to((i + 1) * w.sum(1), x.shape))


def test_a_recurrent_layer_against_finite_differences():
    w = 0.3 * RNG.standard_normal((6, 6))
    x = RNG.standard_normal((2, 9, 6))

    def loss(w, x, m):
        h = m.zeros((2, 6)) if m is np else m.zeros((2, 6), dtype=m.float32)
        for t in range(9):
            h = m.tanh(x[:, t] + h @ w.T)
        return (h * h).sum()

    got = np.array(mx.grad(lambda w: loss(w, mx.array(x.astype(np.float32)), mx))(mx.array(w.astype(np.float32))))
    want = np.zeros_like(w)
    for at in np.ndindex(*w.shape):
        d = np.zeros_like(w)
        d[at] = 1e-6
        want[at] = (loss(w + d, x, np) - loss(w - d, x, np)) / 2e-6
    assert np.abs(got - want).max() < 1e-5
