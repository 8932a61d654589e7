"""State dicts into models: layouts by kind of layer, weight norm, names that do not match."""

import numpy as np
import pytest
from pth import Tensor, write_pth

from quern import core as mx
from quern import nn
from quern.convert import ConversionError, conv_transpose_weight, fold_weight_norm, torch_state_dict

rng = np.random.default_rng(0)


def random(*shape):
    return rng.normal(size=shape).astype(np.float32)


def correlate(x, w, b):
    """A convolution as PyTorch defines it. x: (C, L), w: (O, C, K), b: (O,); returns (O, L - K + 1)."""
    length = x.shape[1] - w.shape[2] + 1
    return np.array([[(x[:, i : i + w.shape[2]] * w[o]).sum() + b[o] for i in range(length)] for o in range(len(w))])


def transposed(x, w, b):
    """A transposed convolution as PyTorch defines it. x: (C, L), w: (C, O, K); returns (O, L + K - 1)."""
    out = np.zeros((w.shape[1], x.shape[1] + w.shape[2] - 1)) + b[:, None]
    for c in range(w.shape[0]):
        for i in range(x.shape[1]):
            out[:, i : i + w.shape[2]] += x[c, i] * w[c]
    return out


def test_a_small_generator(tmp_path):
    w1, b1, w2, b2 = random(4, 2, 3), random(4), random(4, 3, 5), random(3)
    path = tmp_path / "g.pth"
    write_pth(
        path,
        {
            "generator": {
                "0.weight": Tensor(w1), "0.bias": Tensor(b1), "1.weight": Tensor(w2), "1.bias": Tensor(b2),
            },
            "steps": 7,
        },
    )  # fmt: skip
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ConvTranspose1d(4, 3, 5))
    report = torch_state_dict(model, path)
    assert report.ok and len(report.loaded) == 4
    x = random(2, 9)
    want = transposed(correlate(x, w1, b1), w2, b2)
    got = np.array(model(mx.array(x.T[None])))[0].T
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_conv_weights(spatial):
    kernel = (2, 3, 4)[:spatial]
    conv = getattr(nn, f"Conv{spatial}d")(4, 6, kernel if spatial > 1 else kernel[0])
    up = getattr(nn, f"ConvTranspose{spatial}d")(4, 6, kernel if spatial > 1 else kernel[0])
    for layer, weight, back in (
        (conv, random(6, 4, *kernel), lambda w: np.moveaxis(w, -1, 1)),
        (up, random(4, 6, *kernel), lambda w: np.moveaxis(w, -1, 0)),
    ):
        torch_state_dict(layer, {"weight": weight, "bias": random(6)})
        np.testing.assert_array_equal(back(np.array(layer.weight)), weight)


def test_groups_of_a_transposed_convolution():
    weight = random(6, 2, 5)  # 3 groups: 2 channels in and 2 out each
    got = np.array(conv_transpose_weight(mx.array(weight), 3))
    assert got.shape == (6, 5, 2)
    for group in range(3):
        for c in range(2):
            for o in range(2):
                np.testing.assert_array_equal(got[2 * group + o, :, c], weight[2 * group + c, o])
    with pytest.raises(ValueError, match="6 channels, expected a multiple of the 4 groups"):
        conv_transpose_weight(mx.array(weight), 4)


@pytest.mark.parametrize(
    "names", [("weight_g", "weight_v"), tuple(f"parametrizations.weight.original{i}" for i in (0, 1))]
)
@pytest.mark.parametrize("kind", ["conv", "up", "linear"])
def test_weight_norm_is_folded(names, kind):
    layer, v = {
        "conv": (nn.Conv1d(4, 6, 3), random(6, 4, 3)),
        "up": (nn.ConvTranspose1d(4, 6, 3), random(4, 6, 3)),
        "linear": (nn.Linear(4, 6), random(6, 4)),
    }[kind]
    g = random(v.shape[0], *[1] * (v.ndim - 1))
    weight = g * v / np.sqrt((v**2).sum(axis=tuple(range(1, v.ndim)), keepdims=True))
    report = torch_state_dict(layer, {names[0]: g, names[1]: v, "bias": random(6)})
    assert report.folded == ["weight"] and sorted(report.loaded) == ["bias", "weight"]
    axis = {"conv": 1, "up": 0, "linear": 1}[kind]
    np.testing.assert_allclose(np.moveaxis(np.array(layer.weight), -1, axis), weight, atol=1e-6)


def test_weight_norm_along_other_axes():
    v = random(3, 4)
    one = fold_weight_norm(mx.array(np.float32(2)), mx.array(v))
    np.testing.assert_allclose(np.array(one), 2 * v / np.linalg.norm(v), atol=1e-6)
    g = random(1, 4)
    np.testing.assert_allclose(
        np.array(fold_weight_norm(mx.array(g), mx.array(v))), g * v / np.linalg.norm(v, axis=0), atol=1e-6
    )


def test_running_statistics():
    model = nn.Sequential(nn.BatchNorm(3))
    state = {f"0.{n}": random(3) for n in ("weight", "bias", "running_mean", "running_var")}
    state["0.num_batches_tracked"] = np.array(5)
    assert torch_state_dict(model, state).ok
    np.testing.assert_array_equal(np.array(model.layers[0].running_var), state["0.running_var"])


