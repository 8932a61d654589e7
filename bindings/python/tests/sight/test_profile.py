"""Profiles: what is counted, the tables, the trace file."""

import json
import threading

import numpy as np
import pytest

import quern
from quern import core as mx
from quern import nn, optimizers
from quern.sight.rows import bytes_text, shape_bytes, table, time_text


def product(n=128):
    x = mx.array(np.ones((n, n), np.float32))
    mx.eval(nn.relu(x @ x))


def test_runs_are_counted():
    product()
    with quern.profile() as p:
        for _ in range(5):
            product()
    assert p.stats["evaluations"] == 5 and p.stats["plan_hits"] == 5 and p.stats["plan_misses"] == 0
    (matmul,) = [total for total in p.by_op() if total.name.startswith("matmul")]
    assert matmul.runs == 5 and matmul.time_ns > 0 and matmul.bytes >= 5 * 3 * 128 * 128 * 4
    assert sum(total.runs for total in p.by_kernel()) <= p.stats["kernels_run"]
    assert 0 < p.kernel_ns <= p.wall_ns
    text = str(p)
    for part in ("kernel", "GB/s", "matmul", "5 evaluations", "plans 5 found and 0 made"):
        assert part in text
    assert p.table(by="op").startswith("op ") and len(p.table(1).splitlines()) == 3
    with pytest.raises(ValueError, match="by is 'plugin'"):
        p.table(by="plugin")


def test_kernels_of_compiled_functions():
    x = mx.array(np.ones((128, 128), np.float32))
    f = mx.compile(lambda x: nn.relu(x @ x))
    mx.eval(f(x))
    with quern.profile() as p:
        for _ in range(4):
            mx.eval(f(x))
    (matmul,) = [total for total in p.by_op() if total.name.startswith("matmul")]
    assert matmul.runs == 4 and 0 < matmul.time_ns <= p.kernel_ns <= p.wall_ns
    assert p.stats["evaluations"] == p.stats["plan_hits"] == 4 and p.stats["plan_misses"] == 0
    del f
    with quern.profile() as p:
        pass
    assert not [total for total in p.by_op() if total.runs]


def test_a_training_step():
    mx.random.seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
    step = nn.value_and_grad(model, lambda x: mx.mean(mx.square(model(x))))
    optimizer = optimizers.SGD(0.1)
    with quern.profile() as p:
        for _ in range(2):
            _, gradients = step(mx.ones((2, 10, 10, 1)))
            optimizer.update(model, gradients)
            mx.eval(model.parameters())
    ops = " ".join(total.name for total in p.by_op())
    assert "conv" in ops and len(p.by_op()) >= 4


def test_trace_file(tmp_path):
    path = tmp_path / "trace.json"
    with quern.profile(path) as p:
        with p.span("forward"):
            product()
    trace = json.loads(path.read_text())
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    spans = [event for event in events if event["cat"] == "span"]
    kernels = [event for event in events if event["cat"] != "span"]
    assert [span["name"] for span in spans] == ["forward"] and len(kernels) == len(p.events) > 0
    for event in kernels:
        assert event["ts"] >= spans[0]["ts"] and event["dur"] >= 0
        assert event["ts"] + event["dur"] <= spans[0]["ts"] + spans[0]["dur"]
        assert event["args"]["kernel"].startswith(event["cat"] + "/") and event["args"]["tiles"] >= 1
    names = {event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
    assert {"quern", "program", "worker 0"} <= names
    assert trace["otherData"]["evaluations"] == 1 and trace["otherData"]["dropped"] == 0


def test_the_limit_of_a_trace(tmp_path):
    with quern.profile(tmp_path / "trace.json", limit=2) as p:
        for _ in range(5):
            product(16)
    assert len(p.events) == 2 and p.dropped > 0
    assert sum(total.runs for total in p.by_op()) >= 5


def test_one_trace_at_a_time(tmp_path):
    with quern.profile(tmp_path / "a.json"):
        with pytest.raises(RuntimeError, match="another recording is under way"):
            with quern.profile(tmp_path / "b.json"):
                pass
        with quern.profile() as inner:
            product()
    assert inner.by_op() and not inner.events


def test_a_trace_ends_with_an_exception(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError):
            with quern.profile(tmp_path / "trace.json"):
                raise KeyError
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]


def test_after_the_block_nothing_is_recorded():
    with quern.profile() as p:
        product()
    count = p.kernel_ns
    product()
    assert p.kernel_ns == count


def test_profiles_inside_profiles():
    with quern.profile() as outer:
        product()
        with quern.profile() as inner:
            product()
        product()
    runs = [next(t.runs for t in p.by_op() if t.name.startswith("matmul")) for p in (outer, inner)]
    assert runs == [3, 1]


def test_wrong_use():
    with quern.profile() as p:
        with pytest.raises(RuntimeError, match="has not ended"):
            p.table()
        product()
    assert p.by_op()
    with pytest.raises(RuntimeError, match="expected a new one"):
        with p:
            pass


def test_an_exception_ends_the_recording():
    with pytest.raises(KeyError):
        with quern.profile() as p:
            product()
            raise KeyError
    assert p.by_op()


def test_other_threads_are_recorded():
    with quern.profile() as p:
        threads = [threading.Thread(target=product) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(total.runs for total in p.by_op() if total.name.startswith("matmul")) == 3


def test_texts():
    assert [time_text(n) for n in (5, 1234, 999_600, 2.5e9)] == ["5 ns", "1.23 us", "1 ms", "2.5 s"]
    assert [bytes_text(n) for n in (7, 12_345, 3e6, 4e9)] == ["7 B", "12.3 kB", "3 MB", "4 GB"]
    assert shape_bytes("f32(2, 3), bool(4), bf16() -> i64(0, 2), c64(2)") == 24 + 4 + 2 + 0 + 16
    assert table(("a", "b"), [("xx", "1")]) == "a   b\nxx  1"
