"""Every loss against MLX: values, gradients, reductions, errors."""

import numpy as np
import pytest
from peer import MLX, QUERN, assert_same

A, B, C = (
    np.random.default_rng(i).standard_normal((4, 5)).astype("float32") for i in range(3)
)
SIGNS = np.sign(A)
LABELS = np.array([0, 3, 4, 1])
MANY_LABELS = np.array([[0, 3, 1, 4, 2], [1, 1, 3, 0, 2]])
CUBE = np.random.default_rng(3).standard_normal((2, 6, 5)).astype("float32")
PROBABILITIES = np.exp(B) / np.exp(B).sum(-1, keepdims=True)
BINARY = (B > 0).astype("float32")
POSITIVE = np.abs(C) + 0.1
WEIGHTS = np.array([0.5, 1.0, 2.0, 0.0], dtype="float32")

NAMES = {
    "a": A,
    "b": B,
    "c": C,
    "signs": SIGNS,
    "labels": LABELS,
    "many": MANY_LABELS,
    "cube": CUBE,
    "probabilities": PROBABILITIES,
    "binary": BINARY,
    "positive": POSITIVE,
    "w": WEIGHTS,
    "p": PROBABILITIES,
}

LOSSES = """
nn.losses.cross_entropy(a, labels)
nn.losses.cross_entropy(a, labels, label_smoothing=0.2)
nn.losses.cross_entropy(a, labels, w, label_smoothing=0.1)
nn.losses.cross_entropy(a, probabilities)
nn.losses.cross_entropy(a, probabilities, w, label_smoothing=0.3)
nn.losses.cross_entropy(cube, many, axis=1)
nn.losses.cross_entropy(cube, many, axis=-2, label_smoothing=0.2)
nn.losses.binary_cross_entropy(a, binary)
nn.losses.binary_cross_entropy(a, binary, positive)
nn.losses.binary_cross_entropy(p, binary, with_logits=False)
nn.losses.binary_cross_entropy(mx.array([0.0, 1.0]), mx.array([1.0, 0.0]), with_logits=False)
nn.losses.l1_loss(a, b)
nn.losses.mse_loss(a, b)
nn.losses.nll_loss(a, labels)
nn.losses.nll_loss(cube, many, axis=1)
nn.losses.gaussian_nll_loss(a, b, positive)
nn.losses.gaussian_nll_loss(a, b, positive, full=True, eps=0.5)
nn.losses.kl_div_loss(a, b)
nn.losses.kl_div_loss(a, b, axis=0)
nn.losses.smooth_l1_loss(a, b)
nn.losses.smooth_l1_loss(a, b, beta=0.3)
nn.losses.triplet_loss(a, b, c)
nn.losses.triplet_loss(a, b, c, axis=0, p=3, margin=0.2, eps=1e-3)
nn.losses.hinge_loss(a, signs)
nn.losses.huber_loss(a, b)
nn.losses.huber_loss(a, b, delta=0.4)
nn.losses.log_cosh_loss(a, b)
nn.losses.cosine_similarity_loss(a, b)
nn.losses.cosine_similarity_loss(a, b, axis=0, eps=1e-3)
nn.losses.margin_ranking_loss(a, b, signs)
nn.losses.margin_ranking_loss(a, b, signs, margin=0.4)
""".strip().splitlines()

ERRORS = """
nn.losses.cross_entropy(a, labels, label_smoothing=1.0)
nn.losses.cross_entropy(a, labels, label_smoothing=-0.1)
nn.losses.cross_entropy(a, mx.array([0, 1]))
nn.losses.cross_entropy(a, mx.ones((4, 4)))
nn.losses.cross_entropy(a, labels, mx.ones((3,)))
nn.losses.binary_cross_entropy(a, mx.ones((4, 4)))
nn.losses.binary_cross_entropy(a, binary, mx.ones((3,)))
nn.losses.l1_loss(a, mx.ones((4, 4)))
nn.losses.mse_loss(a, mx.ones((4, 4)))
nn.losses.gaussian_nll_loss(a, mx.ones((4, 4)), positive)
nn.losses.gaussian_nll_loss(a, b, mx.ones((4, 4)))
nn.losses.smooth_l1_loss(a, mx.ones((4, 4)))
nn.losses.margin_ranking_loss(a, b, mx.ones((4, 4)))
nn.losses.mse_loss(a, b, reduction="average")
nn.losses.cross_entropy(a, labels, reduction=None)
""".strip().splitlines()


def arrays(side):
    return {name: side.array(value) for name, value in NAMES.items()}


@pytest.mark.parametrize("reduction", [None, "none", "mean", "sum"])
@pytest.mark.parametrize("expression", LOSSES)
def test_value(expression, reduction):
    if reduction is not None:
        expression = expression[:-1] + f", reduction={reduction!r})"
    results = [side.eval(expression, **arrays(side)) for side in (QUERN, MLX)]
    assert_same(*results, tolerance=2e-5)


@pytest.mark.parametrize("expression", LOSSES)
def test_gradient(expression):
    argument = expression.split("(", 1)[1].split(",")[0]
    if argument not in NAMES:
        return
    text = expression[:-1] + ", reduction='sum')"
    results = []
    for side in (QUERN, MLX):
        names = arrays(side)

        def loss(x, side=side, names=names):
            return side.eval(text, **{**names, argument: x})

        results.append(side.mx.grad(loss)(names[argument]))
    assert_same(*results, tolerance=2e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "expression",
    ["nn.losses.cross_entropy(a, labels)", "nn.losses.mse_loss(a, b)"],
)
def test_half_precision(expression, dtype):
    results = []
    for side in (QUERN, MLX):
        names = arrays(side)
        names.update({k: side.array(NAMES[k], dtype) for k in ("a", "b")})
        results.append(side.eval(expression, **names))
    assert_same(*results, tolerance=4e-2 if dtype == "bfloat16" else 6e-3)


@pytest.mark.parametrize("expression", ERRORS)
def test_error(expression):
    sides = {id(side): arrays(side) for side in (QUERN, MLX)}
    outcomes = []
    for side in (QUERN, MLX):
        with pytest.raises(Exception) as caught:
            side.eval(expression, **sides[id(side)])
        outcomes.append(caught.type)
        assert str(caught.value)
    assert outcomes[0] is outcomes[1]
