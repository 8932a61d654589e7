"""Functions of quern.core that are more than element-wise, against MLX, on small arrays of several dtypes and shapes."""

import pytest
from oracle import check, sample

AXES = ["None", "0", "1", "-1", "(0, 1)", "[0, -1]"]
REDUCTIONS = "sum prod max min mean var std all any logsumexp minmax argmax argmin".split()


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "bool_", "bfloat16"])
def test_reductions(name, axis, dtype):
    if name.startswith("arg") and axis[0] in "([":
        pytest.skip("argmax takes one axis")
    if name == "logsumexp" and dtype in ("uint8", "bool_"):
        pytest.skip("MLX overflows in the integer type")
    low, high = (1, 2) if name == "prod" else (-3, 3)
    x = lambda mx: sample((2, 3, 4), dtype, mx, low=low, high=high)  # noqa: E731
    check(f"mx.{name}(x, {axis})", x=x, tolerance=8)
    check(f"mx.{name}(x, axis={axis}, keepdims=True)", x=x, tolerance=8)


LINES = """
mx.sum(x, 5); mx.sum(x, [0, 0]); mx.sum(x, axis=[]); mx.sum(3); mx.max(e); mx.min(e, 0); mx.max(e, 1); mx.argmax(e); mx.sum(e)
mx.var(x, ddof=1); mx.std(x, 1, ddof=1); mx.median(x, 1); mx.median(x); mx.median(x, (0, 2), keepdims=True); mx.median(i)
mx.count_nonzero(i, axis=1); mx.softmax(x); mx.softmax(x, axis=[0, 1]); mx.softmax(x, -1, precise=True); x.sum(1); x.max()
x.mean(axis=-1, keepdims=True); x.var(0); x.argmax(1); x.any(); x.all(0); x.logsumexp(-1); x.square(); x.abs(); x.exp()
mx.cumsum(x, 1); mx.cumsum(x); mx.cumsum(i, 0, reverse=True); mx.cumsum(i, 1, inclusive=False); mx.cumprod(i, 2)
mx.cummax(x, 1); mx.cummin(x, -1, reverse=True); mx.cummax(x, 1, inclusive=False); mx.logcumsumexp(x, 1); mx.cumsum(i > 0)
mx.cumsum(i, 0, dtype=mx.float32); mx.cumulative_sum(i, 0); mx.cumulative_prod(i, 0); mx.cumsum(x, 3); x.cumsum(1)
mx.sort(x); mx.sort(x, 0); mx.sort(x, None); mx.argsort(i, 1); mx.argsort(x); mx.sort(mx.array([mx.nan, 1.0, -1.0]))
mx.sort(mx.topk(x, 2)); mx.sort(mx.topk(x, 2, 0), 0); mx.topk(x, 9); mx.partition(x, 1)[..., 1]; mx.partition(x, 9)
mx.searchsorted(mx.array([1, 3, 5]), mx.array([0, 3, 6])); mx.searchsorted(mx.array([1, 3, 3]), mx.array([3]), side="right")
mx.unique(mx.array([3, 1, 3, 2]), 3); mx.unique(mx.array([3, 1, 3, 2]), 6, True, True, True)
mx.unique(mx.array([3, 1]), 4, fill_value=9); mx.diff(x); mx.diff(i, 2, 1); mx.diff(i > 0); mx.diff(x, 0); mx.diff(x, -1)
mx.reshape(x, (4, 6)); mx.reshape(x, (-1, 2)); mx.reshape(x, (5, -1)); mx.reshape(x, (7,)); mx.reshape(x, 24); x.reshape(6, 4)
x.reshape((6, 4)); x.reshape(-1); mx.flatten(x); mx.flatten(x, 1); mx.flatten(x, 0, 1); mx.flatten(x, 2, 1); x.flatten()
mx.flatten(mx.array(1)); mx.unflatten(x, 2, (2, 2)); mx.unflatten(x, -1, (2, -1)); mx.unflatten(x, 0, (3, 5))
mx.transpose(x); mx.transpose(x, (0, 2, 1)); mx.transpose(x, (0, 1)); mx.transpose(x, (0, 0, 1)); x.transpose(2, 0, 1); x.T
x.transpose((1, 0, 2)); mx.permute_dims(x, [2, 1, 0]); mx.swapaxes(x, 0, 2); mx.moveaxis(x, 0, -1); mx.moveaxis(x, 0, 3)
mx.matrix_transpose(x); x.mT; mx.matrix_transpose(mx.ones(3)); mx.squeeze(x[None]); mx.squeeze(x, 0); mx.squeeze(x[:, :1], 1)
mx.expand_dims(x, 0); mx.expand_dims(x, [0, -1]); mx.expand_dims(x, 9); mx.expand_dims(x, (0, 0)); mx.broadcast_to(x, (2, 2, 3, 4))
mx.broadcast_to(x, (5,)); mx.broadcast_to(3, (2, 2)); mx.broadcast_shapes((2, 1), (1, 3)); mx.broadcast_shapes((2,), (3,))
mx.broadcast_arrays(mx.ones((2, 1)), mx.ones(3)); mx.broadcast_shapes(); mx.atleast_1d(mx.array(1)); mx.atleast_2d(mx.ones(3))
mx.atleast_3d(mx.ones((2, 3))); mx.atleast_2d(mx.array(1), mx.ones(2)); mx.concatenate([x, x]); mx.concatenate([x, i], 1)
mx.concatenate([x, x], None); mx.concatenate([]); mx.concatenate([x, mx.ones(3)]); mx.concat([x, x], axis=-1)
mx.concatenate([x, x], 3); mx.stack([x, x]); mx.stack([x, x], 1); mx.stack([x, x], -1); mx.stack([]); mx.stack([x, x[0]])
mx.unstack(x); mx.unstack(x, axis=2); mx.split(x, 2); mx.split(x, 3, 1); mx.split(x, 5); mx.split(x, [1, 2], 2); x.split(2)
mx.pad(x, 1); mx.pad(x, (1, 2)); mx.pad(x, [(0, 1), (2, 0), (1, 1)]); mx.pad(x, 1, constant_values=3); mx.pad(x, 1, mode="edge")
mx.pad(x, [(0, 1)]); mx.pad(x, -1); mx.pad(x, 1, mode="what"); mx.flip(x); mx.flip(x, 1); mx.flip(x, (0, 2)); mx.roll(x, 1)
mx.roll(x, 1, 0); mx.roll(x, (1, 2), (0, 1)); mx.roll(x, -1, 2); mx.roll(x, 1, 5); mx.roll(x, shift=2, axis=1); mx.repeat(x, 2); mx.repeat(x, 2, 1)
mx.repeat(x, 0, 0); mx.tile(x, 2); mx.tile(x, (2, 1, 1, 2)); mx.diagonal(x); mx.diagonal(x, 1, 1, 2); mx.diagonal(x, -1)
mx.diag(mx.array([1, 2, 3])); mx.diag(mx.array([1, 2, 3]), 1); mx.diag(mx.array([1, 2]), -2); mx.diag(x[0]); mx.diag(x[0], 1)
mx.diag(x); mx.trace(x); mx.trace(x, 1, 1, 2); mx.trace(i, dtype=mx.float32); mx.meshgrid(mx.arange(2), mx.arange(3))
mx.meshgrid(mx.arange(2), mx.arange(3), indexing="ij"); mx.meshgrid(mx.arange(2), mx.arange(3), sparse=True)
mx.meshgrid(mx.arange(2), indexing="xx"); mx.as_strided(x, (2, 2), (1, 3), 1); mx.as_strided(x, (3,)); mx.contiguous(x.T)
mx.view(mx.array([1.0, 2.0]), mx.int32); mx.view(mx.array([1, 2], mx.int64), mx.int32); mx.array([1.0]).view(mx.uint8)
mx.take(x, mx.array([0, 1]), 1); mx.take(x, 1, 1); mx.take(x, mx.array([[0], [5]])); mx.take(x, 2); mx.take(x, mx.array(0), 9)
mx.take_along_axis(x, mx.argsort(x, 1), 1); mx.take_along_axis(x, mx.array([0, 1]), None); mx.take_along_axis(x, i[0], 0)
mx.put_along_axis(i, mx.array([[[0], [1], [0]]] * 2), mx.array(9), 2); mx.put_along_axis(i, mx.array([0, 3]), mx.array([7, 8]), None)
mx.slice(x, mx.array([0, 1]), (0, 1), (1, 2, 4)); mx.slice_update(x, mx.ones((1, 2, 4)), mx.array([1, 1]), (0, 1))
mx.matmul(x, x[0].T); x @ x[0].T; mx.matmul(x, x); mx.matmul(i, i); mx.matmul(mx.ones(3), mx.ones(3)); mx.matmul(x, 2)
mx.addmm(mx.ones(3), x, x[0].T, 2.0, 0.5); mx.tensordot(x, x, 1); mx.tensordot(x, x[:, :, :3].transpose(2, 1, 0), 2)
mx.tensordot(x, x, [[0, 1], [0, 1]]); mx.tensordot(x, x, [[0], [1]]); mx.inner(x, x[0]); mx.inner(mx.array(2.0), x); mx.outer(x[0, 0], x[1])
mx.vecdot(x, x); mx.vecdot(x, x, axis=1); mx.kron(x[0], x[1]); mx.kron(mx.ones(2), x[0]); mx.einsum("ijk,ljk->il", x, x)
mx.einsum("ijk->kji", x); mx.einsum("ijk->", x); mx.einsum("ii->i", x[:, :2, 0]); mx.einsum("...k,lk->...l", x, x[0])
mx.einsum("ij,jk,kl->il", x[0], x[0].T, x[0]); mx.einsum("ij,ij->i", x[0], x[0]); mx.einsum("ijk,jk", x, x[0])
mx.einsum("ij,jk->ik", x[0], x[0]); mx.einsum("ij->ik", x[0]); mx.einsum("ij,ij", x[0]); mx.einsum_path("ij,jk->ik", x[0], x[0].T)
mx.convolve(x[0, 0], mx.array([1.0, 2.0])); mx.convolve(x[0, 0], mx.array([1.0, 2.0, 3.0]), mode="same")
mx.convolve(x[0, 0], mx.array([1.0, 2.0]), mode="valid"); mx.hadamard_transform(x); mx.hadamard_transform(x, scale=1.0)
mx.gather_mm(x, x.transpose(0, 2, 1), rhs_indices=mx.array([1, 0])); mx.block_masked_mm(q, q, 32, mx.array([[True, False], [True, True]]))
mx.segmented_mm(x[0], x[0].T, mx.array([[0, 2], [1, 4]], mx.uint32)); mx.depends([x], [i])[0]; mx.depends(x, i)
mx.conv1d(x, w1); mx.conv1d(x, w1, padding=1, stride=2); mx.conv1d(x, w1, dilation=2); mx.conv1d(x, w2, groups=2); mx.conv1d(x, x)
mx.conv2d(x[None], w3); mx.conv2d(x[None], w3, (1, 2), (1, 0)); mx.conv_transpose1d(x, w1, 2); mx.conv_transpose2d(x[None], w3, 2, 1)
mx.conv_transpose1d(x, w1, 2, output_padding=1); mx.conv_general(x, w1, padding=([1], [2]), input_dilation=2, flip=True)
mx.conv3d(x[None, :, :, None], w3[:, None]); mx.fast.layer_norm(x, None, None, 1e-5); mx.fast.layer_norm(x, v, v, 1e-5)
mx.fast.rms_norm(x, v, 1e-5); mx.fast.rms_norm(x, None, 1e-5); mx.fast.rms_norm(x, mx.ones(3), 1e-5); mx.to_fp8(x)
mx.fast.rope(x, 4, traditional=False, base=10000.0, scale=1.0, offset=0); mx.fast.rope(x, 4, traditional=True, base=100.0, scale=0.5, offset=3)
mx.fast.rope(x, 2, traditional=False, base=10000.0, scale=1.0, offset=0); mx.from_fp8(mx.to_fp8(x), mx.float32)
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5); mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, mask="causal")
mx.fast.scaled_dot_product_attention(h, h[:, :1], h[:, :1], scale=0.5, mask=mx.array([[True, False, True]]))
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, mask=mx.ones((3, 3)) * -2)
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, mask=mx.array([[True, False, True], [False] * 3, [True] * 3]))
mx.fast.scaled_dot_product_attention(h, h[:, :, :2], h[:, :, :2], scale=0.5, mask="causal"); mx.fast.scaled_dot_product_attention(i, i, i, scale=1.0)
mx.fast.scaled_dot_product_attention(h, h, h.astype(mx.float16), scale=0.5); mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, mask="x")
mx.fast.scaled_dot_product_attention(h.astype(mx.float16), h, h, scale=0.5, mask=mx.ones((3, 3), mx.float16))
mx.fast.scaled_dot_product_attention(*[h.astype(mx.float16)] * 3, scale=0.5, mask=mx.ones((3, 3)))
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, sinks=mx.array([0.5] * h.shape[1])[:h.shape[1]])
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, sinks=mx.arange(h.shape[1]), mask=mx.array([[True, False, True], [False] * 3, [True] * 3]))
mx.fast.scaled_dot_product_attention(h, h, h, scale=0.5, sinks=mx.arange(h.shape[1]).astype(mx.float32), mask="causal")
mx.fast.rope(x, 4, traditional=False, base=None, scale=1.0, offset=1, freqs=mx.array([1.0, 7.0]))
mx.fast.rope(x, 4, traditional=True, base=100.0, scale=0.5, offset=mx.array([3, 5]))
mx.linalg.norm(x); mx.linalg.norm(x, axis=1); mx.linalg.norm(x, ord=1, axis=2); mx.linalg.norm(x[0], ord="fro"); mx.linalg.norm(x[0], 1)
mx.linalg.norm(x, ord=float("inf"), axis=-1); mx.linalg.norm(x[0], -1); mx.linalg.norm(x[0], float("inf")); mx.linalg.norm(x, ord=3, axis=0)
mx.linalg.norm(x, 2); mx.linalg.cross(x[..., :3], x[..., 1:]); mx.linalg.inv(s, stream=mx.cpu); mx.linalg.cholesky(s, stream=mx.cpu)
mx.linalg.cholesky(s, True, stream=mx.cpu); mx.linalg.cholesky_inv(mx.linalg.cholesky(s, stream=mx.cpu), stream=mx.cpu)
mx.linalg.solve(s, v[:3], stream=mx.cpu); mx.linalg.solve_triangular(mx.tril(s), s, stream=mx.cpu); mx.linalg.inv(x, stream=mx.cpu)
mx.abs(mx.linalg.qr(s, stream=mx.cpu)[1]); mx.linalg.svd(s, False, stream=mx.cpu); mx.linalg.eigvalsh(s, stream=mx.cpu)
mx.linalg.pinv(x[0], stream=mx.cpu); mx.linalg.lu(s, stream=mx.cpu); mx.linalg.lu_factor(s, stream=mx.cpu); mx.linalg.tri_inv(mx.tril(s), stream=mx.cpu)
mx.linalg.det(s, stream=mx.cpu); mx.linalg.slogdet(s, stream=mx.cpu); mx.abs(mx.linalg.eigh(s, stream=mx.cpu)[1]); mx.linalg.inv(i, stream=mx.cpu)
mx.fft.fft(x); mx.fft.fft(x, 3, 1); mx.fft.ifft(x); mx.fft.rfft(x); mx.fft.irfft(mx.fft.rfft(x)); mx.fft.fft2(x); mx.fft.ifft2(x)
mx.fft.fftn(x); mx.fft.rfftn(x); mx.fft.irfftn(mx.fft.rfftn(x)); mx.fft.rfft2(x); mx.fft.fft(x, norm="ortho"); mx.fft.ifft(x, norm="forward")
mx.fft.fftn(x, (2, 2), (0, 1)); mx.fft.fftfreq(5); mx.fft.rfftfreq(6, 0.5); mx.fft.fftshift(x); mx.fft.ifftshift(x, 1); mx.fft.fft(x, 0)
mx.quantize(q); mx.quantize(q, 32, 8); mx.quantize(x); mx.dequantize(*mx.quantize(q)); mx.quantized_matmul(q, *mx.quantize(q))
mx.quantized_matmul(q, *mx.quantize(q), transpose=False); mx.quantize(q, 32, 3); mx.dequantize(*mx.quantize(q, 64, 6), 64, 6)
"""


