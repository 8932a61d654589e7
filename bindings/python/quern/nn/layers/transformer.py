"""Multi-head attention and the encoder-decoder transformer. https://arxiv.org/abs/1706.03762"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from quern import core as mx
from quern.nn.layers.activation_functions import relu
from quern.nn.layers.base import Module
from quern.nn.layers.dropout import Dropout
from quern.nn.layers.linear import Linear
from quern.nn.layers.normalization import LayerNorm
from quern.nn.utils import checkpoint as checkpointed

__all__ = [
    "MultiHeadAttention",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


class MultiHeadAttention(Module):
    """Scaled dot product attention with several heads.

    Calling it takes queries (N, Lq, query_input_dims), keys (N, Lk, key_input_dims), values
    (N, Lk, value_input_dims) and returns (N, Lq, value_output_dims). `mask`, added to the scores,
    broadcasts with (N, heads, Lq, Lk); -inf or a very negative number forbids a pair.

    All widths default to `dims`, value_input_dims to key_input_dims; `bias` of the projections
    defaults to False. Children: `query_proj`, `key_proj`, `value_proj`, `out_proj`.

    Raises ValueError if dims is not divisible by num_heads.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        query_input_dims: int | None = None,
        key_input_dims: int | None = None,
        value_input_dims: int | None = None,
        value_dims: int | None = None,
        value_output_dims: int | None = None,
        bias: bool = False,
    ):
        super().__init__()
        if dims % num_heads != 0:
            raise ValueError(
                "The input feature dimensions should be divisible by the number of heads "
                f"({dims} % {num_heads}) != 0"
            )
        query_input_dims = query_input_dims or dims
        key_input_dims = key_input_dims or dims
        value_input_dims = value_input_dims or key_input_dims
        value_dims = value_dims or dims
        value_output_dims = value_output_dims or dims
        self.num_heads = num_heads
        self.query_proj = Linear(query_input_dims, dims, bias=bias)
        self.key_proj = Linear(key_input_dims, dims, bias=bias)
        self.value_proj = Linear(value_input_dims, value_dims, bias=bias)
        self.out_proj = Linear(value_dims, value_output_dims, bias=bias)

    def __call__(self, queries, keys, values, mask=None):
        def heads(x):
            return mx.unflatten(x, -1, (self.num_heads, -1)).transpose(0, 2, 1, 3)

        queries = heads(self.query_proj(queries))
        keys = heads(self.key_proj(keys))
        values = heads(self.value_proj(values))
        scale = math.sqrt(1 / queries.shape[-1])
        y = mx.fast.scaled_dot_product_attention(
            queries, keys, values, scale=scale, mask=mask
        )
        return self.out_proj(y.transpose(0, 2, 1, 3).flatten(-2, -1))

    @staticmethod
    def create_additive_causal_mask(N: int, dtype: mx.Dtype = mx.float32):
        """A mask (N, N): 0 up to a query's own position, the most negative finite number after."""
        positions = mx.arange(N)
        later = positions[:, None] < positions[None]
        return later.astype(dtype) * mx.finfo(dtype).min


class TransformerEncoderLayer(Module):
    """Self attention and a two-layer perceptron, each with a residual connection.

    Calling it takes x (N, L, dims) and a mask (see `MultiHeadAttention`) or None.

    Defaults: mlp_dims 4 * dims, dropout 0, activation relu, norm_first True (normalise what
    goes into each part rather than each sum).
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ):
        super().__init__()
        mlp_dims = mlp_dims or dims * 4
        self.attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self.linear1 = Linear(dims, mlp_dims)
        self.linear2 = Linear(mlp_dims, dims)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def _mlp(self, x):
        return self.linear2(self.dropout2(self.activation(self.linear1(x))))

    def __call__(self, x, mask):
        if self.norm_first:
            y = self.ln1(x)
            x = x + self.dropout1(self.attention(y, y, y, mask))
            return x + self._mlp(self.ln2(x))
        x = self.ln1(x + self.dropout1(self.attention(x, x, x, mask)))
        return self.ln2(x + self._mlp(x))


class TransformerEncoder(Module):
    """`num_layers` encoder layers (in the list `layers`) and a final normalisation `ln`.

    Calling it takes x (N, L, dims) and a mask or None. With `checkpoint` the layers'
    intermediate values are computed again in the backward pass instead of kept. Other arguments
    as in `TransformerEncoderLayer`.
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation=relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ):
        super().__init__()
        self.layers = [
            TransformerEncoderLayer(
                dims, num_heads, mlp_dims, dropout, activation, norm_first
            )
            for _ in range(num_layers)
        ]
        self.ln = LayerNorm(dims)
        self.checkpoint = checkpoint

    def __call__(self, x, mask):
        for layer in self.layers:
            x = (checkpointed(layer) if self.checkpoint else layer)(x, mask)
        return self.ln(x)


