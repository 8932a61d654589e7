"""Every optimizer against MLX: parameters and state after several steps, schedules, errors."""

import numpy as np
import pytest
from peer import MLX, QUERN, assert_same, assert_same_error

OPTIMIZERS = """
optim.SGD(0.1)
optim.SGD(0.1, 0.9)
optim.SGD(0.1, momentum=0.9, weight_decay=0.01, dampening=0.1)
optim.SGD(0.1, 0.9, nesterov=True)
optim.SGD(0.1, weight_decay=0.1)
optim.RMSprop(0.01)
optim.RMSprop(0.01, alpha=0.9, eps=1e-4)
optim.Adagrad(0.1)
optim.Adagrad(0.1, eps=1e-3)
optim.AdaDelta(0.5)
optim.AdaDelta(0.5, rho=0.8, eps=1e-4)
optim.Adam(0.01)
optim.Adam(0.01, betas=(0.8, 0.9), eps=1e-4)
optim.Adam(0.01, bias_correction=True)
optim.AdamW(0.01)
optim.AdamW(0.01, weight_decay=0.2, bias_correction=True)
optim.Adamax(0.01)
optim.Lion(0.01)
optim.Lion(0.01, betas=[0.8, 0.9], weight_decay=0.1)
optim.Adafactor()
optim.Adafactor(warmup_init=True)
optim.Adafactor(0.01, relative_step=False, beta_1=0.9)
optim.Adafactor(0.01, relative_step=False, scale_parameter=False, weight_decay=0.1)
optim.Adafactor(clip_threshold=0.5, decay_rate=-0.5)
optim.Muon(0.05)
optim.Muon(0.05, momentum=0.8, weight_decay=0.0, nesterov=False, ns_steps=3)
optim.SGD(optim.exponential_decay(0.1, 0.9))
optim.Adam(optim.linear_schedule(0, 0.1, 4), bias_correction=True)
optim.AdamW(lambda step: 0.1 / (step + 1))
optim.MultiOptimizer([optim.SGD(0.1, 0.9), optim.Adam(0.2)], [lambda p, w: p.startswith("l")])
optim.MultiOptimizer([optim.Adam(0.1), optim.SGD(0.1)], [lambda p, w: w.ndim > 1])
""".strip().splitlines()

ERRORS = """
optim.SGD(0.1, nesterov=True)
optim.SGD(0.1, 0.9, dampening=0.1, nesterov=True)
optim.RMSprop(0.1, alpha=-1)
optim.RMSprop(0.1, eps=-1)
optim.Adagrad(0.1, eps=-1)
optim.AdaDelta(0.1, rho=-1)
optim.AdaDelta(0.1, eps=-1)
optim.Adam(0.1, [2, 3])
optim.Adam(0.1, eps=-1)
optim.Adam(0.1, betas=0.9)
optim.Adamax(0.1, (-1, 2))
optim.Lion(0.1, (3, 3))
optim.SGD("a")
optim.SGD(None)
optim.MultiOptimizer([optim.SGD(0.1), optim.Adam(0.1)])
optim.Optimizer().apply_single(1, 2, {})
optim.Optimizer().init_single(1, {})
optim.Optimizer().init({"a": mx.ones(1)})
optim.Optimizer().learning_rate
optim.SGD(0.1).apply_gradients({"a": mx.ones(2)}, {"b": mx.ones(2)})
optim.linear_schedule(0, 1, 0)
optim.join_schedules([], [])
optim.join_schedules([optim.step_decay(1, 0.5, 2)], [3])
setattr(optim.MultiOptimizer([optim.SGD(0.1)]), "state", {})
""".strip().splitlines()


def parameters(side, dtype, seed=0):
    random = np.random.default_rng(seed)
    shapes = {"w": (3, 4), "b": (4,), "l": [(5, 2), (2,)], "conv": (3, 2, 2, 2)}
    return side.utils.tree_map(
        lambda shape: side.array(random.standard_normal(shape), dtype),
        shapes,
        is_leaf=lambda node: isinstance(node, tuple),
    )


def steps(side, expression, count, dtype):
    optimizer = side.eval(expression)
    tree = parameters(side, dtype)
    for i in range(count):
        noise = parameters(side, dtype, seed=i + 1)
        gradients = side.utils.tree_map(lambda p, n: p * 0.3 + n, tree, noise)
        tree = optimizer.apply_gradients(gradients, tree)
    return tree, optimizer.state


@pytest.mark.parametrize("expression", OPTIMIZERS)
def test_steps(expression):
    ours = steps(QUERN, expression, 5, "float32")
    theirs = steps(MLX, expression, 5, "float32")
    # the iteration of Muon multiplies rounding by some 10 a step
    assert_same(ours, theirs, tolerance=1e-3 if "Muon" in expression else 1e-5)


@pytest.mark.parametrize(
    "expression", ["optim.SGD(0.1, 0.9)", "optim.Adam(0.01)", "optim.Adafactor()"]
)
def test_half_precision_keeps_its_dtype(expression):
    ours = steps(QUERN, expression, 2, "float16")
    theirs = steps(MLX, expression, 2, "float16")
    assert_same(ours, theirs, tolerance=1e-2)


