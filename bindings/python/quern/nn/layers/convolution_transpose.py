"""Transposed convolutions over one, two and three spatial axes.

The weight is (out_channels, kernel.., in_channels / groups) whatever the data format.
"""

from __future__ import annotations

import math

from quern import core as mx
from quern.core._ops import ops
from quern.nn.layers._data_format import (
    format_repr,
    is_channels_first,
    to_channels_first,
)
from quern.nn.layers.base import Module
from quern.nn.layers.convolution import add_bias, per_axis

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _ConvTranspose(Module):
    """What the transposed convolutions share; over `_spatial` axes."""

    _spatial: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        output_padding: int | tuple = 0,
        bias: bool = True,
        *,
        groups: int = 1,
        data_format: str = "NHWC",
    ):
        super().__init__()
        name = type(self).__name__
        if in_channels % groups != 0 or out_channels % groups != 0:
            raise ValueError(
                f"[{name}] {in_channels} input and {out_channels} output channels must both be "
                f"divisible by the number of groups ({groups})"
            )
        kernel = per_axis(kernel_size, self._spatial)
        if len(kernel) != self._spatial:
            raise ValueError(
                f"[{name}] kernel_size must be an int or {self._spatial} of them, got {kernel_size}"
            )
        bound = math.sqrt(1 / (in_channels // groups * math.prod(kernel)))
        shape = (out_channels, *kernel, in_channels // groups)
        self.weight = mx.random.uniform(low=-bound, high=bound, shape=shape)
        if bias:
            self.bias = mx.zeros((out_channels,))
        one_axis = self._spatial == 1
        self.padding = padding if one_axis else per_axis(padding, self._spatial)
        self.dilation = dilation
        self.stride = stride if one_axis else per_axis(stride, self._spatial)
        self.output_padding = (
            output_padding if one_axis else per_axis(output_padding, self._spatial)
        )
        self.groups = groups
        self._channels_first = is_channels_first(data_format, name)
        self._data_format = data_format

    def _extra_repr(self):
        out_channels, *kernel, in_channels = self.weight.shape
        kernel = kernel[0] if self._spatial == 1 else tuple(kernel)
        groups = f", groups={self.groups}" if self.groups != 1 else ""
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={kernel}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"output_padding={self.output_padding}{groups}, bias={'bias' in self}"
            + format_repr(self._data_format)
        )

    def __call__(self, x):
        spatial = self._spatial
        if self._channels_first:
            y = ops.conv_transpose(
                x,
                to_channels_first(self["weight"]),
                per_axis(self.stride, spatial),
                per_axis(self.padding, spatial),
                per_axis(self.dilation, spatial),
                per_axis(self.output_padding, spatial),
                self.groups,
                "nchw",
            )
        else:
            conv = (mx.conv_transpose1d, mx.conv_transpose2d, mx.conv_transpose3d)[
                spatial - 1
            ]
            y = conv(
                x,
                self["weight"],
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                output_padding=self.output_padding,
                groups=self.groups,
            )
        return add_bias(y, self, self._channels_first)


class ConvTranspose1d(_ConvTranspose):
    """1-D transposed convolution: x (N, L, C_in) to (N, L', C_out).

    L' = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding.

    Defaults: stride 1, padding 0, dilation 1, output_padding 0, bias True. Parameters: `weight`
    (out_channels, kernel_size, in_channels / groups), drawn from U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kernel_size), and `bias` (zeros).

    Beyond MLX: `groups` (default 1) and `data_format` ("NLC" or "NCL").
    """

    _spatial = 1


class ConvTranspose2d(_ConvTranspose):
    """2-D transposed convolution: x (N, H, W, C_in) to (N, H', W', C_out).

    H' = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding, and so W'.
    Sizes are an int for both axes or a pair.

    Defaults: stride 1, padding 0, dilation 1, output_padding 0, bias True. Parameters: `weight`
    (out_channels, kernel height, kernel width, in_channels / groups), drawn from U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kernel area), and `bias` (zeros).

    Beyond MLX: `groups` (default 1) and `data_format` ("NHWC" or "NCHW").
    """

    _spatial = 2


class ConvTranspose3d(_ConvTranspose):
    """3-D transposed convolution: x (N, D, H, W, C_in) to (N, D', H', W', C_out).

    D' = (D - 1) stride - 2 padding + dilation (kernel_size - 1) + 1 + output_padding, and so on.
    Sizes are an int for all axes or a triple.

    Defaults: stride 1, padding 0, dilation 1, output_padding 0, bias True. Parameters: `weight`
    (out_channels, kernel depth, height, width, in_channels / groups), drawn from U(-k, k) with
    k = 1 / sqrt(in_channels / groups * kernel volume), and `bias` (zeros).

    Beyond MLX: `groups` (default 1) and `data_format` ("NDHWC" or "NCDHW").
    """

    _spatial = 3
