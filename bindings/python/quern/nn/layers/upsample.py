"""Upsampling: nearest neighbour, linear and cubic interpolation along every spatial axis.

Interpolation is separable, so an axis is done at a time: a few gathers, each times a weight an
output position.
"""

from __future__ import annotations

import math
from typing import Literal

from quern import core as mx
from quern.nn.layers._data_format import (
    format_repr,
    is_channels_first,
    to_channels_first,
    to_channels_last,
)
from quern.nn.layers.base import Module

__all__ = ["Upsample", "upsample_cubic", "upsample_linear", "upsample_nearest"]


def _centers(size: int, scale: float, align_corners: bool) -> mx.array:
    """The place in the input, in elements, of each of int(scale * size) output positions."""
    count = int(scale * size)
    positions = mx.arange(count, dtype=mx.float32)
    if align_corners:
        return positions * ((size - 1) / max(count - 1, 1))
    step = 1 / scale
    return positions * step - ((count - 1) * step - size + 1) / 2


def _nearest_taps(size: int, scale: float) -> mx.array:
    count = int(scale * size)
    positions = mx.arange(count, dtype=mx.float32)
    ratio = size / max(count, 1)
    if count > size:
        positions = mx.round((positions + 0.5) * ratio - 0.5)
    else:
        positions = positions * ratio
    return mx.clip(positions.astype(mx.int32), 0, size - 1)


def _cubic(distance: mx.array, a: float) -> mx.array:
    """Keys' cubic convolution kernel. https://doi.org/10.1109/TASSP.1981.1163711"""
    d = mx.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = (((d - 5) * d + 8) * d - 4) * a
    return mx.where(d <= 1, near, mx.where(d < 2, far, 0.0))


def _triangle(distance: mx.array) -> mx.array:
    return mx.maximum(1 - mx.abs(distance), 0.0)


def _plain_taps(size: int, scale: float, mode: str, align_corners: bool) -> list:
    """Pairs of input positions and weights, positions outside replaced by the border's."""
    centers = _centers(size, scale, align_corners)
    if mode == "linear":
        centers = mx.clip(centers, 0, size - 1)
        offsets, kernel = (0, 1), _triangle
    else:
        offsets, kernel = (-1, 0, 1, 2), lambda distance: _cubic(distance, -0.75)
    low = mx.floor(centers)
    return [
        (
            mx.clip(low + offset, 0, size - 1).astype(mx.int32),
            kernel(centers - (low + offset)),
        )
        for offset in offsets
    ]


def _antialias_taps(size: int, scale: float, mode: str) -> list:
    """Like `_plain_taps` with the kernel widened when shrinking, normalised over what is inside."""
    centers = _centers(size, scale, align_corners=False)
    widen = max(1 / scale, 1.0)
    if mode == "linear":
        radius, kernel = widen, _triangle
    else:
        radius, kernel = 2 * widen, lambda distance: _cubic(distance, -0.5)
    low = mx.floor(centers - radius) + 1
    taps = []
    for offset in range(math.ceil(2 * radius)):
        position = low + offset
        inside = mx.logical_and(position >= 0, position < size)
        weight = mx.where(inside, kernel((position - centers) / widen), 0.0)
        taps.append((mx.clip(position, 0, size - 1).astype(mx.int32), weight))
    total = sum(weight for _, weight in taps)
    return [(position, weight / total) for position, weight in taps]


def _interpolate(x: mx.array, scale_factor: tuple, taps_of) -> mx.array:
    for axis, scale in enumerate(scale_factor, start=1):
        column = [-1] + [1] * (x.ndim - axis - 1)
        x = sum(
            mx.take(x, positions, axis=axis) * weight.reshape(column)
            for positions, weight in taps_of(x.shape[axis], scale)
        )
    return x


def upsample_nearest(x: mx.array, scale_factor: tuple) -> mx.array:
    """The nearest element of x (N, spatial.., C) for each output position; one scale an axis."""
    for axis, scale in enumerate(scale_factor, start=1):
        if scale != 1:
            x = mx.take(x, _nearest_taps(x.shape[axis], scale), axis=axis)
    return x


