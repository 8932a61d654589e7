"""Every layer and activation against MLX: values, shapes, dtypes, parameters, repr, errors."""

import numpy as np
import pytest
from layer_cases import ACTIVATIONS, ERRORS, FUNCTIONS, LAYERS, QUANTIZED
from peer import (
    MLX,
    QUERN,
    assert_same,
    assert_same_error,
    dtype_name,
    numpy_of,
    twins,
)


def inputs_for(side, inputs, seed=0, dtype=None):
    random = np.random.default_rng(seed)
    return [
        side.eval(one)
        if isinstance(one, str)
        else side.array(random.standard_normal(one).astype("float32"), dtype)
        for one in inputs
    ]


def id_of(case):
    return case[0] if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", LAYERS, ids=id_of)
def test_layer(case):
    expression, inputs = case
    ours, theirs = twins(expression)
    for seed in range(2):  # twice: state such as running statistics moves on
        a = ours(*inputs_for(QUERN, inputs, seed))
        b = theirs(*inputs_for(MLX, inputs, seed))
        assert_same(a, b)
    assert_same(ours.parameters(), theirs.parameters())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "expression, shape",
    [
        ("nn.Linear(4, 3)", (2, 4)),
        ("nn.Conv2d(2, 3, 2)", (1, 4, 4, 2)),
        ("nn.LayerNorm(4)", (2, 4)),
        ("nn.RMSNorm(4)", (2, 4)),
        ("nn.BatchNorm(4)", (3, 4)),
        ("nn.GroupNorm(2, 4)", (2, 3, 4)),
        ("nn.InstanceNorm(4)", (2, 3, 4)),
        ("nn.MaxPool1d(2)", (1, 4, 2)),
        ("nn.AvgPool1d(2)", (1, 4, 2)),
        ("nn.Upsample(2, 'linear')", (1, 3, 2)),
        ("nn.LSTM(4, 3)", (3, 4)),
        ("nn.MultiHeadAttention(4, 2)", (1, 3, 4)),
    ],
)
@pytest.mark.parametrize("weights", ["float32", "same"])
def test_half_precision(expression, shape, dtype, weights):
    ours, theirs = twins(expression)
    if weights == "same":
        ours.set_dtype(getattr(QUERN.mx, dtype))
        theirs.set_dtype(getattr(MLX.mx, dtype))
    copies = 3 if "Attention" in expression else 1
    a = ours(*inputs_for(QUERN, [shape] * copies, dtype=dtype))
    b = theirs(*inputs_for(MLX, [shape] * copies, dtype=dtype))
    # a kernel may round in other places than MLX's; 8 or 11 bits of mantissa
    assert_same(a, b, tolerance=4e-2 if dtype == "bfloat16" else 6e-3)


@pytest.mark.parametrize("expression", [e for row in ACTIVATIONS for e in row])
def test_activation_module(expression):
    ours, theirs = twins(expression)
    (a,), (b,) = inputs_for(QUERN, [(3, 4, 4)]), inputs_for(MLX, [(3, 4, 4)])
    assert_same(ours(a * 3), theirs(b * 3))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
@pytest.mark.parametrize("expression", FUNCTIONS)
def test_activation_function(expression, dtype):
    if dtype == "int32" and "soft" in expression and "axis" in expression:
        pytest.skip("MLX's softmax of integers rounds to integers over inner axes")
    values = (np.random.default_rng(1).standard_normal((3, 4, 4)) * 3).astype("float32")
    results = [
        side.eval(expression, x=side.array(values, dtype)) for side in (QUERN, MLX)
    ]
    assert_same(*results, tolerance=4e-3 if dtype == "float16" else 1e-5)


@pytest.mark.parametrize("expression", ["nn.relu(x)", "nn.gelu(x)", "nn.softplus(x)"])
def test_activation_of_extreme_values(expression):
    values = np.array([-1e4, -88.0, 0.0, 88.0, 1e4, np.inf], dtype="float32")
    results = [side.eval(expression, x=side.array(values)) for side in (QUERN, MLX)]
    assert_same(*results)


@pytest.mark.parametrize(
    "expression",
    sorted({case[0] for case in LAYERS} | {e for row in ACTIVATIONS for e in row}),
)
def test_made_alike(expression):
    """The same seed gives the same parameters; names, order, frozen set and repr agree."""
    modules = []
    for side in (QUERN, MLX):
        side.mx.random.seed(7)
        modules.append(side.eval(expression))
    ours, theirs = modules
    assert_same(ours.parameters(), theirs.parameters())
    assert_same(ours.trainable_parameters(), theirs.trainable_parameters())
    names = [
        [name for name, _ in side.utils.tree_flatten(module.parameters())]
        for side, module in zip((QUERN, MLX), modules)
    ]
    assert names[0] == names[1]
    if "nonlinearity" not in repr(theirs):  # which shows the address of a function
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("expression", ERRORS)
def test_error(expression):
    assert_same_error(expression)


