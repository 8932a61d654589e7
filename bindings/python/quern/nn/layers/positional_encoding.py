"""Positional encodings: rotary, sinusoidal and linear attention biases."""

from __future__ import annotations

import math

from quern import core as mx
from quern.nn.layers.base import Module

__all__ = ["ALiBi", "RoPE", "SinusoidalPositionalEncoding"]


class RoPE(Module):
    """Rotary positional encoding of x (..., sequence, features).

    Rotates pairs of the first `dims` features by angles that grow with the position:
    consecutive features if `traditional`, else those dims / 2 apart; the rest stays.
    Defaults: traditional False, base 10000, scale (of the positions) 1.
    https://arxiv.org/abs/2104.09864
    """

    def __init__(
        self,
        dims: int,
        traditional: bool = False,
        base: float = 10000,
        scale: float = 1.0,
    ):
        super().__init__()
        self.dims = dims
        self.traditional = traditional
        self.base = base
        self.scale = scale

    def _extra_repr(self):
        return f"{self.dims}, traditional={self.traditional}"

    def __call__(self, x, offset: int = 0):
        """x rotated, its first position being `offset`."""
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base,
            scale=self.scale,
            offset=offset,
        )


class SinusoidalPositionalEncoding(Module):
    """Sines and cosines of positions at dims / 2 frequencies: x (...) to (..., dims).

    The frequencies fall geometrically from `max_freq` (default 1) to `min_freq` (default
    0.0001), times 2 pi with `full_turns`. The result is [sin, cos], or [cos, sin] with
    `cos_first`, times `scale` (default sqrt(2 / dims)). https://arxiv.org/abs/1706.03762
    """

    def __init__(
        self,
        dims: int,
        min_freq: float = 0.0001,
        max_freq: float = 1,
        scale: float | None = None,
        cos_first: bool = False,
        full_turns: bool = False,
    ):
        super().__init__()
        half = dims // 2
        falling = 1 - mx.arange(0, half) / (half - 1)
        low, high = math.log(min_freq), math.log(max_freq)
        sigmas = mx.exp(falling * (high - low) + low)
        # the underscore keeps it out of the parameters
        self._sigmas = sigmas * (2 * math.pi) if full_turns else sigmas
        self.scale = scale or (2 / dims) ** 0.5
        self.cos_first = cos_first

    def __call__(self, x):
        angles = x[..., None] * self._sigmas
        parts = [mx.sin(angles), mx.cos(angles)]
        if self.cos_first:
            parts.reverse()
        y = mx.concatenate(parts, axis=-1)
        return y if self.scale == 1 else y * self.scale


class ALiBi(Module):
    """Adds to attention scores (N, heads, queries, keys) a bias that falls with the distance.

    Head h of n gets -distance * 2^(-8 h / n), h from 1. https://arxiv.org/abs/2108.12409
    """

    @staticmethod
    def create_alibi_matrix(
        q_sequence_length: int,
        k_sequence_length: int,
        num_heads: int,
        offset: int = 0,
        dtype: mx.Dtype = mx.float32,
    ) -> mx.array:
        """The bias, of shape (1, num_heads, q_sequence_length - offset, k_sequence_length), for
        queries at positions offset .. q_sequence_length - 1."""
        queries = mx.arange(offset, q_sequence_length)
        keys = mx.arange(0, k_sequence_length)
        distance = -mx.abs(queries[:, None] - keys[None, :])
        slope = ALiBi.create_alibi_slope(num_heads, dtype)
        return (distance[None, None] * slope).astype(dtype)

    @staticmethod
    def create_alibi_slope(num_heads: int, dtype: mx.Dtype = mx.float32) -> mx.array:
        """The heads' slopes, of shape (num_heads, 1, 1)."""
        base = (2**8) ** (1 / num_heads)
        slopes = mx.power(base, -mx.arange(1, num_heads + 1, dtype=mx.float32))
        return slopes.astype(dtype)[:, None, None]

    def __call__(
        self,
        attention_scores: mx.array,
        offset: int = 0,
        mask: mx.array | None = None,
    ) -> mx.array:
        """The scores plus the bias, plus `mask` if there is one; `offset` is the position of the
        first query."""
        bias = ALiBi.create_alibi_matrix(
            q_sequence_length=attention_scores.shape[-2] + offset,
            k_sequence_length=attention_scores.shape[-1],
            num_heads=attention_scores.shape[1],
            offset=offset,
            dtype=attention_scores.dtype,
        )
        if mask is not None:
            bias = bias + mask
        return attention_scores + bias
