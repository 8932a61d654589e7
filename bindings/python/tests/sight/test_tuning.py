"""Measured times of kernels, and memory that does not grow."""

import numpy as np
import pytest

import quern
from quern import _ext, nn, optimizers
from quern import core as mx


@pytest.fixture(autouse=True)
def off_at_the_end():
    yield
    quern.set_tuning("off")


def product(n):
    x = mx.array(np.eye(n, dtype=np.float32))
    np.testing.assert_array_equal(np.array(x @ x), np.eye(n))
    return [k for k in quern.kernels_used() if k.op == "matmul"][-1]


def test_measured_times_are_kept(tmp_path):
    file = tmp_path / "times"
    assert product(24).measured_ns == 0
    state = quern.set_tuning("measure", file)
    assert (state.mode, state.file, state.problem, state.questions) == ("measure", str(file), "", 0)
    kernel = product(24)
    assert kernel.measured_ns > 0 and "measured" in kernel.rejected
    assert quern.tuning().questions == 1 and quern.tuning().candidates_run >= 2
    assert file.read_text().startswith("quern tuning 1\n")
    quern.set_tuning("read", file)
    assert product(24).name == kernel.name
    assert quern.tuning().candidates_run == 0


def test_what_is_wrong_is_told(tmp_path):
    file = tmp_path / "notes"
    file.write_text("not for you")
    assert "no tuning file" in quern.set_tuning("read", file).problem
    assert "does not exist" in quern.set_tuning("read", tmp_path / "none").problem
    for mode in ("read", "on", "off:"):
        with pytest.raises(ValueError, match="expected off, read:FILE"):
            quern.set_tuning(mode)
    assert file.read_text() == "not for you"


def test_training_does_not_take_more_and_more_memory():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = optimizers.SGD(learning_rate=0.01, momentum=0.9)
    x, y = mx.ones((4, 6)), mx.array([0, 1, 2, 0])
    gradient = nn.value_and_grad(model, lambda m, a, b: nn.losses.cross_entropy(m(a), b, reduction="mean"))

    def train(steps):
        for _ in range(steps):
            loss, g = gradient(model, x, y)
            optimizer.update(model, g)
            mx.eval(loss, model.parameters(), optimizer.state)
        stats = _ext.stats()
        return {key: stats[key] for key in ("bytes_active", "bytes_cached", "allocations", "plans")}

    assert train(100) == train(400)
