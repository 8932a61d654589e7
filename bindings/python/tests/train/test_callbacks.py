"""Early stopping, logs and plots."""

import csv
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from small_model import flat, model, samples

from quern.train import Callback, Checkpoint, CSVLog, EarlyStopping, History, TensorBoard


class Script(Callback):
    """Puts prepared values in place of val_loss."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, trainer, logs):
        logs["val_loss"] = self.values[trainer.epoch - 1]


def fit(callbacks, epochs=8, **options):
    x, y = samples(8)
    net = model()
    net.compile("sgd", "cross_entropy", ["accuracy"], learning_rate=0.1)
    return net, net.fit(x, y, epochs=epochs, callbacks=callbacks, verbose=0, **options)


@pytest.mark.parametrize(
    "values, options, epochs",
    [
        ([3, 2, 2.5, 2.5, 1, 1, 1, 1], {"patience": 2}, 4),
        ([3, 2, 2.5, 1.9, 2, 2, 2, 2], {"patience": 2}, 6),
        ([3, 2.95, 2.9, 2, 2, 2, 2, 2], {"patience": 2, "min_delta": 0.5}, 3),
        ([1, 2, 3, 4, 5, 6, 7, 8], {"patience": 2, "mode": "max"}, 8),
        ([float("nan")] * 8, {"patience": 3}, 3),
    ],
)
def test_early_stopping(values, options, epochs):
    _, history = fit([Script(values), EarlyStopping(**options)])
    assert len(history["epoch"]) == epochs


def test_the_best_weights_come_back():
    kept = {}

    class Keep(Callback):
        def on_epoch_end(self, trainer, logs):
            kept[trainer.epoch] = flat(trainer.model)

    net, _ = fit([Keep(), Script([3, 1, 2, 2, 2, 2, 2, 2]), EarlyStopping(patience=2, restore_best=True)])
    assert len(kept) == 4
    for name, value in flat(net).items():
        np.testing.assert_array_equal(value, kept[2][name])


def test_a_name_that_is_not_there():
    with pytest.raises(KeyError, match="no 'val_loss' in the logs, only loss, accuracy"):
        fit([EarlyStopping()])
    with pytest.raises(ValueError, match="mode is 'best'"):
        EarlyStopping(mode="best")


def test_checkpoint_of_the_best_only(tmp_path):
    fit([Script([3, 1, 2, 0.5, 2, 2, 2, 2]), Checkpoint(tmp_path / "{epoch}", monitor="val_loss")])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2", "4"]


def test_order_of_calls():
    calls = []

    class Record(Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                calls.append(name)
            return super().__getattribute__(name)

    fit([Record()], epochs=2, batch_size=4)
    epoch = ["on_epoch_begin", "on_batch_end", "on_batch_end", "on_epoch_end"]
    assert calls == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_csv_log_and_its_resuming(tmp_path):
    path, checkpoint = tmp_path / "log.csv", tmp_path / "a"
    fit([CSVLog(path), Checkpoint(checkpoint)], epochs=2)
    with open(path, "a") as file:
        file.write("3,0,0,0\r\n")  # of an epoch that was lost
    _, history = fit([CSVLog(path)], epochs=4, resume=checkpoint)
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    fit([CSVLog(path)], epochs=1)
    assert len(path.read_text().splitlines()) == 2


def events(folder):
    """(step, tag, value) of all event files: TFRecord frames of length, checksum, Event, checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(Path(folder).iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = event_pb2.Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    x, y = samples(8)
    _, history = fit([TensorBoard(tmp_path, every=1)], epochs=3, validation_data=(x, y))
    found = events(tmp_path)
    for tag, column in (
        ("loss/training", "loss"),
        ("loss/validation", "val_loss"),
        ("accuracy/validation", "val_accuracy"),
        ("learning_rate", "learning_rate"),
    ):
        points = [(step, value) for step, name, value in found if name == tag]
        assert [step for step, _ in points] == [1, 2, 3]
        np.testing.assert_allclose([value for _, value in points], history[column], rtol=1e-6)
    assert [step for step, tag, _ in found if tag == "step/loss"] == [1, 2, 3]


def test_without_tensorboardx(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        TensorBoard("x")


def test_without_tqdm(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    x, y = samples(8)
    net = model()
    net.compile("sgd", "cross_entropy")
    net.fit(x, y)
    assert capsys.readouterr().out.startswith("epoch 1/1  loss")


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    x, y = samples(8)
    _, history = fit([], epochs=2, validation_data=(x, y))
    figure = history.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    lines = figure.axes[0].get_lines()
    np.testing.assert_allclose(lines[1].get_ydata(), history["val_loss"])


def test_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        History().plot()


def test_history_with_gaps():
    history = History()
    history.add({"epoch": 1, "loss": 2.0})
    history.add({"epoch": 2, "loss": 1.0, "val_loss": 3.0})
    history.add({"epoch": 3})
    assert history == {"epoch": [1, 2, 3], "loss": [2.0, 1.0, None], "val_loss": [None, 3.0, None]}