@pytest.mark.parametrize(
    "expression, shape",
    [
        ("nn.Dropout(0.3)", (40, 5)),
        ("nn.Dropout2d(0.3)", (4, 3, 3, 8)),
        ("nn.Dropout2d(0.3)", (3, 3, 8)),
        ("nn.Dropout3d(0.3)", (4, 2, 3, 3, 8)),
        ("nn.Dropout3d(0.3)", (2, 3, 3, 8)),
    ],
)
def test_dropout_drops_what_mlx_drops(expression, shape):
    results = []
    for side in (QUERN, MLX):
        layer = side.eval(expression)
        side.mx.random.seed(3)
        results.append(layer(side.array(np.ones(shape))))
    assert_same(*results)


@pytest.mark.parametrize("case", QUANTIZED, ids=id_of)
def test_quantized_layer(case):
    expression, inputs = case
    MLX.mx.random.seed(11)
    theirs = MLX.eval(expression)
    try:
        QUERN.mx.random.seed(11)
        ours = QUERN.eval(expression)
        ours.load_weights(
            [(k, QUERN.mx.array(numpy_of(v))) for k, v in theirs.parameters().items()]
        )
        a = ours(*inputs_for(QUERN, inputs))
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert_same(a, theirs(*inputs_for(MLX, inputs)), tolerance=1e-4)
    assert repr(ours) == repr(theirs)
    assert_same(ours.trainable_parameters(), theirs.trainable_parameters())


def test_quantize_replaces_leaf_modules():
    text = "nn.Sequential(nn.Linear(64, 64), nn.Embedding(3, 64), nn.ReLU())"
    ours, theirs = QUERN.eval(text), MLX.eval(text)
    MLX.nn.quantize(theirs, 32, 8, class_predicate=lambda path, m: path == "layers.0")
    try:
        QUERN.nn.quantize(
            ours, 32, 8, class_predicate=lambda path, m: path == "layers.0"
        )
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert repr(ours) == repr(theirs)


def test_qq_linear_packs_in_evaluation_mode():
    # calling it is not compared: MLX's CPU backend cannot
    theirs = MLX.nn.QQLinear(64, 32)
    ours = QUERN.nn.QQLinear(64, 32)
    assert repr(ours) == repr(theirs)
    theirs.eval()
    try:
        ours.eval()
    except NotImplementedError as error:
        pytest.skip(str(error))

    def shapes(tree):
        return {k: (tuple(v.shape), dtype_name(v)) for k, v in tree.items()}

    assert shapes(ours.parameters()) == shapes(theirs.parameters())
    assert repr(ours) == repr(theirs)
    ours.train(), theirs.train()
    assert shapes(ours.parameters()) == shapes(theirs.parameters())


def test_embedding_as_linear():
    ours, theirs = twins("nn.Embedding(5, 4)")
    (a,), (b,) = inputs_for(QUERN, [(2, 4)]), inputs_for(MLX, [(2, 4)])
    assert_same(ours.as_linear(a), theirs.as_linear(b))


@pytest.mark.parametrize("offset", [0, 3])
def test_rope_and_alibi_from_an_offset(offset):
    ours, theirs = twins("nn.RoPE(4)")
    (a,), (b,) = inputs_for(QUERN, [(2, 3, 4)]), inputs_for(MLX, [(2, 3, 4)])
    assert_same(ours(a, offset=offset), theirs(b, offset=offset))
    ours, theirs = twins("nn.ALiBi()")
    shape = (1, 2, 3, 3 + offset)
    (a,), (b,) = inputs_for(QUERN, [shape]), inputs_for(MLX, [shape])
    assert_same(ours(a, offset), theirs(b, offset))
    assert_same(ours(a, offset, mask=a), theirs(b, offset, mask=b))


def test_causal_mask_of_every_float():
    for dtype in ("float32", "float16", "bfloat16"):
        masks = [
            side.nn.MultiHeadAttention.create_additive_causal_mask(
                4, getattr(side.mx, dtype)
            )
            for side in (QUERN, MLX)
        ]
        assert_same(*masks)
        assert dtype_name(masks[0]) == dtype
