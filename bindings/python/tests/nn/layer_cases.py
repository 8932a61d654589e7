"""Layers to compare with MLX: expression, input shapes, and options.

An input is a shape of normally distributed floats, or an expression that gives an array.
"""

from __future__ import annotations

ACTIVATIONS = [
    ("nn.CELU()", "nn.CELU(0.5)"),
    ("nn.ELU()", "nn.ELU(2.0)"),
    ("nn.GELU()", "nn.GELU('tanh')", "nn.GELU('precise')", "nn.GELU('fast')"),
    ("nn.GLU()", "nn.GLU(1)"),
    ("nn.HardShrink()", "nn.HardShrink(0.1)"),
    ("nn.HardTanh()", "nn.Hardswish()"),
    ("nn.LeakyReLU()", "nn.LeakyReLU(0.3)"),
    ("nn.LogSigmoid()", "nn.LogSoftmax()"),
    ("nn.Mish()", "nn.PReLU()", "nn.PReLU(4, 0.1)"),
    ("nn.ReLU()", "nn.ReLU2()", "nn.ReLU6()", "nn.SELU()", "nn.SiLU()", "nn.Sigmoid()"),
    ("nn.Softmax()", "nn.Softmin()", "nn.Softplus()", "nn.Softshrink()"),
    ("nn.Softshrink(0.2)", "nn.Softsign()", "nn.Step()", "nn.Step(0.3)", "nn.Tanh()"),
]

FUNCTIONS = """
nn.celu(x)
nn.celu(x, alpha=0.5)
nn.elu(x)
nn.elu(x, 0.5)
nn.gelu(x)
nn.gelu_approx(x)
nn.gelu_fast_approx(x)
nn.glu(x)
nn.glu(x, axis=1)
nn.hard_shrink(x)
nn.hard_shrink(x, 0.2)
nn.hard_tanh(x)
nn.hard_tanh(x, -0.2, 0.5)
nn.hardswish(x)
nn.leaky_relu(x)
nn.leaky_relu(x, 0.2)
nn.log_sigmoid(x)
nn.log_softmax(x)
nn.log_softmax(x, axis=0)
nn.mish(x)
nn.prelu(x, mx.array([0.1, 0.2, 0.3, 0.4]))
nn.relu(x)
nn.relu2(x)
nn.relu6(x)
nn.selu(x)
nn.sigmoid(x)
nn.silu(x)
nn.softmax(x)
nn.softmax(x, axis=0)
nn.softmin(x)
nn.softmin(x, axis=1)
nn.softplus(x)
nn.softshrink(x)
nn.softshrink(x, 0.1)
nn.softsign(x)
nn.step(x)
nn.step(x, 0.2)
nn.tanh(x)
""".strip().splitlines()

