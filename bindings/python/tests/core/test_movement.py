"""Data movement and indexing against NumPy on random shapes, some large enough for several threads and whole vectors,
with arrays that lie transposed, backwards or with gaps. Argument forms are in test_functions.py."""

import numpy as np
import pytest

import quern.core as mx

DTYPES = ["float32", "int32", "uint8", "float16", "int64", "complex64"]


class Problem:
    """Random arrays of one dtype; `check` compares with NumPy."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.dtype = DTYPES[seed % len(DTYPES)]
        self.large = seed % 2 == 0
        ndim = 1 + seed // 2 % 4
        most = (3000, 200, 36, 13)[ndim - 1] if self.large else 6
        self.shape = tuple(int(n) for n in self.rng.integers(1, most, ndim))
        self.a = self.values(self.shape)
        self.x = self.array(self.a)
        self.axis = int(self.rng.integers(0, ndim))

    def values(self, shape):
        a = self.rng.integers(-9, 9, shape)
        return (abs(a) if self.dtype == "uint8" else a).astype(self.dtype)

    def indices(self, size, shape, dtype="int32"):
        return self.rng.integers(0 if dtype == "uint32" else -size, size, shape).astype(dtype)

    def count(self):
        return int(self.rng.integers(1, 300 if self.large else 6))

    def array(self, a):
        """a, lying in memory in one of several ways."""
        form = self.rng.integers(0, 4)
        if form == 1:
            return mx.contiguous(mx.array(np.ascontiguousarray(a.T))).T
        if form == 2:
            return mx.array(np.ascontiguousarray(a[::-1]))[::-1]
        if form == 3:
            return mx.array(np.repeat(a, 2, -1))[..., ::2]
        return mx.array(a)

    def check(self, got, want):
        got = np.array(got)
        assert got.shape == want.shape
        if self.dtype == "float16":
            np.testing.assert_allclose(got, want, rtol=2e-3)
        else:
            np.testing.assert_array_equal(got, want.astype(got.dtype))


@pytest.fixture(params=range(24))
def p(request):
    return Problem(request.param)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64"])
def test_indices_along_an_axis(p, dtype):
    n = p.shape[p.axis]
    i = p.indices(n, (p.count(), 2), dtype)
    p.check(mx.take(p.x, mx.array(i), axis=p.axis), np.take(p.a, i.astype(int), p.axis))
    shape = list(p.shape)
    shape[p.axis] = min(p.count(), 40)
    i = p.indices(n, shape, dtype)
    p.check(mx.take_along_axis(p.x, p.array(i), axis=p.axis), np.take_along_axis(p.a, i.astype(int), p.axis))
    # Each place once: an order of the axis.
    i = np.argsort(p.rng.random(p.shape), p.axis).astype(dtype)
    values, want = p.values(p.shape), p.a.copy()
    np.put_along_axis(want, i.astype(int), values, p.axis)
    p.check(mx.put_along_axis(p.x, p.array(i), p.array(values), axis=p.axis), want)


def keys(p):
    """Keys with index arrays that fit p.shape."""
    m = p.count()
    index = [p.indices(n, (m,)) for n in p.shape]
    yield (index[0],)
    if len(p.shape) > 1:
        yield (index[0], index[1])
        yield (slice(None), index[1])
        yield (index[0][:9, None], index[1][:7])
        yield (slice(None, None, -2), index[1])
    if len(p.shape) > 2:
        yield (index[0], slice(None), index[2])
        yield (slice(None), index[1], index[2])
        yield (..., index[-1])


def test_index_arrays(p):
    for key in keys(p):
        at = tuple(mx.array(k) if isinstance(k, np.ndarray) else k for k in key)
        p.check(p.x[at], p.a[key])
        updates = p.values(p.a[key].shape)
        want = p.a.copy()
        np.add.at(want, key, updates)
        p.check(p.x.at[at].add(p.array(updates)), want)
        if p.dtype != "complex64":
            for name, combine in (("maximum", np.maximum), ("minimum", np.minimum)):
                want = p.a.copy()
                combine.at(want, key, updates)
                p.check(getattr(p.x.at[at], name)(p.array(updates)), want)
        x, want = mx.array(p.x), p.a.copy()
        x[at] = mx.array(updates.flat[0])
        want[key] = updates.flat[0]
        p.check(x, want)


def test_the_last_update_stays(p):
    i = p.indices(p.shape[0], (p.count(),))
    updates, want, x = p.values((len(i), *p.shape[1:])), p.a.copy(), mx.array(p.x)
    for row, update in zip(i, updates):
        want[row] = update
    x[mx.array(i)] = p.array(updates)
    p.check(x, want)


def test_slices(p):
    for _ in range(4):
        steps = p.rng.choice([1, 1, 2, 3, -1, -2, 5], len(p.shape))
        key = tuple(slice(*map(int, p.rng.integers(-n - 1, n + 1, 2)), int(s)) for n, s in zip(p.shape, steps))
        p.check(mx.contiguous(p.x[key]), p.a[key])
        updates = p.values(p.a[key].shape)
        x, want = mx.array(p.x), p.a.copy()
        x[key] = p.array(updates) if updates.size else updates
        want[key] = updates
        p.check(x, want)
        want = p.a.copy()
        want[key] += updates
        p.check(p.x.at[key].add(mx.array(updates)), want)


def test_copies(p):
    axes = [int(k) for k in p.rng.permutation(len(p.shape))]
    p.check(mx.contiguous(p.x.transpose(axes)), p.a.transpose(axes))
    p.check(p.x.transpose(axes).reshape(-1), p.a.transpose(axes).reshape(-1))
    p.check(mx.contiguous(mx.flip(p.x, p.axis)), np.flip(p.a, p.axis))
    for n in (1, 2, 3, 4, 6):
        p.check(mx.repeat(p.x, n, axis=p.axis), np.repeat(p.a, n, p.axis))
        for axis in range(len(p.shape) + 1):
            p.check(mx.stack([p.array(p.a) for _ in range(n)], axis), np.stack([p.a] * n, axis))
        parts = [p.a[..., :k] for k in range(1, n + 1)]
        p.check(mx.concatenate([p.array(a) for a in parts], -1), np.concatenate(parts, -1))
    p.check(mx.concatenate([p.x, p.array(p.a)], p.axis), np.concatenate([p.a, p.a], p.axis))
    reps = [int(n) for n in p.rng.integers(1, 4, len(p.shape))]
    p.check(mx.tile(p.x, reps), np.tile(p.a, reps))
    p.check(mx.roll(p.x, 3, p.axis), np.roll(p.a, 3, p.axis))
    p.check(mx.roll(p.x, -2), np.roll(p.a, -2))