class TransformerDecoderLayer(Module):
    """Self attention, attention to the encoder's output, and a perceptron.

    Calling it takes x (N, L, dims), memory (N, M, dims), and a mask or None for each of the two
    attentions. Defaults as in `TransformerEncoderLayer`.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ):
        super().__init__()
        mlp_dims = mlp_dims or dims * 4
        self.self_attention = MultiHeadAttention(dims, num_heads)
        self.cross_attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self.ln3 = LayerNorm(dims)
        self.linear1 = Linear(dims, mlp_dims)
        self.linear2 = Linear(mlp_dims, dims)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def _mlp(self, x):
        return self.linear2(self.dropout3(self.activation(self.linear1(x))))

    def _attend(self, x, memory, memory_mask):
        return self.dropout2(self.cross_attention(x, memory, memory, memory_mask))

    def __call__(self, x, memory, x_mask, memory_mask):
        if self.norm_first:
            y = self.ln1(x)
            x = x + self.dropout1(self.self_attention(y, y, y, x_mask))
            x = x + self._attend(self.ln2(x), memory, memory_mask)
            return x + self._mlp(self.ln3(x))
        x = self.ln1(x + self.dropout1(self.self_attention(x, x, x, x_mask)))
        x = self.ln2(x + self._attend(x, memory, memory_mask))
        return self.ln3(x + self._mlp(x))


class TransformerDecoder(Module):
    """`num_layers` decoder layers (in the list `layers`) and a final normalisation `ln`.

    Arguments as in `TransformerEncoder`, calls as in `TransformerDecoderLayer`.
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation=relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ):
        super().__init__()
        self.layers = [
            TransformerDecoderLayer(
                dims, num_heads, mlp_dims, dropout, activation, norm_first
            )
            for _ in range(num_layers)
        ]
        self.ln = LayerNorm(dims)
        self.checkpoint = checkpoint

    def __call__(self, x, memory, x_mask, memory_mask):
        for layer in self.layers:
            call = checkpointed(layer) if self.checkpoint else layer
            x = call(x, memory, x_mask, memory_mask)
        return self.ln(x)


class Transformer(Module):
    """An encoder and a decoder (children `encoder`, `decoder`).

    Calling it takes src (N, S, dims), tgt (N, T, dims) and a mask or None for the encoder, for
    the decoder's self attention and for its attention to the encoder's output; it returns
    (N, T, dims).

    Defaults: dims 512, num_heads 8, 6 layers each, mlp_dims 4 * dims, dropout 0, activation relu,
    norm_first True, checkpoint False. `custom_encoder` and `custom_decoder` replace the two.
    """

    def __init__(
        self,
        dims: int = 512,
        num_heads: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        norm_first: bool = True,
        checkpoint: bool = False,
    ):
        super().__init__()
        shared = (
            dims,
            num_heads,
            mlp_dims,
            dropout,
            activation,
            norm_first,
            checkpoint,
        )
        self.encoder = (
            TransformerEncoder(num_encoder_layers, *shared)
            if custom_encoder is None
            else custom_encoder
        )
        self.decoder = (
            TransformerDecoder(num_decoder_layers, *shared)
            if custom_decoder is None
            else custom_decoder
        )

    def __call__(self, src, tgt, src_mask, tgt_mask, memory_mask):
        memory = self.encoder(src, src_mask)
        return self.decoder(tgt, memory, tgt_mask, memory_mask)
