"""What MLX does not have: summary, weight norm, padding modes, groups, channels first."""

import copy
import pickle

import numpy as np
import pytest
from peer import QUERN, numpy_of

mx, nn = QUERN.mx, QUERN.nn


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def assert_close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(numpy_of(a), numpy_of(b), rtol=tolerance, atol=tolerance)


# ---- channels first


def channels_first(x):
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda **k: nn.Conv1d(4, 6, 3, 2, 1, groups=2, **k), (2, 7, 4)),
        (lambda **k: nn.Conv2d(4, 6, (3, 2), (1, 2), (1, 0), **k), (2, 5, 6, 4)),
        (lambda **k: nn.Conv3d(2, 4, 2, groups=2, **k), (1, 3, 4, 3, 2)),
        (lambda **k: nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect", **k), (1, 4, 4, 2)),
        (lambda **k: nn.ConvTranspose1d(4, 6, 3, 2, 1, groups=2, **k), (2, 5, 4)),
        (lambda **k: nn.ConvTranspose2d(2, 3, 2, 2, bias=False, **k), (1, 3, 4, 2)),
        (lambda **k: nn.ConvTranspose3d(2, 3, 2, 2, **k), (1, 2, 3, 2, 2)),
        (lambda **k: nn.MaxPool1d(2, **k), (2, 6, 3)),
        (lambda **k: nn.MaxPool2d(3, 2, 1, **k), (2, 6, 5, 3)),
        (lambda **k: nn.MaxPool3d(2, **k), (1, 4, 4, 4, 2)),
        (lambda **k: nn.AvgPool1d(2, **k), (2, 6, 3)),
        (lambda **k: nn.AvgPool2d((2, 3), 1, 1, **k), (2, 6, 5, 3)),
        (lambda **k: nn.AvgPool3d(2, **k), (1, 4, 4, 4, 2)),
        (lambda **k: nn.BatchNorm(3, **k), (4, 5, 6, 3)),
        (lambda **k: nn.BatchNorm(3, **k), (4, 5, 3)),
        (lambda **k: nn.GroupNorm(2, 4, pytorch_compatible=True, **k), (2, 3, 3, 4)),
        (lambda **k: nn.GroupNorm(2, 4, **k), (2, 3, 3, 4)),
        (lambda **k: nn.InstanceNorm(3, affine=True, **k), (2, 4, 4, 3)),
        (lambda **k: nn.LayerNorm(3, **k), (2, 4, 4, 3)),
        (lambda **k: nn.RMSNorm(3, **k), (2, 4, 4, 3)),
        (lambda **k: nn.Upsample(2, "linear", **k), (1, 3, 4, 2)),
    ],
)
def test_data_format(make, shape):
    last, first = make(), make(data_format="NCHW")
    first.load_weights(QUERN.utils.tree_flatten(last.parameters()))
    for name, parameter in last.parameters().items():
        if name in ("weight", "bias"):
            changed = mx.array(draw(*parameter.shape, seed=3))
            last[name] = first[name] = changed
    x = draw(*shape)
    want = channels_first(numpy_of(last(mx.array(x))))
    assert_close(first(mx.array(channels_first(x))), want)
    assert "data_format=NCHW" in repr(first)
    assert "data_format" not in repr(last)
    # a second call sees the running statistics of the first
    assert_close(
        first(mx.array(channels_first(x))), channels_first(numpy_of(last(mx.array(x))))
    )


def test_channel_dropout_in_channels_first():
    y = numpy_of(nn.Dropout2d(0.5, data_format="NCHW")(mx.ones((8, 16, 3, 3))))
    assert (y == y[:, :, :1, :1]).all()
    assert 0 < (y[:, :, 0, 0] == 0).sum() < 128


@pytest.mark.parametrize(
    "make",
    [
        lambda f: nn.Conv2d(1, 1, 1, data_format=f),
        lambda f: nn.ConvTranspose1d(1, 1, 1, data_format=f),
        lambda f: nn.MaxPool2d(2, data_format=f),
        lambda f: nn.BatchNorm(2, data_format=f),
    ],
)
def test_unknown_data_format(make):
    with pytest.raises(ValueError, match="data_format 'CHWN'"):
        make("CHWN")


# ---- padding

MODES = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "edge": "edge",
    "circular": "wrap",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widths", [1, (2, 1), [(1, 2), (0, 3)]])
