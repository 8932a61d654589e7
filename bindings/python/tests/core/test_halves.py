"""float16 and bfloat16 against NumPy: conversions bit by bit, and chains of ops, each of which is rounded."""

import numpy as np
import pytest

import quern.core as mx

HALVES = np.arange(65536, dtype=np.uint16)


def _numbers():
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(100_000) * 10.0 ** rng.integers(-9, 6, 100_000)
    edges = [65504, 65519.99, 65520, 1e9, -1e9, np.inf, -np.inf, 2**-24, 2**-25, 2**-25 * 1.0001, 3 * 2**-26, 0, -0.0, 6.1e-5]
    return np.concatenate([wide, edges]).astype(np.float32)


def test_every_float16_widens():
    h = HALVES.view(np.float16)
    got = np.array(mx.array(h).astype(mx.float32))
    nan = np.isnan(h)
    assert np.array_equal(got[~nan].view(np.uint32), h[~nan].astype(np.float32).view(np.uint32))
    assert np.isnan(got[nan]).all()


def test_float16_rounds_to_nearest_even():
    x = _numbers()
    with np.errstate(over="ignore"):
        want = x.astype(np.float16)
    assert np.array_equal(np.array(mx.array(x).astype(mx.float16)).view(np.uint16), want.view(np.uint16))
    assert np.isnan(np.array(mx.array([np.nan]).astype(mx.float16)))[0]


def test_bfloat16_is_the_upper_half_rounded_to_nearest_even():
    x = _numbers()
    bits = x.view(np.uint32).astype(np.uint64)
    want = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32)
    got = np.array(mx.array(x).astype(mx.bfloat16).astype(mx.float32))
    assert np.array_equal(got.view(np.uint32), want)
    whole = (HALVES.astype(np.uint32) << 16).view(np.float32)
    whole = whole[~np.isnan(whole)]
    assert np.array_equal(np.array(mx.array(whole).astype(mx.bfloat16).astype(mx.float32)), whole)


@pytest.mark.parametrize("n", [1, 7, 4096, 10_001])
def test_chains_round_after_every_op(n):
    rng = np.random.default_rng(n)
    x, y = (rng.standard_normal(n).astype(np.float16) for _ in range(2))
    a, b = mx.array(x), mx.array(y)
    got = np.array(mx.maximum((a * b + b) * 0.3 - a, mx.abs(b)))
    want = np.maximum((x * y + y) * np.float16(0.3) - x, np.abs(y))
    assert got.dtype == np.float16
    assert np.array_equal(got.view(np.uint16), want.view(np.uint16))
