"""Gradients through layers: against finite differences, and against MLX for all parameters."""

import numpy as np
import pytest
from layer_cases import LAYERS
from peer import MLX, QUERN, assert_same, numpy_of, twins

# Chosen for their own arithmetic; smooth at the points that are drawn.
SMOOTH = [
    ("nn.Linear(4, 3)", (2, 4)),
    ("nn.Bilinear(4, 4, 2)", (2, 4)),
    ("nn.Conv1d(4, 4, 3, padding=1, groups=2)", (2, 5, 4)),
    ("nn.Conv2d(2, 3, 2, stride=2)", (1, 4, 5, 2)),
    ("nn.ConvTranspose2d(2, 3, 2, 2)", (1, 2, 3, 2)),
    ("nn.ConvTranspose1d(4, 4, 3, groups=2)", (1, 4, 4)),
    ("nn.BatchNorm(3)", (5, 3)),
    ("nn.GroupNorm(2, 4)", (2, 3, 4)),
    ("nn.GroupNorm(2, 4, pytorch_compatible=True)", (2, 3, 4)),
    ("nn.InstanceNorm(3, affine=True)", (2, 4, 3)),
    ("nn.LayerNorm(4)", (3, 4)),
    ("nn.RMSNorm(4)", (3, 4)),
    ("nn.AvgPool2d(2)", (1, 4, 4, 2)),
    ("nn.RNN(3, 4)", (4, 3)),
    ("nn.GRU(3, 4)", (2, 3, 3)),
    ("nn.LSTM(3, 4)", (2, 3, 3)),
    ("nn.MultiHeadAttention(4, 2)", (1, 3, 4)),
    ("nn.Upsample(1.7, 'cubic')", (1, 4, 2)),
    ("nn.RoPE(4)", (1, 3, 4)),
    ("nn.GELU()", (3, 4)),
    ("nn.Mish()", (3, 4)),
    ("nn.CELU(0.5)", (3, 4)),
]


def total(side, layer, inputs):
    """A scalar in which every output has a weight of its own."""
    y = layer(*inputs)
    y = y[0] if isinstance(y, tuple) else y
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    return (y * side.array(weights)).sum()


def copies_of(expression):
    if "Attention" in expression:
        return 3
    return 2 if "Bilinear" in expression else 1


@pytest.mark.parametrize("expression, shape", SMOOTH)
def test_finite_differences(expression, shape):
    mx = QUERN.mx
    mx.random.seed(4)
    if "groups" in expression and "Transpose" in expression:
        layer = QUERN.nn.ConvTranspose1d(4, 4, 3, groups=2)
    else:
        layer = QUERN.eval(expression)
    x = np.random.default_rng(2).standard_normal(shape).astype("float32")
    direction = np.random.default_rng(3).standard_normal(shape).astype("float32")
    copies = copies_of(expression)

    def loss(x):
        return total(QUERN, layer, [x] * copies)

    slope = float((numpy_of(mx.grad(loss)(mx.array(x))) * direction).sum())
    h = 1e-2  # with central differences the best for 24 bits
    above, below = (loss(mx.array(x + s * h * direction)).item() for s in (1, -1))
    numeric = (above - below) / (2 * h)
    assert slope == pytest.approx(numeric, rel=2e-2, abs=2e-2)


def differentiable():
    for expression, inputs in LAYERS:
        floats = not any(isinstance(one, str) for one in inputs)
        if floats and "eval" not in expression:
            yield expression, inputs


@pytest.mark.parametrize(
    "expression, inputs",
    list(differentiable()),
    ids=[f"{i}-{e}" for i, (e, _) in enumerate(differentiable())],
)
def test_gradients_of_input_and_parameters(expression, inputs):
    pair = twins(expression)
    random = np.random.default_rng(5)
    values = [random.standard_normal(shape).astype("float32") for shape in inputs]
    results = []
    for side, layer in zip((QUERN, MLX), pair):
        arrays = [side.array(value) for value in values]

        def loss(x, side=side, layer=layer, arrays=arrays):
            return total(side, layer, [x, *arrays[1:]])

        by_input = side.mx.grad(loss)(arrays[0])
        by_parameters = {}
        if side.utils.tree_flatten(layer.trainable_parameters()):
            _, by_parameters = side.nn.value_and_grad(layer, loss)(arrays[0])
        results.append((by_input, by_parameters))
    assert_same(*results, tolerance=1e-4)


def test_value_and_grad_of_a_tuple_and_keywords():
    results = []
    for side in (QUERN, MLX):
        side.mx.random.seed(6)
        layer = side.nn.Linear(2, 1)

        def loss(model, x, *, scale):
            return model(x).sum() * scale, 3, x

        fn = side.nn.value_and_grad(layer, loss)
        results.append(fn(layer, side.mx.ones((1, 2)), scale=2.0))
        assert fn.__name__ == "loss"
    assert_same(*results)


def test_value_and_grad_leaves_the_model_as_it_was():
    layer = QUERN.nn.Linear(2, 1)
    weight = layer.weight.tolist()

    def fails(x):
        raise KeyError("x")

    with pytest.raises(KeyError):
        QUERN.nn.value_and_grad(layer, fails)(QUERN.mx.ones((1, 2)))
    assert layer.weight.tolist() == weight
    QUERN.nn.value_and_grad(layer, lambda x: layer(x).sum())(QUERN.mx.ones((1, 2)))
    assert layer.weight.tolist() == weight
    assert layer(QUERN.mx.ones((1, 2))).shape == (1, 1)


@pytest.mark.parametrize("text", ["frozen", "no scalar"])
def test_value_and_grad_errors(text):
    for side in (QUERN, MLX):
        layer = side.nn.Linear(2, 1)
        if text == "frozen":
            layer.freeze()
        fn = side.nn.value_and_grad(
            layer, lambda x, layer=layer: layer(x).sum() if text == "frozen" else layer(x)
        )
        with pytest.raises(ValueError):
            fn(side.mx.ones((3, 2)))


def test_checkpoint_changes_no_number():
    results = []
    for checkpointed in (False, True):
        QUERN.mx.random.seed(7)
        model = QUERN.nn.Sequential(QUERN.nn.Linear(3, 4), QUERN.nn.GELU())
        call = QUERN.nn.utils.checkpoint(model) if checkpointed else model
        fn = QUERN.nn.value_and_grad(model, lambda x, call=call: call(x).square().sum())
        results.append(fn(QUERN.array(np.ones((2, 3)))))
    theirs = QUERN.utils.tree_map(lambda a: MLX.array(numpy_of(a)), results[0])
    assert_same(results[1], theirs)


def test_one_process_averages_to_itself():
    for side in (QUERN, MLX):
        tree = {"a": side.mx.ones(2)}
        assert side.nn.average_gradients(tree)["a"].tolist() == [1, 1]
