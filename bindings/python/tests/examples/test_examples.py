"""Every example on small data."""

import gzip
import pickle
import runpy
import struct
import wave
from pathlib import Path

import bigvgan
import char_lm
import cnn
import numpy as np
import pytest
import simple_model

from quern import core as mx
from quern.utils import tree_flatten

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def write_mnist(root, n=60):
    """Pictures of ten kinds that are easy to tell apart."""
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = rng.integers(0, 40, (n, 28, 28), dtype=np.uint8)
        for i, label in enumerate(labels):
            images[i, 2 * label : 2 * label + 6] += 200
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (root / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))


def test_cnn_on_mnist(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    write_mnist(tmp_path)
    result = cnn.main(
        ["--root", str(tmp_path), "--data", "mnist", "--epochs", "5", "--batch", "8", "--quiet",
         "--plot", str(tmp_path / "curves.png"), "--checkpoint", str(tmp_path / "cnn.ckpt")]
    )  # fmt: skip
    assert result["accuracy"] > 0.3 and abs(result["single"] - result["accuracy"]) < 1e-6
    assert (tmp_path / "curves.png").exists() and (tmp_path / "cnn.ckpt").exists()
    assert "of 60 pictures right" in capsys.readouterr().out


def test_cnn_on_cifar(tmp_path):
    rng = np.random.default_rng(0)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        content = {"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [0, 1, 2, 3]}
        (tmp_path / name).write_bytes(pickle.dumps(content))
    result = cnn.main(["--root", str(tmp_path), "--data", "cifar10", "--epochs", "1", "--limit", "8", "--quiet"])
    assert np.isfinite(result["loss"])


def test_simple_model_three_ways():
    results = simple_model.main(["--samples", "200", "--epochs", "3"])
    assert set(results) == {"like_pytorch", "like_keras", "like_mlx"}
    for losses in results.values():
        np.testing.assert_allclose(losses, results["like_pytorch"], rtol=1e-5)
        assert losses[-1] < losses[0]


def test_bigvgan_writes_sound(tmp_path):
    out = tmp_path / "a.wav"
    samples = bigvgan.main(["--small", "--frames", "10", "--out", str(out)])
    assert samples.shape == (80,) and np.abs(samples).max() <= 1 and np.abs(samples).max() > 0
    with wave.open(str(out)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 24000, 80)


def test_bigvgan_takes_published_names(tmp_path):
    """Weights as PyTorch keeps them, with weight norm, give the generator that they were made from."""
    mx.random.seed(3)
    model = bigvgan.Generator(bigvgan.SMALL)
    state = {}
    for name, value in tree_flatten(model.parameters()):
        value = np.array(value)
        if value.ndim == 3:
            axes = (2, 0, 1) if name.startswith("ups") else (0, 2, 1)
            v = value.transpose(axes)
            base = name[: -len("weight")]
            state[f"{base}weight_v"] = 2 * v
            state[f"{base}weight_g"] = np.sqrt((v**2).sum(axis=(1, 2), keepdims=True))
        else:
            state[name] = value
    state["activation_post.upsample.filter"] = np.zeros((1, 1, 12), np.float32)
    other = bigvgan.Generator(bigvgan.SMALL)
    mx.random.seed(4)
    other.conv_pre.weight = mx.random.normal(other.conv_pre.weight.shape)
    report = bigvgan.torch_state_dict(other, state, rename=bigvgan.published_name)
    assert report.ok and len(report.folded) == 2 + 2 + 2 * 2 * 2 * 2
    x = mx.random.normal((1, 8, bigvgan.SMALL.mels))
    np.testing.assert_allclose(np.array(other(x)), np.array(model(x)), atol=1e-5)


def test_bigvgan_has_the_published_size():
    generator = bigvgan.Generator()
    assert len(generator.resblocks) == 18 and generator.conv_post.weight.shape == (1, 7, 24)
    assert generator.ups[0][0].weight.shape == (768, 8, 1536)
    parameters = sum(value.size for _, value in tree_flatten(generator.parameters()))
    assert round(parameters / 1e6) == 112


def test_the_filter_is_a_low_pass():
    taps = bigvgan.low_pass(0.25, 0.3, 12)
    response = np.abs(np.fft.rfft(taps, 1024))
    assert response[0] == pytest.approx(1, abs=1e-6) and response[-1] < 1e-2
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-7)


def test_char_lm(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the mill grinds the grain and the stone turns. " * 60)
    history = char_lm.main(
        ["--text", str(text), "--epochs", "8", "--width", "32", "--layers", "1", "--length", "32", "--batch", "8",
         "--write", "20", "--quiet"]
    )  # fmt: skip
    assert history["val_loss"][-1] < 0.8 * history["val_loss"][0]
    out = capsys.readouterr().out
    assert "perplexity" in out and len(out.splitlines()[-1]) == 20


def test_char_lm_has_a_text_of_its_own():
    assert "Quern" in char_lm.default_text()


def test_tour(capsys):
    runpy.run_path(str(EXAMPLES / "tour.py"))
    out = capsys.readouterr().out
    for part in ("second derivatives", "matmul", "largest difference", "plans"):
        assert part in out
