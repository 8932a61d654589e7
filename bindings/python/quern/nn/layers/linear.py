"""Linear, Bilinear and Identity."""

from __future__ import annotations

import math
from typing import Any

from quern import core as mx
from quern.nn.layers.base import Module

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Returns its input; takes and ignores any arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return x


class Linear(Module):
    """y = x W^T + b, x of shape (..., input_dims), y of shape (..., output_dims).

    Parameters: `weight` (output_dims, input_dims) and, with `bias` (default True), `bias`
    (output_dims,), both drawn from U(-k, k), k = 1 / sqrt(input_dims).
    """

    def __init__(self, input_dims: int, output_dims: int, bias: bool = True) -> None:
        super().__init__()
        bound = math.sqrt(1.0 / input_dims)
        self.weight = mx.random.uniform(
            low=-bound, high=bound, shape=(output_dims, input_dims)
        )
        if bias:
            self.bias = mx.random.uniform(low=-bound, high=bound, shape=(output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        if "bias" in self:
            return mx.addmm(self["bias"], x, self["weight"].T)
        return x @ self["weight"].T

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ):
        """This layer with its weight quantized: a QuantizedLinear, or with `quantize_input`
        (modes "nvfp4" and "mxfp8") a QQLinear. Raises ValueError for another mode."""
        from quern.nn.layers.quantized import QQLinear, QuantizedLinear

        if not quantize_input:
            return QuantizedLinear.from_linear(self, group_size, bits, mode)
        if mode not in ("nvfp4", "mxfp8"):
            raise ValueError(
                f"Quantized activations are only supported for 'nvfp4' and 'mxfp8' modes, got {mode}."
            )
        return QQLinear.from_linear(self, group_size, bits, mode)


class Bilinear(Module):
    """y_i = x2^T W_i x1 + b_i, x1 (..., input1_dims), x2 (..., input2_dims), y (..., output_dims).

    Parameters: `weight` (output_dims, input2_dims, input1_dims) and, with `bias` (default True),
    `bias` (output_dims,), both drawn from U(-k, k), k = 1 / sqrt(input1_dims).
    """

    def __init__(
        self, input1_dims: int, input2_dims: int, output_dims: int, bias: bool = True
    ) -> None:
        super().__init__()
        bound = math.sqrt(1.0 / input1_dims)
        shape = (output_dims, input2_dims, input1_dims)
        self.weight = mx.random.uniform(low=-bound, high=bound, shape=shape)
        if bias:
            self.bias = mx.random.uniform(low=-bound, high=bound, shape=(output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input2_dims, input1_dims = self.weight.shape
        return (
            f"input1_dims={input1_dims}, input2_dims={input2_dims}, output_dims={output_dims}, "
            f"bias={'bias' in self}"
        )

    def __call__(self, x1: mx.array, x2: mx.array) -> mx.array:
        output_dims, input2_dims, input1_dims = self["weight"].shape
        # one product with all W_i at once, then one small product an item
        flat = self["weight"].reshape(output_dims * input2_dims, input1_dims)
        y = (x1.reshape(-1, input1_dims) @ flat.T).reshape(-1, output_dims, input2_dims)
        y = (y @ x2.reshape(-1, input2_dims, 1)).squeeze(-1)
        if "bias" in self:
            y = y + self["bias"]
        return y.reshape(*x1.shape[:-1], output_dims)