@pytest.mark.parametrize("line", [e.strip() for e in LINES.replace("\n", ";").split(";") if e.strip()])
def test_lines(line):
    def spd(mx):
        a = sample((3, 3), "float32", mx, 7)
        return mx.matmul(a, a.T) + 3 * mx.eye(3)

    check(
        line,
        x=lambda mx: sample((2, 3, 4), "float32", mx),
        i=lambda mx: sample((2, 3, 4), "int32", mx),
        e=lambda mx: mx.zeros((0, 3)),
        v=lambda mx: sample((4,), "float32", mx, 3),
        w1=lambda mx: sample((2, 2, 4), "float32", mx, 4),
        w2=lambda mx: sample((4, 2, 2), "float32", mx, 5),
        w3=lambda mx: sample((2, 2, 2, 4), "float32", mx, 6),
        h=lambda mx: sample((1, 2, 3, 4), "float32", mx, 8),
        q=lambda mx: sample((64, 64), "float32", mx, 9),
        s=spd,
        tolerance=20,
        same_error=not line.startswith("mx.fast"),
    )


RANDOM = """uniform(shape=(3,)); uniform(-1, 5, (2, 3)); uniform(0, 1, (5,), mx.float16); uniform(0, 10, (3,), mx.bfloat16); uniform()
uniform(mx.array([0, 1.0]), mx.array([1, 2.0]), (2, 2)); uniform(dtype=mx.int32); normal((2, 3)); normal(); normal((3,), mx.float16)
normal((3,), mx.bfloat16); normal((2,), loc=1, scale=2); normal((2, 2), loc=mx.array([1.0, 5.0]), scale=2); normal(5)
normal((3,), mx.complex64); randint(0, 10, (5,)); randint(0, 10, (5,), mx.uint8); randint(-5, mx.array([1, 2, 3]), (2, 3))
randint(0, 10, (5,), mx.float32); bernoulli(0.3, (5,)); bernoulli(mx.array([0.1, 0.9])); bernoulli(mx.array([0.1, 0.9]), (3, 2))
bernoulli(); truncated_normal(-1, 1, (4,)); truncated_normal(mx.array([-1.0, 0.0]), 2.0); gumbel((4,)); laplace((4,)); laplace((3,), loc=2, scale=3)
categorical(mx.zeros((3, 5))); categorical(mx.zeros((3, 5)), num_samples=4); categorical(mx.zeros((3, 5)), 0, shape=(2, 5)); permutation(6)
categorical(mx.arange(4.0) / 4); categorical(mx.arange(4.0) / 4, num_samples=9); categorical(mx.arange(4.0) / 4, shape=(3, 2)); categorical(mx.arange(4.0).reshape(1, 4, 1), 1)
permutation(mx.arange(12).reshape(4, 3)); permutation(mx.arange(12).reshape(4, 3), 1); uniform(shape=(3,), key=mx.zeros(3)); uniform(shape=(3,), key=5)
multivariate_normal(mx.array([1.0, -2.0]), mx.array([[2.0, 0.6], [0.6, 1.0]]), (3,), stream=mx.cpu)
multivariate_normal(mx.zeros((4, 1, 3)), mx.stack([mx.eye(3), 2 * mx.eye(3)]), stream=mx.cpu)"""


@pytest.mark.parametrize("call", [e.strip() for e in RANDOM.replace("\n", ";").split(";")])
def test_random_draws_are_those_of_mlx(call):
    """The same key gives the same draws, and the global state moves in the same way."""
    if "key=" not in call:
        keyed = call[:-1] + (", " if call[-2] != "(" else "") + "key=mx.random.key(7))"
        check(f"mx.random.{keyed}", tolerance=4)
    check(f"[mx.random.seed(11), mx.random.{call}, mx.random.{call}, mx.random.state[0]]", tolerance=4)


def test_keys():
    for line in "key(0);key(2**40 + 5);key(-1);seed(-1);split(mx.random.key(1));split(mx.random.key(1), 3);state[1]".split(";"):
        check(f"mx.random.{line}")
