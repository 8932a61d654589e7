"""All layers, by name."""

from quern.nn.layers.activations import *
from quern.nn.layers.base import Module
from quern.nn.layers.containers import Sequential
from quern.nn.layers.convolution import Conv1d, Conv2d, Conv3d
from quern.nn.layers.convolution_transpose import (
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from quern.nn.layers.distributed import (
    AllToShardedLinear,
    FullyShardedModule,
    QuantizedAllToShardedLinear,
    QuantizedShardedToAllLinear,
    ShardedToAllLinear,
    fully_shard,
)
from quern.nn.layers.dropout import Dropout, Dropout2d, Dropout3d
from quern.nn.layers.embedding import Embedding
from quern.nn.layers.linear import Bilinear, Identity, Linear
from quern.nn.layers.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)
from quern.nn.layers.pooling import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from quern.nn.layers.positional_encoding import (
    ALiBi,
    RoPE,
    SinusoidalPositionalEncoding,
)
from quern.nn.layers.quantized import (
    QQLinear,
    QuantizedEmbedding,
    QuantizedLinear,
    quantize,
)
from quern.nn.layers.recurrent import GRU, LSTM, RNN
from quern.nn.layers.transformer import (
    MultiHeadAttention,
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from quern.nn.layers.upsample import Upsample
