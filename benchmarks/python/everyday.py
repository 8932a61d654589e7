"""Everyday ops on a million numbers, beside PyTorch: median times in us of both, two threads each.

Run it with the interpreter of build/peers-venv and build/release/python on PYTHONPATH; arguments are parts of names of
rows. Rows in which PyTorch is faster are marked. Errors against float64 are not its matter: tests hold them.
"""

import statistics
import sys
import time

import numpy as np
import torch

import quern.core as mx

SECONDS = 0.15  # of each side of a row
N = 1024
RNG = np.random.default_rng(0)


def both(x):
    return mx.array(x), torch.from_numpy(x)


def rows():
    """(name, work in Quern that returns arrays, work in PyTorch)."""
    (a, ta), (b, tb) = both(RNG.standard_normal((N, N), np.float32)), both(RNG.standard_normal((N, N), np.float32))
    (i, ti), (ints, tints) = both(RNG.integers(0, N, (N, N))), both(RNG.integers(0, N, (N, N), np.int32))
    (i1, ti1), (k, tk) = both(RNG.integers(0, N, N)), both(RNG.integers(0, 256, (N, N), np.uint8))
    c, tc = both((ta + 1j * tb).numpy())
    square = ta[:256] @ ta[:256].T / N + torch.eye(256)
    s, ts = mx.array(square.numpy()), square
    half, thalf = a.astype(mx.bfloat16), ta.bfloat16()
    true, ttrue = a > 0, ta > 0
    mx.eval(half, true)

    for name in "exp log sin tanh sigmoid sqrt rsqrt erf tan arctan expm1 log1p".split():
        yield name, lambda f=getattr(mx, name): f(a), lambda f=getattr(torch, name): f(ta)
    for name in "add multiply divide maximum arctan2 remainder logaddexp greater".split():
        yield name, lambda f=getattr(mx, name): f(a, b), lambda f=getattr(torch, name): f(ta, tb)
    yield "integers // 7", lambda: ints // 7, lambda: tints // 7
    yield "integers >> 2", lambda: ints >> 2, lambda: tints >> 2
    yield "u8 to f32", lambda: k.astype(mx.float32), lambda: tk.float()
    yield "f32 to f16", lambda: a.astype(mx.float16), lambda: ta.half()
    yield "bf16 exp", lambda: mx.exp(half), lambda: torch.exp(thalf)
    yield "complex multiply", lambda: c * c, lambda: tc * tc
    yield "complex abs", lambda: mx.abs(c), lambda: torch.abs(tc)
    yield "where", lambda: mx.where(true, a, b), lambda: torch.where(ttrue, ta, tb)

    for axis in (0, 1):
        for name, theirs in [("sum", torch.sum), ("prod", torch.prod), ("max", torch.amax), ("argmax", torch.argmax)]:
            yield f"{name} axis {axis}", lambda f=getattr(mx, name), x=axis: f(a, axis=x), lambda f=theirs, x=axis: f(ta, dim=x)
        for name in "logsumexp softmax cumsum cumprod argsort".split():
            yield (
                f"{name} axis {axis}",
                lambda f=getattr(mx, name), x=axis: f(a, axis=x),
                lambda f=getattr(torch, name), x=axis: f(ta, dim=x),
            )
    yield "bf16 softmax", lambda: mx.softmax(half, -1), lambda: torch.softmax(thalf, -1)
    yield "any axis 0", lambda: mx.any(true, axis=0), lambda: torch.any(ttrue, 0)
    yield "topk 10", lambda: mx.topk(a, 10, axis=1), lambda: torch.topk(ta, 10, 1)

    yield "take rows", lambda: mx.take(a, i1, axis=0), lambda: torch.index_select(ta, 0, ti1)
    yield "take columns", lambda: mx.take(a, i1, axis=1), lambda: torch.index_select(ta, 1, ti1)
    yield "take_along_axis", lambda: mx.take_along_axis(a, i, axis=1), lambda: torch.gather(ta, 1, ti)
    yield "a[i, i]", lambda: a[i, i], lambda: ta[ti, ti]
    yield "a[i1, i1]", lambda: a[i1, i1], lambda: ta[ti1, ti1]
    yield "a.at[i1].add", lambda: a.at[i1].add(b), lambda: ta.index_add(0, ti1, tb)
    yield "concatenate", lambda: mx.concatenate([a, b], 1), lambda: torch.cat([ta, tb], 1)
    yield "stack last", lambda: mx.stack([a, b], -1), lambda: torch.stack([ta, tb], -1)
    yield "repeat", lambda: mx.repeat(a, 2, axis=1), lambda: torch.repeat_interleave(ta, 2, 1)
    yield "transpose", lambda: mx.contiguous(a.T), lambda: ta.T.contiguous()
    yield "arange", lambda: mx.arange(N * N), lambda: torch.arange(N * N)
    yield "normal", lambda: mx.random.normal((N, N)), lambda: torch.randn(N, N)

    yield "matrix by vector", lambda: a @ b[0], lambda: ta @ tb[0]
    yield "vector by matrix", lambda: b[0] @ a, lambda: tb[0] @ ta
    yield "complex matmul 256", lambda: c[:256, :256] @ c[:256, :256], lambda: tc[:256, :256] @ tc[:256, :256]
    for name in "cholesky inv qr svd eigh".split():
        yield (
            f"{name} 256",
            lambda f=getattr(mx.linalg, name): f(s, stream=mx.cpu),
            lambda f=getattr(torch.linalg, name): f(ts),
        )
    for name, n in [("fft", N), ("fft", 1000), ("fft", 1021)]:
        yield f"{name} of {n}", lambda n=n: mx.fft.fft(c[:, :n]), lambda n=n: torch.fft.fft(tc[:, :n])
    yield "rfft", lambda: mx.fft.rfft(a), lambda: torch.fft.rfft(ta)
    yield "fft2", lambda: mx.fft.fft2(c), lambda: torch.fft.fft2(tc)


def compare(ours, theirs):
    """Median seconds of both. In blocks, A B B A: PyTorch's threads spin for a while after each op, on the cores that
    the other side would need at once."""
    work, times = [lambda: mx.eval(ours()), theirs], [[], []]
    for side in (0, 1, 1, 0):
        work[side](), work[side]()
        end = time.perf_counter() + SECONDS / 2
        while (start := time.perf_counter()) < end or len(times[side]) < 5:
            work[side]()
            times[side].append(time.perf_counter() - start)
    return [statistics.median(t) for t in times]


def main(parts):
    torch.set_num_threads(2)
    print(f"{'row':24}{'quern us':>10}{'torch us':>10}  torch / quern")
    for name, ours, theirs in rows():
        if parts and not any(p in name for p in parts):
            continue
        q, t = compare(ours, theirs)
        print(f"{name:24}{q * 1e6:10.1f}{t * 1e6:10.1f}  {t / q:.2f}{' slower' if t < q else ''}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
