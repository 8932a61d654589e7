"""Checkpoints: resumed training is the uninterrupted one, bit for bit; damaged files change nothing."""

import os

import numpy as np
import pytest
from small_model import flat, model, same, samples

from quern import core as mx
from quern import nn
from quern.data import ArrayDataset, DataLoader
from quern.train import Callback, Checkpoint, CheckpointError, EarlyStopping, Trainer


class Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, trainer, logs):
        if trainer.step == self.step:
            raise KeyboardInterrupt


def train(path=None, *, stop_at=None, resume=None, optimizer="adam", epochs=3, workers=0):
    x, y = samples(40)
    net = model(dropout=0.3)
    mx.random.seed(11)
    net.compile(optimizer, "cross_entropy", ["accuracy"], learning_rate=0.01, clipnorm=1.0)
    callbacks = [Checkpoint(path, every=1)] if path else []
    if stop_at:
        callbacks.append(Interrupt(stop_at))
    history = None
    try:
        history = net.fit(
            x, y, batch_size=8, epochs=epochs, callbacks=callbacks, resume=resume, workers=workers, verbose=0,
            validation_split=0.2,
        )  # fmt: skip
    except KeyboardInterrupt:
        assert stop_at
    return net, history


# 4 steps an epoch: in the middle, at the last step of an epoch, at the first of the next
@pytest.mark.parametrize("stop_at", [1, 3, 4, 5, 10])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adafactor"])
def test_resumed_is_uninterrupted(tmp_path, stop_at, optimizer):
    if optimizer != "adam" and stop_at != 3:
        pytest.skip("one optimizer at every place is enough")
    whole, want = train(optimizer=optimizer)
    path = tmp_path / "run.ckpt"
    train(path, stop_at=stop_at, optimizer=optimizer)
    mx.random.seed(99)
    resumed, got = train(path, resume=path, optimizer=optimizer, workers=2)
    same(whole, resumed)
    assert {k: v for k, v in got.items() if k != "seconds"} == {k: v for k, v in want.items() if k != "seconds"}
    assert os.listdir(tmp_path) == ["run.ckpt"]


def test_resume_without_a_file_starts(tmp_path):
    net, history = train(resume=tmp_path / "none", epochs=1)
    assert history["epoch"] == [1]
    same(net, train(epochs=1)[0])


def test_resume_of_a_finished_training_does_nothing(tmp_path):
    path = tmp_path / "a"
    net, _ = train(path)
    again, history = train(path, resume=path)
    same(net, again)
    assert history["epoch"] == [1, 2, 3]


def test_state_of_callbacks_is_kept(tmp_path):
    x, y = samples(8)
    path = tmp_path / "a"

    def run(epochs, resume=None):
        stopping = EarlyStopping("loss", patience=2)
        net = model()
        net.compile("sgd", "cross_entropy", learning_rate=1e-12)
        net.fit(x, y, epochs=epochs, shuffle=False, callbacks=[stopping, Checkpoint(path)], resume=resume, verbose=0)
        return stopping

    first = run(2)
    second = run(9, resume=path)
    assert (first.waited, second.waited) == (1, 2)
    assert second.best == first.best


def test_batch_norm_statistics_are_kept(tmp_path):
    def build():
        mx.random.seed(0)
        net = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm(4), nn.Linear(4, 3))
        net.compile("adam", "cross_entropy")
        return net

    x, y = samples(16)
    net = build()
    net.fit(x, y, epochs=2, verbose=0, callbacks=[Checkpoint(tmp_path / "a")])
    other = build()
    other.fit(x, y, epochs=2, verbose=0, resume=tmp_path / "a")
    same(net, other)
    np.testing.assert_array_equal(np.array(net.predict(x)), np.array(other.predict(x)))


def trainer_of(net):
    return Trainer(net, "adam", "cross_entropy")


def test_files_that_do_not_fit_change_nothing(tmp_path):
    path = tmp_path / "a"
    train(path, epochs=1)
    data = path.read_bytes()
    net = model()
    before = flat(net)
    trainer = trainer_of(net)
    for content, text in (
        (data[: len(data) // 2], "no safetensors file"),
        (b"", "no safetensors file"),
        (os.urandom(100), "no safetensors file"),
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=text) as caught:
            trainer.load(path)
        assert str(path) in str(caught.value)
    path.write_bytes(data)
    mx.save_safetensors(str(tmp_path / "plain.safetensors"), {"x": mx.zeros(3)})
    with pytest.raises(CheckpointError, match="no entry 'meta'"):
        trainer.load(tmp_path / "plain.safetensors")
    with pytest.raises(CheckpointError, match="no such file"):
        trainer.load(tmp_path / "none")
    for other, text in (
        (nn.Sequential(nn.Linear(8, 16)), "another model: without layers.0"),
        (model_of_width(5), r"first.weight is .*\(16, 8\), expected .*\(5, 8\)"),
    ):
        kept = flat(other)
        with pytest.raises(CheckpointError, match=text):
            trainer_of(other).load(path)
        for name, value in flat(other).items():
            np.testing.assert_array_equal(value, kept[name])
    for name, value in flat(net).items():
        np.testing.assert_array_equal(value, before[name])


def model_of_width(n):
    net = model()
    net.first, net.second = nn.Linear(8, n), nn.Linear(n, 3)
    return net


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    train(path, epochs=1)
    data = path.read_bytes()

    def broken(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        train(path, epochs=1)
    assert path.read_bytes() == data and os.listdir(tmp_path) == ["a"]


def test_loaders_of_ones_own_resume_from_the_epoch(tmp_path):
    x, y = samples(16)
    batches = [(x[:8], y[:8]), (x[8:], y[8:])]
    nets = []
    for stops in ((4,), (2, 4)):
        net = model()
        for epochs in stops:
            net.compile("adam", "cross_entropy")
            net.fit(
                batches, epochs=epochs, verbose=0, resume=tmp_path / f"{len(stops)}",
                callbacks=[Checkpoint(tmp_path / f"{len(stops)}")],
            )  # fmt: skip
        nets.append(net)
    same(*nets)


def test_a_loader_goes_on_in_its_order(tmp_path):
    x, y = samples(16)
    loader = DataLoader(ArrayDataset(x, y), 4, shuffle=True, seed=4)
    trainer = trainer_of(model())
    trainer.loader = loader
    next(iter(loader))
    trainer.save(tmp_path / "a")
    other = trainer_of(model())
    other.loader = DataLoader(ArrayDataset(x, y), 4, shuffle=True, seed=0)
    other.load(tmp_path / "a")
    assert other.loader.state_dict() == {"seed": 4, "epoch": 0, "batch": 1}