def test_pad(mode, widths):
    x = draw(3, 4)
    want = np.pad(x, widths, mode=MODES[mode])
    assert_close(nn.pad(mx.array(x), widths, mode), want)


def test_circular_padding_goes_round_more_than_once():
    x = np.arange(3)
    want = np.pad(x, (7, 8), mode="wrap")
    assert nn.pad(mx.array(x), (7, 8), "circular").tolist() == want.tolist()


def test_pad_value_and_errors():
    assert nn.pad(mx.array([1.0]), 1, value=5).tolist() == [5, 1, 5]
    with pytest.raises(ValueError, match="padding mode 'mirror'"):
        nn.pad(mx.array([1.0]), 1, "mirror")
    with pytest.raises(ValueError):
        nn.pad(mx.array([1.0]), [(1, 1), (1, 1)], "circular")
    with pytest.raises(ValueError, match="padding mode"):
        nn.Conv1d(1, 1, 3, padding_mode="mirror")


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "replicate", "circular"])
def test_convolution_padding_mode(mode):
    x = draw(2, 5, 6, 3)
    layer = nn.Conv2d(3, 4, 3, padding=(2, 1), padding_mode=mode)
    plain = nn.Conv2d(3, 4, 3)
    plain.load_weights(QUERN.utils.tree_flatten(layer.parameters()))
    padded = np.pad(x, [(0, 0), (2, 2), (1, 1), (0, 0)], mode=MODES[mode])
    assert_close(layer(mx.array(x)), plain(mx.array(padded)))
    assert f"padding_mode={mode}" in repr(layer)


# ---- groups in transposed convolution


@pytest.mark.parametrize(
    "kind, shape",
    [
        ("ConvTranspose1d", (2, 5, 4)),
        ("ConvTranspose2d", (1, 3, 4, 4)),
        ("ConvTranspose3d", (1, 2, 3, 2, 4)),
    ],
)
@pytest.mark.parametrize("groups", [2, 4])
def test_groups(kind, shape, groups):
    layer = getattr(nn, kind)(4, 8, 3, 2, 1, groups=groups)
    layer.bias = mx.array(draw(8, seed=2))
    x = mx.array(draw(*shape))
    parts = []
    for i in range(groups):
        part = getattr(nn, kind)(4 // groups, 8 // groups, 3, 2, 1, bias=False)
        part.weight = mx.split(layer.weight, groups, axis=0)[i]
        parts.append(part(mx.split(x, groups, axis=-1)[i]))
    assert_close(layer(x), mx.concatenate(parts, axis=-1) + layer.bias)
    assert f"groups={groups}" in repr(layer)


def test_groups_must_divide():
    with pytest.raises(ValueError, match="divisible"):
        nn.ConvTranspose1d(4, 6, 3, groups=4)
    with pytest.raises(ValueError, match="kernel_size"):
        nn.ConvTranspose2d(4, 6, (3, 3, 3))


# ---- weight norm

NORMED = [
    (lambda: nn.Linear(4, 3), (2, 4), 0),
    (lambda: nn.Linear(4, 3), (2, 4), None),
    (lambda: nn.Conv1d(4, 6, 3), (2, 5, 4), 0),
    (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 5, 5, 4), -1),
    (lambda: nn.ConvTranspose1d(4, 6, 3), (2, 5, 4), -1),
    (lambda: nn.Conv1d(4, 6, 3, data_format="NCL"), (2, 4, 5), 0),
]


@pytest.mark.parametrize("make, shape, dim", NORMED)
def test_weight_norm_and_back(make, shape, dim):
    layer = make()
    x = mx.array(draw(*shape))
    weight, before, text = numpy_of(layer.weight), numpy_of(layer(x)), repr(layer)
    assert nn.weight_norm(layer, dim=dim) is layer
    assert list(layer.parameters()) == ["weight_g", "weight_v", "bias"]
    axes = tuple(a for a in range(weight.ndim) if dim is None or a != dim % weight.ndim)
    want = np.sqrt((weight**2).sum(axis=axes, keepdims=True))
    assert_close(layer.weight_g, want)
    assert_close(layer(x), before)
    assert repr(layer) == text
    assert isinstance(layer, type(make()))
    layer.weight_g = layer.weight_g * 2
    assert_close(layer.weight, 2 * weight)
    assert nn.remove_weight_norm(layer) is layer
    assert type(layer) is type(make())
    assert list(layer.parameters()) == ["weight", "bias"]
    assert_close(layer.weight, 2 * weight)


