"""Batch normalisation with fixed statistics behind convolutions: evaluation repeated, between training steps, after
loading; against NumPy in double precision."""

import numpy as np
import pytest

import quern
import quern.core as mx
import quern.nn as nn
import quern.optimizers as optim


ATOL = 5e-5  # of the default class, for results whose rms is about 1


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm(8)

    def __call__(self, x):
        return nn.relu6(self.norm(self.conv(x)))


def expected(m, x):
    x, w, b = (np.array(a, dtype=np.float64) for a in (x, m.conv.weight, m.conv.bias))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    y = np.einsum("nhwcij,oijc->nhwo", windows, w) + b
    n = m.norm
    mean, var, gamma, beta = (
        np.array(a, dtype=np.float64) for a in (n.running_mean, n.running_var, n.weight, n.bias)
    )
    return np.clip((y - mean) / np.sqrt(var + n.eps) * gamma + beta, 0, 6)


@pytest.fixture
def block():
    mx.random.seed(1)
    m = Block()
    m.norm.update(
        {
            "running_mean": mx.random.normal((8,)),
            "running_var": mx.random.uniform(0.5, 2, (8,)),
            "weight": mx.random.normal((8,)),
        }
    )
    m.eval()
    mx.eval(m.parameters())
    return m


def check(m, f=None, times=4):
    for _ in range(times):
        x = mx.random.normal((2, 10, 9, 3))
        np.testing.assert_allclose(np.array((f or m)(x)), expected(m, x), atol=ATOL)


@pytest.mark.parametrize("compiled", [False, True])
def test_every_evaluation_is_right(block, compiled):
    check(block, mx.compile(block) if compiled else None)


def test_a_later_evaluation_runs_one_kernel(block):
    check(block)
    x = mx.random.normal((2, 10, 9, 3))
    mx.eval(x)
    with quern.profile() as p:
        mx.eval(block(x))
    assert p.stats["kernels_run"] <= 2  # the clamp may be a kernel of its own


def test_training_between_evaluations(block):
    def loss(m, x):
        return mx.square(m(x)).mean()

    optimizer = optim.SGD(0.1)
    step = nn.value_and_grad(block, loss)
    for training in (True, False, True):
        check(block, times=3)
        block.train(training)  # with fixed statistics the gradient flows through them
        _, grads = step(block, mx.random.normal((2, 10, 9, 3)))
        optimizer.update(block, grads)
        mx.eval(block.parameters(), optimizer.state)
        block.eval()
    check(block)


def test_weights_loaded_between_evaluations(block, tmp_path):
    check(block)
    path = str(tmp_path / "weights.safetensors")
    block.save_weights(path)
    before = {k: np.array(v) for k, v in block.norm.items() if isinstance(v, mx.array)}
    block.norm.update({"weight": block.norm.weight * 2, "running_mean": block.norm.running_mean + 1})
    check(block)
    block.load_weights(path)
    check(block)
    for k, v in before.items():
        np.testing.assert_array_equal(np.array(block.norm[k]), v)


