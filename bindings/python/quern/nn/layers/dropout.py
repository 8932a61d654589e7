"""Dropout of elements and of whole channels."""

from __future__ import annotations

from quern import core as mx
from quern.nn.layers._data_format import format_repr, is_channels_first
from quern.nn.layers.base import Module

__all__ = ["Dropout", "Dropout2d", "Dropout3d"]


class Dropout(Module):
    """While training, zeroes each element with probability p and scales the others by 1 / (1 - p).

    Any shape. `p` in [0, 1), default 0.5. In evaluation mode, or with p = 0, returns its input.
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        if p < 0 or p >= 1:
            raise ValueError(f"The dropout probability {p} is not in [0, 1)")
        self._p_1 = 1 - p

    def _extra_repr(self) -> str:
        return f"p={1 - self._p_1}"

    def __call__(self, x: mx.array) -> mx.array:
        if self._p_1 == 1 or not self.training:
            return x
        mask = mx.random.bernoulli(self._p_1, x.shape)
        return (1 / self._p_1) * mask * x


class _ChannelDropout(Module):
    """Dropout of whole channels over `_spatial` axes, with or without a batch axis."""

    _spatial: int

    def __init__(self, p: float = 0.5, *, data_format: str = "NHWC"):
        super().__init__()
        if p < 0 or p >= 1:
            raise ValueError(f"The dropout probability {p} is not in [0, 1)")
        self._p_1 = 1 - p
        self._channels_first = is_channels_first(data_format, type(self).__name__)
        self._data_format = data_format

    def _extra_repr(self) -> str:
        return f"p={1 - self._p_1}" + format_repr(self._data_format)

    def __call__(self, x: mx.array) -> mx.array:
        dims = (self._spatial + 1, self._spatial + 2)
        if x.ndim not in dims:
            raise ValueError(
                f"Received input with {x.ndim} dimensions. Expected {dims[0]} or {dims[1]} dimensions."
            )
        if self._p_1 == 1 or not self.training:
            return x
        shape = list(x.shape)
        first = x.ndim - self._spatial - (0 if self._channels_first else 1)
        shape[first : first + self._spatial] = [1] * self._spatial
        mask = mx.random.bernoulli(self._p_1, shape)
        return (1 / self._p_1) * mask * x


class Dropout2d(_ChannelDropout):
    """While training, zeroes whole channels of (N, H, W, C) or (H, W, C) with probability p and
    scales the others by 1 / (1 - p).

    `p` in [0, 1), default 0.5. `data_format`: "NHWC" (default) or "NCHW".
    Raises ValueError for other numbers of dimensions.
    """

    _spatial = 2


class Dropout3d(_ChannelDropout):
    """While training, zeroes whole channels of (N, D, H, W, C) or (D, H, W, C) with probability
    p and scales the others by 1 / (1 - p).

    `p` in [0, 1), default 0.5. `data_format`: "NDHWC" (default, also "NHWC") or "NCDHW".
    Raises ValueError for other numbers of dimensions.
    """

    _spatial = 3