def test_weight_norm_trains_length_and_direction():
    layer = nn.weight_norm(nn.Linear(3, 2))
    fn = nn.value_and_grad(layer, lambda x: layer(x).square().sum())
    _, gradients = fn(mx.array(draw(4, 3)))
    assert set(gradients) == {"weight_g", "weight_v", "bias"}
    # the direction's gradient is orthogonal to the direction
    products = (numpy_of(gradients["weight_v"]) * numpy_of(layer.weight_v)).sum(axis=1)
    np.testing.assert_allclose(products, 0, atol=1e-4)
    # and the length's is that of the weight along it
    h = 1e-2
    x, losses = mx.array(draw(4, 3)), []
    g = layer.weight_g
    for sign in (1, -1):
        layer.weight_g = g + sign * h
        losses.append(layer(x).square().sum().item())
    numeric = (losses[0] - losses[1]) / (2 * h)
    assert numpy_of(gradients["weight_g"]).sum() == pytest.approx(numeric, rel=1e-2)


def test_weight_norm_in_a_model():
    model = nn.Sequential(nn.weight_norm(nn.Linear(3, 2)), nn.ReLU())
    names = [name for name, _ in QUERN.utils.tree_flatten(model.parameters())]
    assert names == ["layers.0.weight_g", "layers.0.weight_v", "layers.0.bias"]
    x = mx.array(draw(2, 3))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_close(other(x), model(x))
    model.freeze()
    nn.remove_weight_norm(model.layers[0])
    assert not QUERN.utils.tree_flatten(model.trainable_parameters())


def test_weight_norm_errors():
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="no weight normalisation"):
        nn.remove_weight_norm(layer)
    with pytest.raises(ValueError, match="no parameter 'kernel'"):
        nn.weight_norm(layer, "kernel")
    with pytest.raises(ValueError, match="dim 2"):
        nn.weight_norm(layer, dim=2)
    nn.weight_norm(layer)
    with pytest.raises(ValueError, match="already"):
        nn.weight_norm(layer)


# ---- summary


def test_summary_of_a_sequence():
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))
    model.layers[0].freeze()
    summary = nn.summary(model, (5, 32))
    assert [layer.kind for layer in summary.layers] == [
        "Sequential",
        "Linear",
        "ReLU",
        "Linear",
    ]
    assert [layer.output_shape for layer in summary.layers] == [
        (5, 10),
        (5, 64),
        (5, 64),
        (5, 10),
    ]
    assert [layer.parameters for layer in summary.layers] == [0, 2112, 0, 650]
    assert (summary.parameters, summary.trainable_parameters) == (2762, 650)
    assert summary.bytes == 4 * 2762
    text = str(summary)
    assert "layers.2 (Linear)" in text
    assert "2,762" in text and "10.8 KiB" in text
    assert repr(summary) == text


def test_summary_leaves_the_model_alone():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm(2), nn.Dropout(0.5))
    model.layers[2].eval()
    types = [type(module) for module in model.modules()]
    mean = model.layers[1].running_mean
    nn.summary(model, (1, 8, 8, 1))
    assert [type(module) for module in model.modules()] == types
    assert model.layers[1].running_mean is mean
    assert [module.training for module in model.layers] == [True, True, False]
    with pytest.raises(ValueError):
        nn.summary(model, (1, 8, 8, 3))
    assert [type(module) for module in model.modules()] == types


def test_summary_of_shared_layers_several_inputs_and_outputs():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared = nn.Linear(4, 4)
            self.rnn = nn.LSTM(4, 3)
            self.scale = mx.ones((4,))

        def __call__(self, a, b):
            return self.rnn(self.shared(a) + self.shared(b) * self.scale)

    summary = nn.summary(Model(), [(2, 5, 4), (2, 5, 4)])
    assert [layer.first_call for layer in summary.layers] == [True, True, False, True]
    assert summary.layers[0].output_shape == ((2, 5, 3), (2, 5, 3))
    assert summary.layers[0].parameters == 4
    assert "shared" in str(summary) and "(2, 5, 3), (2, 5, 3)" in str(summary)


def test_summary_of_an_embedding():
    summary = nn.summary(nn.Embedding(10, 4), (2, 3), dtype=mx.int32)
    assert summary.layers[0].output_shape == (2, 3, 4)