@pytest.mark.parametrize("expression", OPTIMIZERS)
def test_state_after_init(expression):
    states = []
    for side in (QUERN, MLX):
        optimizer = side.eval(expression)
        before = dict(optimizer.state)
        optimizer.init(parameters(side, "float32"))
        states.append((before.keys(), optimizer.state))
    assert list(states[0][0]) == list(states[1][0])
    assert_same(states[0][1], states[1][1])


@pytest.mark.parametrize("expression", ERRORS)
def test_error(expression):
    assert_same_error(expression)


def test_update_of_a_model_and_a_partial_gradient():
    states = []
    for side in (QUERN, MLX):
        side.mx.random.seed(2)
        model = side.nn.Sequential(side.nn.Linear(3, 2), side.nn.Linear(2, 1))
        optimizer = side.optim.Adam(0.1)
        x = side.array(np.ones((2, 3)))
        loss_and_grad = side.nn.value_and_grad(
            model, lambda x, model=model: model(x).square().sum()
        )
        losses = []
        for _ in range(4):
            loss, gradients = loss_and_grad(x)
            optimizer.update(model, gradients)
            losses.append(loss)
        optimizer.update(model, {"layers": [{"bias": side.mx.ones((2,))}]})
        states.append((losses, dict(model.parameters()), optimizer.state))
    assert_same(*states)


def test_state_is_kept_when_set_and_init_only_adds():
    states = []
    for side in (QUERN, MLX):
        first = side.optim.Adam(0.1)
        tree = {"a": side.mx.ones(2)}
        first.apply_gradients(tree, tree)
        second = side.optim.Adam(0.5)
        second.state = first.state
        tree["b"] = side.mx.ones(3)
        result = second.apply_gradients(tree, tree)
        states.append((result, second.state, second.learning_rate, second.step))
    assert_same(*states)


def test_learning_rate_can_be_set():
    values = []
    for side in (QUERN, MLX):
        optimizer = side.optim.SGD(0.1)
        optimizer.learning_rate = 0.25
        both = side.optim.MultiOptimizer(
            [side.optim.SGD(0.1), side.optim.Adam(0.2)], [lambda p, w: True]
        )
        both.learning_rate = 0.5
        values.append([optimizer.learning_rate, both.learning_rate, both.state])
    assert_same(*values)


SCHEDULES = """
optim.exponential_decay(0.1, 0.9)
optim.step_decay(0.1, 0.9, 3)
optim.cosine_decay(0.1, 5)
optim.cosine_decay(0.1, 5, 0.02)
optim.linear_schedule(0.0, 0.1, 4)
optim.linear_schedule(1, 0.1, 4)
optim.join_schedules([optim.linear_schedule(0, 0.1, 3), optim.cosine_decay(0.1, 4)], [3])
""".strip().splitlines()


@pytest.mark.parametrize("expression", SCHEDULES)
def test_schedule(expression):
    for step in range(9):
        values = []
        for side in (QUERN, MLX):
            schedule = side.eval(expression)
            values.append(schedule(side.mx.array(step, side.mx.uint64)))
        assert_same(*values)
    for side in (QUERN, MLX):  # as an optimizer sees it
        optimizer = side.optim.SGD(side.eval(expression))
        rates = []
        for _ in range(4):
            optimizer.update({}, {}) if side is MLX else optimizer.apply_gradients({}, {})
            rates.append(optimizer.learning_rate.item())
        if side is QUERN:
            ours = rates
    np.testing.assert_allclose(ours, rates, rtol=1e-6)


@pytest.mark.parametrize("max_norm", [0.5, 1e4])
def test_clip_grad_norm(max_norm):
    results = []
    for side in (QUERN, MLX):
        tree = parameters(side, "float32")
        results.append(side.optim.clip_grad_norm(tree, max_norm))
    assert_same(*results)


@pytest.mark.parametrize("expression", ["optim.SGD(0.1, 0.9)", "optim.Adam(0.05)"])
def test_a_compiled_step_is_the_same(expression):
    from functools import partial

    results = []
    for side in (QUERN, MLX):
        side.mx.random.seed(3)
        model = side.nn.Linear(3, 2)
        optimizer = side.eval(expression)
        optimizer.init(model.trainable_parameters())
        state = [model.state, optimizer.state]
        loss_and_grad = side.nn.value_and_grad(
            model, lambda x, model=model: model(x).square().mean()
        )

        @partial(side.mx.compile, inputs=state, outputs=state)
        def step(x, model=model, optimizer=optimizer, loss_and_grad=loss_and_grad):
            loss, gradients = loss_and_grad(x)
            optimizer.update(model, gradients)
            return loss

        losses = [step(side.array(np.ones((4, 3)) * i)) for i in range(1, 5)]
        results.append((losses, dict(model.parameters()), optimizer.state))
    assert_same(*results)
