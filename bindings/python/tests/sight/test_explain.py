"""explain, selection rules and the kernels used."""

import numpy as np
import pytest

import quern
from quern import core as mx
from quern import nn


@pytest.fixture(autouse=True)
def no_rules():
    yield
    quern.set_kernels("")


def test_an_array_that_is_not_computed_yet():
    x = mx.array(np.ones((64, 64), np.float32))
    y = nn.relu(x @ x + 1.0)
    told = quern.explain(y)
    assert any(step.kernel.op.startswith("matmul") for step in told.steps)
    first = told.steps[0]
    assert "f32(64, 64)" in first.kernel.shapes and first.time_ns > 0 and first.kernel.runs >= 1
    text = str(told)
    for part in ("op", "kernel", "matmul", first.kernel.name, "kernels in 1 plan"):
        assert part in text
    np.testing.assert_array_equal(np.array(y), np.full((64, 64), 65.0))
    assert "values are there already" in str(quern.explain(y))


def test_a_function_is_told_by_its_second_run():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    told = quern.explain(model, mx.zeros((3, 8)))
    assert told.steps and all(step.kernel.runs >= 1 for step in told.steps)
    assert sum("matmul" in step.kernel.op or "addmm" in step.kernel.op for step in told.steps) == 2


def test_trees_and_wrong_arguments():
    told = quern.explain({"a": mx.ones((4,)) + 1, "b": [mx.ones((4,)) * 3]})
    assert told.steps
    for call in (lambda: quern.explain(3), lambda: quern.explain(mx.ones((2,)), 1)):
        with pytest.raises(TypeError, match="expected arrays, or a function"):
            call()


def test_rejected_candidates_have_reasons():
    x = mx.ones((32, 32))
    told = quern.explain(x @ x)
    text = told.rejected()
    assert "chosen" in text and "matmul" in text


def test_rules_choose_the_plugin():
    x = mx.array(np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32))
    free = np.array(x @ x)
    quern.set_kernels("*=naive")
    told = quern.explain(x @ x)
    assert {step.kernel.plugin for step in told.steps} == {"naive"}
    np.testing.assert_allclose(np.array(x @ x), free, atol=1e-4)
    quern.set_kernels({"matmul": ["naive", "openblas"], "*": "naive"})
    assert {step.kernel.plugin for step in quern.explain(x @ x + 1).steps} == {"naive"}
    with pytest.raises(ValueError):
        quern.set_kernels("matmul[=;")


def test_kernels_used_is_a_table():
    mx.eval(mx.ones((16, 16)) @ mx.ones((16, 16)))
    kernels = quern.kernels_used()
    assert any("matmul" in kernel.op for kernel in kernels)
    assert len(str(kernels).splitlines()) == len(kernels) + 1
    assert kernels[0].bytes > 0 and "/" in kernels[0].name