LAYERS = {
    "conv1d": (lambda: nn.Conv1d(6, 8, 3, stride=2), (2, 40, 6)),
    "conv2d, groups, no bias": (lambda: nn.Conv2d(6, 9, 3, groups=3, bias=False), (2, 9, 8, 6)),
    "conv2d, depthwise, dilated": (lambda: nn.Conv2d(8, 8, 3, dilation=2, groups=8), (1, 12, 11, 8)),
    "conv2d, one channel": (lambda: nn.Conv2d(3, 1, 5, padding=2), (1, 9, 8, 3)),
    "conv3d": (lambda: nn.Conv3d(2, 5, 2), (1, 5, 6, 7, 2)),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), (2, 6, 5, 4)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1), (2, 12, 4)),
    "conv_transpose2d, one channel": (lambda: nn.ConvTranspose2d(4, 1, 2, stride=2), (1, 6, 5, 4)),
    "conv_transpose1d, groups": (
        lambda: nn.ConvTranspose1d(4, 6, 4, stride=2, groups=2),
        (2, 12, 4),
    ),
    "linear": (lambda: nn.Linear(12, 10), (40, 12)),
    "linear, rows of rows": (lambda: nn.Linear(12, 10, bias=False), (3, 7, 12)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name):
    """Against the same layer whose result is evaluated, and so rounded, before the scale."""
    mx.random.seed(2)
    make, shape = LAYERS[name]
    layer = make()
    out = layer(mx.zeros(shape)).shape[-1]
    shift, scale, gamma, beta = (mx.random.normal((out,)) for _ in range(4))
    mx.eval(layer.parameters(), shift, scale, gamma, beta)

    def tail(y):
        return nn.relu((y - shift) / (scale * scale + 0.5) * gamma + beta) + y.shape[0]

    whole = mx.compile(lambda x: tail(layer(x)))
    for f in (lambda x: tail(layer(x)), whole):
        for _ in range(4):
            x = mx.random.normal(shape)
            y = layer(x)
            mx.eval(y)
            np.testing.assert_allclose(np.array(f(x)), np.array(tail(y)), atol=ATOL)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_channels_first(kind):
    layer = kind(5, 6, 3, data_format="NCHW")
    x = mx.random.normal((2, 5, 9, 8))
    shift, scale = mx.random.normal((6, 1, 1)), mx.random.normal((1, 6, 1, 1))
    mx.eval(layer.parameters(), x, shift, scale)

    def conv():
        return layer(x)

    y = conv()
    mx.eval(y)
    for _ in range(4):
        got = (conv() + shift) * scale - shift
        np.testing.assert_allclose(np.array(got), np.array((y + shift) * scale - shift), atol=ATOL)


@pytest.mark.parametrize("dims", [4, 16])  # rows of 36 and of 144: the longer ones are inner products
def test_normalised_weights_are_computed_once(dims):
    m = nn.weight_norm(nn.Conv2d(dims, 8, 3, padding=1))
    m.eval()
    mx.eval(m.parameters())

    def kernels():
        x = mx.random.normal((2, 10, 9, dims))
        mx.eval(x)
        with quern.profile() as p:
            y = np.array(m(x))
        v, g = np.array(m.weight_v, dtype=np.float64), np.array(m.weight_g, dtype=np.float64)
        w = v * g / np.sqrt((v**2).sum((1, 2, 3), keepdims=True))
        padded = np.pad(np.array(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        want = np.einsum("nhwcij,oijc->nhwo", windows, w) + np.array(m.bias)
        np.testing.assert_allclose(y, want, atol=ATOL)
        return p.stats["kernels_run"]

    ran = [kernels() for _ in range(4)]
    assert ran[3] == 1 < ran[0]
    m.weight_g = m.weight_g * 2
    mx.eval(m.weight_g)
    assert kernels() > 1
    assert [kernels() for _ in range(2)][1] == 1


def test_gradients_of_fixed_statistics(block):
    """The convolution's own result is needed for the gradient of gamma: nothing is folded away."""
    x = mx.random.normal((2, 10, 9, 3))

    def loss(gamma, w):
        block.norm.weight, block.conv.weight = gamma, w
        return (block.norm(block.conv(x)) * mx.arange(8)).sum()

    gamma, w = block.norm.weight, block.conv.weight
    for _ in range(3):
        dg, dw = mx.grad(loss, argnums=(0, 1))(gamma, w)
    block.norm.weight, block.conv.weight = gamma, w
    scale = np.array(gamma) / np.sqrt(np.array(block.norm.running_var) + block.norm.eps)
    padded = np.pad(np.array(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    want = np.einsum("nhwcij->ijc", windows)[None] * (scale * np.arange(8))[:, None, None, None]
    np.testing.assert_allclose(np.array(dw), want, atol=1e-3)
    y = np.einsum("nhwcij,oijc->nhwo", windows, np.array(w)) + np.array(block.conv.bias)
    y = (y - np.array(block.norm.running_mean)) / np.sqrt(np.array(block.norm.running_var) + block.norm.eps)
    np.testing.assert_allclose(np.array(dg), y.sum((0, 1, 2)) * np.arange(8), rtol=1e-3, atol=1e-2)
