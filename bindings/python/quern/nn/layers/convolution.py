"""Convolutions over one, two and three spatial axes.

The weight is (out_channels, kernel.., in_channels / groups) whatever the data format. How to
pad other than with zeros is in `quern.nn.padding`.
"""

from __future__ import annotations

import math

from quern import core as mx
from quern.core._dtypes import INEXACT
from quern.core._ops import ops
from quern.nn.layers._data_format import (
    format_repr,
    is_channels_first,
    to_channels_first,
)
from quern.nn.layers.base import Module
from quern.nn.padding import pad, padding_mode

__all__ = ["Conv1d", "Conv2d", "Conv3d"]


def per_axis(value, count: int) -> tuple:
    """`value` for each of `count` spatial axes; a tuple or list is taken as it is."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * count


def option(layer: Module, name: str):
    """The attribute `layer.name`; those that are tuples or lists are found sooner than by the dot."""
    return layer[name] if name in layer else getattr(layer, name)


def add_bias(y: mx.array, layer: Module, channels_first: bool) -> mx.array:
    """y plus the layer's bias, if it has one."""
    bias = layer.get("bias")
    if bias is None:
        return y
    return y + (bias.reshape(-1, *[1] * (y.ndim - 2)) if channels_first else bias)


class _Conv(Module):
    """What the convolutions share: weight, bias, padding modes and data formats."""

    def _setup(
        self,
        shape: tuple,
        fan_in: int,
        bias: bool,
        padding_mode_name: str,
        data_format: str,
    ):
        bound = math.sqrt(1 / fan_in)
        self.weight = mx.random.uniform(low=-bound, high=bound, shape=shape)
        if bias:
            self.bias = mx.zeros((shape[0],))
        self._padding_mode = padding_mode(padding_mode_name)
        self._padding_mode_name = padding_mode_name
        self._channels_first = is_channels_first(data_format, type(self).__name__)
        self._data_format = data_format

    def _options_repr(self) -> str:
        text = f", bias={'bias' in self}"
        if self._padding_mode != "constant":
            text += f", padding_mode={self._padding_mode_name}"
        return text + format_repr(self._data_format)

    def __call__(self, x):
        weight = self["weight"]
        spatial = weight.ndim - 2
        padding = option(self, "padding")
        if self._padding_mode != "constant":
            # done here, as the op pads with zeros only
            x = self._padded(x, padding)
            padding = 0
        stride, dilation = option(self, "stride"), option(self, "dilation")
        if self._channels_first:
            weight, layout = to_channels_first(weight), "nchw"
        else:
            layout = "nhwc"
        if x.ndim == spatial + 2 and x.dtype in INEXACT:
            low = per_axis(padding, spatial)
            try:
                y = ops.conv(
                    x, weight, per_axis(stride, spatial), low, low, per_axis(dilation, spatial),
                    (1,) * spatial, self.groups, False, layout,
                )  # fmt: skip
                return add_bias(y, self, self._channels_first)
            except ValueError:
                if self._channels_first:
                    raise
        # a wrong input, of which these say what is wrong in MLX's words
        conv = (mx.conv1d, mx.conv2d, mx.conv3d)[spatial - 1]
        y = conv(x, self["weight"], stride, padding, dilation, self.groups)
        return add_bias(y, self, self._channels_first)

    def _padded(self, x: mx.array, padding) -> mx.array:
        spatial = [(p, p) for p in per_axis(padding, self["weight"].ndim - 2)]
        widths = (
            [(0, 0), (0, 0), *spatial]
            if self._channels_first
            else [(0, 0), *spatial, (0, 0)]
        )
        return pad(x, widths, mode=self._padding_mode)


def _check_groups(in_channels: int, groups: int):
    if in_channels % groups != 0:
        raise ValueError(
            f"The number of input channels ({in_channels}) must be divisible by the number of "
            f"groups ({groups})"
        )