def test_columns_behind_a_flattened_map():
    layer = nn.Sequential(nn.Linear(2 * 3 * 4, 5))
    weight, features = random(5, 24), random(2, 3, 4)
    torch_state_dict(layer, {"0.weight": weight, "0.bias": np.zeros(5, "f4")}, flatten={"layers.0": (2, 3, 4)})
    got = layer(mx.array(features.transpose(1, 2, 0).reshape(1, -1)))
    np.testing.assert_allclose(np.array(got)[0], weight @ features.reshape(-1), atol=1e-5)
    with pytest.raises(ConversionError, match="24 columns, expected 12"):
        torch_state_dict(layer, {"0.weight": weight, "0.bias": random(5)}, flatten={"layers.0": (2, 3, 2)})


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_gru():
    layer = nn.GRU(3, 4)
    w, u, b, c = random(12, 3), random(12, 4), random(12), random(12)
    torch_state_dict(layer, {"weight_ih_l0": w, "weight_hh_l0": u, "bias_ih_l0": b, "bias_hh_l0": c})
    x, h = random(5, 3), np.zeros(4)
    for step in x:
        a, d = w @ step + b, u @ h + c
        r, z = sigmoid(a[:4] + d[:4]), sigmoid(a[4:8] + d[4:8])
        h = (1 - z) * np.tanh(a[8:] + r * d[8:]) + z * h
    np.testing.assert_allclose(np.array(layer(mx.array(x)))[-1], h, atol=1e-5)


def test_lstm():
    layer = nn.LSTM(3, 4)
    w, u, b, c = random(16, 3), random(16, 4), random(16), random(16)
    torch_state_dict(layer, {"weight_ih_l0": w, "weight_hh_l0": u, "bias_ih_l0": b, "bias_hh_l0": c})
    x, h, cell = random(5, 3), np.zeros(4), np.zeros(4)
    for step in x:
        i, f, g, o = np.split(w @ step + b + u @ h + c, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(cell)
    np.testing.assert_allclose(np.array(layer(mx.array(x))[0])[-1], h, atol=1e-5)


def test_attention_is_split():
    layer = nn.MultiHeadAttention(8, 2, bias=True)
    state = {"in_proj_weight": random(24, 8), "in_proj_bias": random(24), "out_proj.weight": random(8, 8)}
    state["out_proj.bias"] = random(8)
    assert torch_state_dict(layer, state).ok
    np.testing.assert_array_equal(np.array(layer.key_proj.weight), state["in_proj_weight"][8:16])


def test_what_does_not_match():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = np.array(model.layers[0].weight)
    state = {"0.weight": random(4, 3), "0.bias": random(4), "1.weight": random(2, 5), "2.weight": random(1)}
    with pytest.raises(ConversionError) as caught:
        torch_state_dict(model, state)
    report = caught.value.report
    assert report.missing == ["layers.1.bias"] and report.unexpected == ["2.weight"]
    assert report.mismatched == [("layers.1.weight", (2, 5), (2, 4))]
    for text in ("missing in the file: layers.1.bias", "unexpected in the file: 2.weight", "shape (2, 5) in the file"):
        assert text in str(caught.value)
    np.testing.assert_array_equal(np.array(model.layers[0].weight), before)
    report = torch_state_dict(model, state, strict=False)
    assert not report.ok and sorted(report.loaded) == ["layers.0.bias", "layers.0.weight"]
    np.testing.assert_array_equal(np.array(model.layers[0].weight), state["0.weight"])


def test_renaming():
    layer = nn.Linear(3, 4)
    state = {"module.w": random(4, 3), "module.b": random(4), "junk": random(1)}
    names = {"module.w": "weight", "module.b": "bias", "junk": None}
    assert torch_state_dict(layer, state, rename=names.get).ok
    assert torch_state_dict(
        layer, {"module.weight": random(4, 3), "module.bias": random(4)}, rename={"module.": "", "mod": "x"}
    ).ok
    with pytest.raises(ConversionError, match="two arrays would be called 'x'"):
        torch_state_dict(layer, state, rename=lambda name: "x")


def test_dtypes_become_the_models():
    layer = nn.Linear(3, 4)
    layer.set_dtype(mx.float16)
    torch_state_dict(layer, {"weight": random(4, 3), "bias": random(4).astype(np.float64)})
    assert layer.weight.dtype == mx.float16 and layer.bias.dtype == mx.float16


def test_safetensors(tmp_path):
    layer, weight, bias = nn.Conv1d(2, 3, 4), random(3, 2, 4), random(3)
    path = tmp_path / "a.safetensors"
    mx.save_safetensors(str(path), {"weight": mx.array(weight), "bias": mx.array(bias)})
    assert torch_state_dict(layer, path).ok
    np.testing.assert_array_equal(np.array(layer.weight), np.moveaxis(weight, 1, -1))
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(ConversionError, match="a.safetensors: no safetensors"):
        torch_state_dict(layer, path)
    with pytest.raises(ConversionError, match="no such file"):
        torch_state_dict(layer, tmp_path / "none.safetensors")


def test_which_entry(tmp_path):
    layer = nn.Linear(3, 4)
    good = {"weight": random(4, 3), "bias": random(4)}
    assert torch_state_dict(layer, {"a": good, "b": good}, key="b").ok
    for source, options, text in (
        ({"a": good, "b": good}, {}, "key= one of a, b"),
        ({"a": good}, {"key": "c"}, "has no 'c', only a"),
        ({"step": 3}, {}, "holds step; expected a dict of arrays"),
        ([1], {}, "holds a list"),
    ):
        with pytest.raises(ConversionError, match=text):
            torch_state_dict(layer, source, **options)