def upsample_linear(
    x: mx.array,
    scale_factor: tuple,
    align_corners: bool = False,
    antialias: bool = False,
) -> mx.array:
    """Linear (bilinear, ..) interpolation of x (N, spatial.., C); one scale an axis."""
    return _interpolate(
        x, scale_factor, _taps_function("linear", align_corners, antialias)
    )


def upsample_cubic(
    x: mx.array,
    scale_factor: tuple,
    align_corners: bool = False,
    antialias: bool = False,
) -> mx.array:
    """Cubic (bicubic, ..) interpolation of x (N, spatial.., C); one scale an axis."""
    return _interpolate(
        x, scale_factor, _taps_function("cubic", align_corners, antialias)
    )


def _taps_function(mode: str, align_corners: bool, antialias: bool):
    if antialias:
        _check_corners(align_corners)
        return lambda size, scale: _antialias_taps(size, scale, mode)
    return lambda size, scale: _plain_taps(size, scale, mode, align_corners)


def _check_corners(align_corners: bool):
    if align_corners:
        raise ValueError(
            "[Upsample] antialias=True with align_corners=True is not supported. "
            "Use align_corners=False for antialiased interpolation."
        )


class Upsample(Module):
    """x (N, spatial.., C) with each spatial size n scaled to int(scale * n).

    `scale_factor`: a float for all spatial axes or a tuple with one for each. `mode`: "nearest"
    (default), "linear" or "cubic", for any number of spatial axes. `align_corners` (default
    False): the first and last elements of input and output coincide. `antialias` (default
    False): widen the filter when scaling down ("linear" and "cubic" without align_corners);
    "cubic" then uses a = -0.5 instead of -0.75.

    Beyond MLX: `data_format` ("NHWC" or "NCHW"). "nearest" keeps the dtype, the others compute
    in float32 or wider. Raises ValueError for what the above excludes.
    """

    def __init__(
        self,
        scale_factor: float | tuple,
        mode: Literal["nearest", "linear", "cubic"] = "nearest",
        align_corners: bool = False,
        antialias: bool = False,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        if mode not in ("nearest", "linear", "cubic"):
            raise ValueError(
                f"[Upsample] Got unsupported upsampling algorithm: {mode}"
            )
        if antialias:
            if mode == "nearest":
                raise ValueError(
                    "[Upsample] Antialiasing is not supported for nearest neighbor upsampling"
                )
            _check_corners(align_corners)
        if isinstance(scale_factor, (list, tuple)):
            self.scale_factor = tuple(map(float, scale_factor))
        else:
            self.scale_factor = float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.antialias = antialias
        self._channels_first = is_channels_first(data_format, "Upsample")
        self._data_format = data_format

    def _extra_repr(self) -> str:
        text = (
            f"scale_factor={self.scale_factor}, mode={self.mode!r}, "
            f"align_corners={self.align_corners}"
        )
        if self.antialias:
            text += f", antialias={self.antialias}"
        return text + format_repr(self._data_format)

    def __call__(self, x: mx.array) -> mx.array:
        spatial = x.ndim - 2
        if spatial <= 0:
            raise ValueError(
                "[Upsample] The input should have at least 1 spatial dimension which means it "
                f"should be at least 3D but {x.ndim}D was provided"
            )
        scale = self.scale_factor
        if not isinstance(scale, tuple):
            scale = (scale,) * spatial
        if len(scale) != spatial:
            raise ValueError(
                "[Upsample] One scale per spatial dimension is required but "
                f"scale_factor={scale} and the number of spatial dimensions were {spatial}"
            )
        if self._channels_first:
            x = to_channels_last(x)
        if self.mode == "nearest":
            y = upsample_nearest(x, scale)
        else:
            interpolate = upsample_linear if self.mode == "linear" else upsample_cubic
            y = interpolate(x, scale, self.align_corners, self.antialias)
        return to_channels_first(y) if self._channels_first else y