LAYERS = [
    ("nn.Identity(3, a=2)", [(2, 3)]),
    ("nn.Linear(4, 3)", [(2, 4)]),
    ("nn.Linear(4, 3)", [(4,)]),
    ("nn.Linear(4, 3, bias=False)", [(2, 5, 4)]),
    ("nn.Bilinear(3, 4, 5)", [(2, 3), (2, 4)]),
    ("nn.Bilinear(3, 4, 5, False)", [(6, 2, 3), (6, 2, 4)]),
    ("nn.Bilinear(3, 4, 5)", [(3,), (4,)]),
    ("nn.Embedding(5, 4)", ["mx.array([[1, 2], [3, 0]])"]),
    ("nn.Embedding(5, 4)", ["mx.array(1)"]),
    ("nn.Sequential(nn.Linear(4, 3), nn.ReLU(), lambda x: x * 2)", [(2, 4)]),
    ("nn.Conv1d(4, 6, 3)", [(2, 8, 4)]),
    (
        "nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False)",
        [(2, 9, 4)],
    ),
    ("nn.Conv2d(4, 6, 3)", [(2, 6, 7, 4)]),
    ("nn.Conv2d(4, 6, (3, 2), (1, 2), (0, 1), (2, 1), 2, False)", [(2, 7, 6, 4)]),
    ("nn.Conv2d(3, 4, 5, padding=2)", [(1, 5, 5, 3)]),
    ("nn.Conv3d(2, 3, 2)", [(1, 4, 3, 5, 2)]),
    ("nn.Conv3d(2, 3, (1, 2, 3), 2, 1, 1, False)", [(1, 4, 3, 5, 2)]),
    ("nn.ConvTranspose1d(4, 6, 3)", [(2, 5, 4)]),
    ("nn.ConvTranspose1d(4, 6, 3, 2, 1, 2, 1)", [(2, 5, 4)]),
    ("nn.ConvTranspose2d(4, 3, (2, 3), 2, 1, 1, (1, 0))", [(1, 4, 3, 4)]),
    ("nn.ConvTranspose3d(2, 3, 2, 2, 1, 1, 1, False)", [(1, 3, 2, 3, 2)]),
    ("nn.BatchNorm(3)", [(4, 3)]),
    ("nn.BatchNorm(3, 1e-3, 0.3)", [(2, 5, 3)]),
    ("nn.BatchNorm(3, affine=False)", [(2, 4, 3, 3)]),
    ("nn.BatchNorm(3, track_running_stats=False)", [(4, 3)]),
    ("nn.BatchNorm(3).eval()", [(4, 3)]),
    ("nn.BatchNorm(3, track_running_stats=False).eval()", [(4, 3)]),
    ("nn.GroupNorm(2, 4)", [(2, 3, 4)]),
    ("nn.GroupNorm(2, 4, affine=False)", [(2, 3, 5, 4)]),
    ("nn.GroupNorm(2, 4, pytorch_compatible=True)", [(2, 3, 5, 4)]),
    ("nn.GroupNorm(1, 4, 1e-3)", [(2, 4)]),
    ("nn.InstanceNorm(3)", [(2, 5, 3)]),
    ("nn.InstanceNorm(3, affine=True)", [(2, 4, 5, 3)]),
    ("nn.LayerNorm(4)", [(2, 3, 4)]),
    ("nn.LayerNorm(4, bias=False)", [(4,)]),
    ("nn.LayerNorm(4, 1e-3, affine=False)", [(2, 4)]),
    ("nn.RMSNorm(4)", [(2, 3, 4)]),
    ("nn.Dropout(0.3).eval()", [(2, 3)]),
    ("nn.Dropout(0)", [(2, 3)]),
    ("nn.Dropout2d(0.3).eval()", [(2, 3, 3, 2)]),
    ("nn.Dropout3d(0.3).eval()", [(2, 3, 3, 2)]),
    ("nn.MaxPool1d(2)", [(2, 5, 3)]),
    ("nn.MaxPool1d((3,), (1,), (1,))", [(2, 5, 3)]),
    ("nn.AvgPool1d(2, 1, 1)", [(2, 5, 3)]),
    ("nn.MaxPool2d(2)", [(2, 4, 6, 3)]),
    ("nn.MaxPool2d((2, 3), (1, 2), (1, 0))", [(2, 4, 6, 3)]),
    ("nn.MaxPool2d(2, padding=2)", [(1, 2, 2, 1)]),
    ("nn.AvgPool2d(2)", [(2, 5, 4, 3)]),
    ("nn.AvgPool2d(3, 1, 2)", [(1, 2, 2, 1)]),
    ("nn.MaxPool3d(2)", [(1, 4, 2, 5, 2)]),
    ("nn.AvgPool3d((1, 2, 3), (1, 2, 1), 1)", [(1, 4, 2, 5, 2)]),
    ("nn.MaxPool2d(7)", [(1, 4, 4, 1)]),
    ("nn.MaxPool1d(2)", ["mx.arange(12).reshape(1, 6, 2)"]),
    ("nn.AvgPool1d(2, padding=1)", ["mx.arange(12).reshape(1, 6, 2)"]),
    ("nn.RoPE(4)", [(2, 3, 4)]),
    ("nn.RoPE(4, True, 100.0, 0.5)", [(2, 2, 3, 6)]),
    ("nn.SinusoidalPositionalEncoding(8)", [(2, 3)]),
    (
        "nn.SinusoidalPositionalEncoding(8, 0.01, 2, 1.5, True, True)",
        ["mx.arange(5)"],
    ),
    ("nn.ALiBi()", [(2, 4, 3, 5)]),
    ("nn.RNN(3, 4)", [(2, 5, 3)]),
    ("nn.RNN(3, 4, False, nn.relu)", [(5, 3)]),
    ("nn.RNN(3, 4)", [(2, 5, 3), (2, 4)]),
    ("nn.GRU(3, 4)", [(2, 5, 3)]),
    ("nn.GRU(3, 4, False)", [(5, 3)]),
    ("nn.GRU(3, 4)", [(2, 5, 3), (2, 4)]),
    ("nn.GRU(3, 4, False)", [(5, 3), (4,)]),
    ("nn.LSTM(3, 4)", [(2, 5, 3)]),
    ("nn.LSTM(3, 4, False)", [(5, 3)]),
    ("nn.LSTM(3, 4)", [(2, 5, 3), (2, 4), (2, 4)]),
    ("nn.LSTM(3, 4)", [(2, 5, 3), (2, 4)]),
    ("nn.MultiHeadAttention(8, 2)", [(2, 3, 8), (2, 5, 8), (2, 5, 8)]),
    (
        "nn.MultiHeadAttention(8, 2, 3, 4, 5, 6, 7, True)",
        [(2, 3, 3), (2, 5, 4), (2, 5, 5)],
    ),
    (
        "nn.MultiHeadAttention(8, 2)",
        [
            (2, 3, 8),
            (2, 3, 8),
            (2, 3, 8),
            "nn.MultiHeadAttention.create_additive_causal_mask(3)",
        ],
    ),
    ("nn.TransformerEncoderLayer(8, 2)", [(2, 3, 8), "None"]),
    ("nn.TransformerEncoderLayer(8, 2, 5, norm_first=False)", [(2, 3, 8), "None"]),
    ("nn.TransformerDecoderLayer(8, 2)", [(2, 3, 8), (2, 4, 8), "None", "None"]),
    (
        "nn.TransformerDecoderLayer(8, 2, 9, 0.0, nn.gelu, False)",
        [(2, 3, 8), (2, 4, 8), "None", "None"],
    ),
    ("nn.TransformerEncoder(2, 8, 2)", [(2, 3, 8), "None"]),
    (
        "nn.TransformerDecoder(1, 8, 2, checkpoint=True)",
        [(2, 3, 8), (2, 4, 8), "None", "None"],
    ),
    (
        "nn.Transformer(8, 2, 1, 2, 6)",
        [(2, 3, 8), (2, 4, 8), "None", "None", "None"],
    ),
    ("nn.Upsample(2)", [(1, 3, 4, 2)]),
    ("nn.Upsample((2, 3), 'linear')", [(1, 3, 4, 2)]),
    ("nn.Upsample(2, 'linear', True)", [(1, 3, 4, 2)]),
    ("nn.Upsample(2, 'cubic')", [(1, 3, 4, 2)]),
    ("nn.Upsample(1.7, 'cubic', True)", [(1, 5, 2)]),
    ("nn.Upsample(1.7, 'linear')", [(1, 5, 2)]),
    ("nn.Upsample(1.5)", [(1, 5, 4, 2)]),
    ("nn.Upsample(0.6)", [(1, 7, 2)]),
    ("nn.Upsample(0.5, 'linear', antialias=True)", [(1, 6, 5, 2)]),
    ("nn.Upsample(0.4, 'cubic', antialias=True)", [(1, 7, 2)]),
    ("nn.Upsample(2, 'nearest')", ["mx.array([[[1], [2]]])"]),
    ("nn.Upsample(2, 'linear')", ["mx.array([[[1], [2]]])"]),
    ("nn.AllToShardedLinear(4, 3)", [(2, 4)]),
    ("nn.ShardedToAllLinear(4, 3, False)", [(2, 4)]),
    ("nn.FullyShardedModule(nn.Linear(4, 3))", [(2, 4)]),
    ("nn.fully_shard(nn.Linear(4, 3))", [(2, 4)]),
]

