"""Embedding: rows of a table, looked up by index."""

from __future__ import annotations

import math

from quern import core as mx
from quern.nn.layers.base import Module

__all__ = ["Embedding"]


class Embedding(Module):
    """Row x of `weight` for every integer of x: shape (...) to (..., dims).

    Parameter: `weight` (num_embeddings, dims), drawn from a normal distribution with standard
    deviation 1 / sqrt(dims).
    """

    def __init__(self, num_embeddings: int, dims: int):
        super().__init__()
        self.weight = mx.random.normal(
            shape=(num_embeddings, dims), scale=math.sqrt(1 / dims)
        )

    def _extra_repr(self):
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"

    def __call__(self, x):
        return self["weight"][x]

    def as_linear(self, x):
        """x W^T, for sharing the table with the output projection: (..., dims) to
        (..., num_embeddings)."""
        return x @ self["weight"].T

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ):
        """This layer as a QuantizedEmbedding. Raises ValueError with `quantize_input`."""
        from quern.nn.layers.quantized import QuantizedEmbedding

        if quantize_input:
            raise ValueError("Quantized input is not supported.")
        return QuantizedEmbedding.from_embedding(self, group_size, bits, mode)
