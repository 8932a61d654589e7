"""Layers with quantized weights: QuantizedLinear, QuantizedEmbedding, QQLinear, and `quantize`.

The formats are those of `quern.core.quantize`; nothing is packed or unpacked here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from quern import core as mx
from quern.nn.layers.base import Module
from quern.utils import tree_map_with_path

__all__ = ["QQLinear", "QuantizedEmbedding", "QuantizedLinear", "quantize"]

# mode: default group size and bits
_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "nvfp4": (16, 4), "mxfp8": (32, 8)}


def _format(
    mode: str, group_size: int | None, bits: int | None
) -> tuple[int, int, str]:
    """(group_size, bits, mode) with the mode's defaults. ValueError for an unknown mode."""
    if mode not in _DEFAULTS:
        raise ValueError(
            f"Invalid quantization mode '{mode}'. Valid modes are: {', '.join(_DEFAULTS)}."
        )
    default_size, default_bits = _DEFAULTS[mode]
    return group_size or default_size, bits or default_bits, mode


class _Quantized(Module):
    """A quantized weight: arrays `weight`, `scales` and, in mode "affine", `biases`."""

    def _set_weight(self, weight: mx.array, group_size, bits, mode):
        self.group_size, self.bits, self.mode = _format(mode, group_size, bits)
        self.weight, self.scales, *biases = mx.quantize(
            weight, self.group_size, self.bits, mode=self.mode
        )
        self.biases = biases[0] if biases else None

    def _columns(self) -> int:
        """The width of the unpacked weight."""
        return self.weight.shape[1] * 32 // self.bits

    def _format_options(self) -> dict:
        return {"group_size": self.group_size, "bits": self.bits, "mode": self.mode}

    def _format_repr(self) -> str:
        return f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"

    def _product(self, x: mx.array) -> mx.array:
        """x W^T."""
        return mx.quantized_matmul(
            x,
            self["weight"],
            scales=self["scales"],
            biases=self.get("biases"),
            transpose=True,
            **self._format_options(),
        )