QUANTIZED = [
    ("nn.QuantizedLinear(64, 32)", [(2, 64)]),
    ("nn.QuantizedLinear(64, 32, False, 32, 8)", [(2, 64)]),
    ("nn.QuantizedLinear(64, 32, mode='mxfp4')", [(2, 64)]),
    ("nn.QuantizedEmbedding(5, 64)", ["mx.array([[1, 2], [3, 0]])"]),
    ("nn.QuantizedAllToShardedLinear(64, 32)", [(2, 64)]),
    ("nn.QuantizedShardedToAllLinear(64, 32)", [(2, 64)]),
]

# Calls that must raise what MLX raises.
ERRORS = """
nn.Linear()
nn.Linear(4, 3, True, 3)
nn.Linear(4, 3)(mx.ones((2, 5)))
nn.Linear(0, 3)
nn.Bilinear(3, 4, 5)(mx.ones((7, 2, 4)), mx.ones((7, 2, 4)))
nn.Embedding(5, 4)(mx.array([1.0]))
nn.Conv1d(4, 6, 3, groups=3)
nn.Conv2d(4, 6, 3, groups=3)
nn.Conv2d(4, 6, 3)(mx.ones((1, 8, 8, 5)))
nn.Conv2d(4, 6, 3)(mx.ones((8, 8, 4)))
nn.Conv2d(4, 5, 3, groups=2)(mx.ones((1, 8, 8, 4)))
nn.Dropout(1.0)
nn.Dropout(-1)
nn.Dropout2d(1)
nn.Dropout3d(1)
nn.Dropout2d()(mx.ones((3,)))
nn.Dropout2d().eval()(mx.ones((2, 2, 2, 2, 3)))
nn.Dropout3d()(mx.ones((3, 3, 4)))
nn.BatchNorm(3)(mx.ones((3,)))
nn.BatchNorm(3)(mx.ones((2, 3, 3, 3, 3)))
nn.BatchNorm(3)(mx.ones((2, 4)))
nn.BatchNorm(3)(mx.ones((1, 3)))
nn.GroupNorm(2, 3)
nn.GroupNorm(3, 3)(mx.ones((3,)))
nn.GroupNorm(3, 3)(mx.ones((2, 5, 4)))
nn.InstanceNorm(3)(mx.ones((2, 3)))
nn.LayerNorm(3)(mx.ones((2, 5, 4)))
nn.RMSNorm(3)(mx.ones((2, 5, 4)))
nn.MaxPool2d((1, 2, 3))
nn.MaxPool2d("a")
nn.MaxPool2d(2.0)
nn.MaxPool1d((1, 2))
nn.MaxPool2d(0)
nn.MaxPool2d(2, 0)
nn.MaxPool2d(2, padding=-1)
nn.AvgPool2d(2, padding=None)
nn.MaxPool1d(2)(mx.ones((5, 1)))
nn.MaxPool2d(2)(mx.ones((5, 5, 1)))
nn.MultiHeadAttention(8, 3)
nn.RNN(3, 4, nonlinearity=3)
nn.Upsample(2, "zz")
nn.Upsample("a")
nn.Upsample(2, "nearest", antialias=True)
nn.Upsample(2, "linear", True, True)
nn.Upsample((2, 3))(mx.ones((1, 3, 1)))
nn.Upsample(2)(mx.ones((3, 1)))
nn.GELU("zz")
nn.QuantizedLinear(64, 32, mode="zz")
nn.Linear(64, 32).to_quantized(quantize_input=True)
nn.Linear(64, 32).to_quantized(mode="nvfp4", quantize_input=True)
nn.Embedding(3, 64).to_quantized(quantize_input=True)
nn.QQLinear.from_linear(nn.Linear(64, 32))
nn.quantize(nn.Sequential(nn.Linear(64, 32)), class_predicate=lambda p, m: 3)
nn.quantize(nn.Sequential(nn.ReLU()), class_predicate=lambda p, m: True)
""".strip().splitlines()