class Conv1d(_Conv):
    """1-D convolution: x (N, L, C_in) to (N, L', C_out).

    L' = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1.

    Defaults: stride 1, padding 0, dilation 1, groups 1, bias True. Parameters: `weight`
    (out_channels, kernel_size, in_channels / groups), drawn from U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kernel_size), and `bias` (zeros).

    Beyond MLX: `padding_mode` ("zeros", "reflect", "symmetric", "replicate", "circular") and
    `data_format` ("NLC" or "NCL").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        padding_mode: str = "zeros",
        data_format: str = "NHWC",
    ):
        super().__init__()
        _check_groups(in_channels, groups)
        fan_in = in_channels // groups * kernel_size
        shape = (out_channels, kernel_size, in_channels // groups)
        self._setup(shape, fan_in, bias, padding_mode, data_format)
        self.padding = padding
        self.dilation = dilation
        self.stride = stride
        self.groups = groups

    def _extra_repr(self):
        out_channels, kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"groups={self.groups}" + self._options_repr()
        )


class Conv2d(_Conv):
    """2-D convolution: x (N, H, W, C_in) to (N, H', W', C_out).

    H' = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, and so W'. Sizes are an
    int for both axes or a pair.

    Defaults: stride 1, padding 0, dilation 1, groups 1, bias True. Parameters: `weight`
    (out_channels, kernel height, kernel width, in_channels / groups), drawn from U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kernel height * kernel width), and `bias` (zeros).

    Beyond MLX: `padding_mode` ("zeros", "reflect", "symmetric", "replicate", "circular") and
    `data_format` ("NHWC" or "NCHW").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        padding_mode: str = "zeros",
        data_format: str = "NHWC",
    ):
        super().__init__()
        _check_groups(in_channels, groups)
        kernel = per_axis(kernel_size, 2)
        if len(kernel) != 2:
            raise ValueError(
                f"[Conv2d] kernel_size must be an int or two of them, got {kernel_size}"
            )
        fan_in = in_channels // groups * kernel[0] * kernel[1]
        shape = (out_channels, *kernel, in_channels // groups)
        self._setup(shape, fan_in, bias, padding_mode, data_format)
        self.padding = per_axis(padding, 2)
        self.stride = per_axis(stride, 2)
        self.dilation = dilation
        self.groups = groups

    def _extra_repr(self):
        out_channels, *kernel, in_channels = self.weight.shape
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={tuple(kernel)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"groups={self.groups}" + self._options_repr()
        )


class Conv3d(_Conv):
    """3-D convolution: x (N, D, H, W, C_in) to (N, D', H', W', C_out).

    D' = (D + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, and so on. Sizes are an
    int for all axes or a triple.

    Defaults: stride 1, padding 0, dilation 1, bias True. Parameters: `weight` (out_channels,
    kernel depth, height, width, in_channels / groups), drawn from U(-k, k) with k = 1 /
    sqrt(in_channels / groups * kernel volume), and `bias` (zeros).

    Beyond MLX: `groups` (default 1), `padding_mode` ("zeros", "reflect", "symmetric",
    "replicate", "circular") and `data_format` ("NDHWC" or "NCDHW").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        bias: bool = True,
        *,
        groups: int = 1,
        padding_mode: str = "zeros",
        data_format: str = "NHWC",
    ):
        super().__init__()
        _check_groups(in_channels, groups)
        kernel = per_axis(kernel_size, 3)
        if len(kernel) != 3:
            raise ValueError(
                f"[Conv3d] kernel_size must be an int or three of them, got {kernel_size}"
            )
        fan_in = in_channels // groups * math.prod(kernel)
        shape = (out_channels, *kernel, in_channels // groups)
        self._setup(shape, fan_in, bias, padding_mode, data_format)
        self.padding = per_axis(padding, 3)
        self.stride = per_axis(stride, 3)
        self.dilation = dilation
        self.groups = groups

    def _extra_repr(self):
        out_channels, *kernel, in_channels = self.weight.shape
        groups = f", groups={self.groups}" if self.groups != 1 else ""
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={tuple(kernel)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}"
            + groups
            + self._options_repr()
        )