class QuantizedLinear(_Quantized):
    """`Linear` with a quantized weight; its parameters are frozen when made.

    x (..., input_dims) to (..., output_dims). Defaults: bias True, mode "affine", group_size and
    bits those of the mode: affine 64 and 4, mxfp4 32 and 4, mxfp8 32 and 8, nvfp4 16 and 4.
    input_dims must be divisible by group_size.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        super().__init__()
        bound = math.sqrt(1 / input_dims)
        weight = mx.random.uniform(
            low=-bound, high=bound, shape=(output_dims, input_dims)
        )
        self._set_weight(weight, group_size, bits, mode)
        if bias:
            self.bias = mx.zeros((output_dims,))
        self.freeze()

    def _extra_repr(self):
        return (
            f"input_dims={self._columns()}, output_dims={self.weight.shape[0]}, "
            f"bias={'bias' in self}, " + self._format_repr()
        )

    def __call__(self, x):
        y = self._product(x)
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        """`linear_layer` with its weight quantized."""
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer._set_weight(linear_layer.weight, group_size, bits, mode)
        if "bias" in linear_layer:
            layer.bias = linear_layer.bias
        layer.freeze()
        return layer


class QuantizedEmbedding(_Quantized):
    """`Embedding` with a quantized weight; its parameters are frozen when made.

    Defaults of mode, group_size and bits as in `QuantizedLinear`.
    """

    def __init__(
        self,
        num_embeddings: int,
        dims: int,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        super().__init__()
        weight = mx.random.normal(
            shape=(num_embeddings, dims), scale=math.sqrt(1 / dims)
        )
        self._set_weight(weight, group_size, bits, mode)
        self.num_embeddings = num_embeddings
        self.dims = dims
        self.freeze()

    def _extra_repr(self):
        return f"{self.num_embeddings}, {self.dims}, " + self._format_repr()

    def __call__(self, x):
        biases = self.get("biases")
        return mx.dequantize(
            self["weight"][x],
            scales=self["scales"][x],
            biases=None if biases is None else biases[x],
            **self._format_options(),
        )

    def as_linear(self, x):
        """x W^T: (..., dims) to (..., num_embeddings)."""
        return self._product(x)

    @classmethod
    def from_embedding(
        cls,
        embedding_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        """`embedding_layer` with its weight quantized."""
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer.num_embeddings, layer.dims = embedding_layer.weight.shape
        layer._set_weight(embedding_layer.weight, group_size, bits, mode)
        layer.freeze()
        return layer


class QQLinear(Module):
    """A linear layer without bias that quantizes its input as well as its weight.

    In training mode the weight is kept in full and quantized in each call, so that it gets
    gradients; `eval()` packs it (adding `scales`), `train()` unpacks it again. Defaults: mode
    "nvfp4" (or "mxfp8"), group_size and bits those of the mode.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        group_size: int = None,
        bits: int = None,
        mode: str = "nvfp4",
    ):
        super().__init__()
        self.group_size, self.bits, self.mode = _format(mode, group_size, bits)
        bound = math.sqrt(1 / input_dims)
        self.weight = mx.random.uniform(
            low=-bound, high=bound, shape=(output_dims, input_dims)
        )
        self._quantized = False

    def _extra_repr(self):
        output_dims, input_dims = self.weight.shape
        if self._quantized:
            input_dims = input_dims * 32 // self.bits
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, group_size={self.group_size}, "
            f"bits={self.bits}, mode={self.mode}"
        )

    def _format_options(self) -> dict:
        return {"group_size": self.group_size, "bits": self.bits, "mode": self.mode}

    def quantize(self):
        """Pack the weight, if it is not packed yet."""
        if not self._quantized:
            self.weight, self.scales = mx.quantize(
                self.weight, **self._format_options()
            )
            self._quantized = True

    def dequantize(self):
        """Unpack the weight, if it is packed."""
        if self._quantized:
            self.weight = mx.dequantize(
                self.weight, scales=self.scales, **self._format_options()
            )
            del self["scales"]
            self._quantized = False

    def _set_training_mode(self, mode: bool):
        super()._set_training_mode(mode)
        if mode:
            self.dequantize()
        else:
            self.quantize()

    def __call__(self, x):
        return mx.qqmm(
            x, self["weight"], scales=self.get("scales"), **self._format_options()
        )

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "nvfp4",
    ):
        """`linear_layer`, which must have no bias (else NotImplementedError), as a QQLinear."""
        if "bias" in linear_layer:
            raise NotImplementedError("QQLinear does not support bias yet.")
        output_dims, input_dims = linear_layer.weight.shape
        layer = cls(input_dims, output_dims, group_size, bits, mode=mode)
        layer.weight = linear_layer.weight
        layer.train(linear_layer.training)
        return layer


def quantize(
    model: Module,
    group_size: int = None,
    bits: int = None,
    *,
    mode: str = "affine",
    quantize_input: bool = False,
    class_predicate: Callable[[str, Module], bool | dict] | None = None,
):
    """Replace, in place, the leaf modules of `model` that have `to_quantized` by its result.

    `class_predicate(dotted name, module)` chooses: True, False, or a dict of arguments for
    `to_quantized`; by default all that can. `group_size` and `bits` default to the mode's
    (default "affine", see `QuantizedLinear`); `quantize_input` is for modes "nvfp4" and "mxfp8".

    Raises ValueError where the predicate chooses a module that cannot be quantized.
    """
    if class_predicate is None:

        def class_predicate(path, module):
            return hasattr(module, "to_quantized")

    def quantized(path, module):
        if not isinstance(module, Module):
            return module
        choice = class_predicate(path, module)
        if not choice:
            return module
        if not isinstance(choice, (bool, dict)):
            raise ValueError(
                "[quantize] class_predicate must return a bool or a dict of arguments for "
                f"to_quantized, not {type(choice).__name__}"
            )
        if not hasattr(module, "to_quantized"):
            raise ValueError(f"Unable to quantize model of type {type(module)}")
        if isinstance(choice, dict):
            return module.to_quantized(**choice)
        return module.to_quantized(
            group_size=group_size, bits=bits, mode=mode, quantize_input=quantize_input
        )

    leaves = tree_map_with_path(
        quantized, model.leaf_modules(), is_leaf=Module.is_module
    )
    model.update_modules(leaves)
