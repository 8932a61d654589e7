"""Layer, RMS, instance, group and batch normalisation.

All compute (x - mean) / sqrt(var + eps) * weight + bias; they differ in what mean and var are
taken over. Default `data_format` is channels last; "NCHW" (any rank) has them at axis 1.
"""

from __future__ import annotations

from quern import core as mx
from quern.core._ops import ops
from quern.nn.layers._data_format import (
    format_repr,
    is_channels_first,
    to_channels_first,
    to_channels_last,
)
from quern.nn.layers.base import Module

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm"]


class _Norm(Module):
    """Data format and affine step shared by the norms."""

    def _set_format(self, data_format: str):
        self._channels_first = is_channels_first(data_format, type(self).__name__)
        self._data_format = data_format

    def _affine(self, x: mx.array) -> mx.array:
        """x * weight + bias over the last axis, as far as they exist."""
        if "weight" in self:
            x = x * self["weight"]
        return x + self["bias"] if "bias" in self else x

    def __call__(self, x: mx.array) -> mx.array:
        if self._channels_first and x.ndim > 2:
            return to_channels_first(self._normalize(to_channels_last(x)))
        return self._normalize(x)


class InstanceNorm(_Norm):
    """Normalises each channel of each item over the spatial axes: x (N, .., C), at least 3 axes.

    Defaults: eps 1e-5, affine False. With `affine`: parameters `weight` (ones) and `bias`
    (zeros) of shape (dims,). https://arxiv.org/abs/1607.08022
    """

    def __init__(
        self,
        dims: int,
        eps: float = 1e-5,
        affine: bool = False,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        if affine:
            self.weight = mx.ones((dims,))
            self.bias = mx.zeros((dims,))
        self.dims = dims
        self.eps = eps
        self._set_format(data_format)

    def _extra_repr(self):
        text = f"{self.dims}, eps={self.eps}, affine={'weight' in self}"
        return text + format_repr(self._data_format)

    def __call__(self, x: mx.array) -> mx.array:
        if x.ndim < 3:
            raise ValueError(
                "InstanceNorm expects inputs with at least 3 dimensions (N, ..., C) but the "
                f"input has {x.ndim} dimensions."
            )
        return super().__call__(x)

    def _normalize(self, x: mx.array) -> mx.array:
        return self._affine(ops.group_norm(x, x.shape[-1] or 1, False, self.eps))


class LayerNorm(_Norm):
    """Normalises over the last axis, of size dims (with "NCHW": over the channels).

    Parameters: with `affine` (default True) `weight` (ones) of shape (dims,), and, unless `bias`
    is False, `bias` (zeros). Default eps 1e-5. https://arxiv.org/abs/1607.06450
    """

    def __init__(
        self,
        dims: int,
        eps: float = 1e-5,
        affine: bool = True,
        bias: bool = True,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        if affine:
            self.weight = mx.ones((dims,))
            if bias:
                self.bias = mx.zeros((dims,))
        self.eps = eps
        self.dims = dims
        self._set_format(data_format)

    def _extra_repr(self):
        text = f"{self.dims}, eps={self.eps}, affine={'weight' in self}"
        return text + format_repr(self._data_format)

    def _normalize(self, x: mx.array) -> mx.array:
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.eps)


class RMSNorm(_Norm):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, of size dims (with "NCHW": over the
    channels).

    Parameter: `weight` (ones) of shape (dims,). Default eps 1e-5.
    https://arxiv.org/abs/1910.07467
    """

    def __init__(self, dims: int, eps: float = 1e-5, *, data_format: str = "NHWC"):
        super().__init__()
        self.weight = mx.ones((dims,))
        self.eps = eps
        self._set_format(data_format)

    def _extra_repr(self):
        return f"{self.weight.shape[0]}, eps={self.eps}" + format_repr(
            self._data_format
        )

    def _normalize(self, x: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, self["weight"], self.eps)


class GroupNorm(_Norm):
    """Normalises over the spatial axes and each of num_groups groups of channels: x (N, .., dims).

    With `pytorch_compatible` a group is a run of consecutive channels as in PyTorch, by default
    every num_groups-th channel as in MLX. With `affine` (default True): parameters `weight`
    (ones) and `bias` (zeros) of shape (dims,). Default eps 1e-5.
    https://arxiv.org/abs/1803.08494

    Raises ValueError if dims is not divisible by num_groups.
    """

    def __init__(
        self,
        num_groups: int,
        dims: int,
        eps: float = 1e-5,
        affine: bool = True,
        pytorch_compatible: bool = False,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        if dims % num_groups != 0:
            raise ValueError(
                f"The number of features ({dims}) must be evenly divisible by the number of "
                f"groups ({num_groups})."
            )
        if affine:
            self.bias = mx.zeros((dims,))
            self.weight = mx.ones((dims,))
        self.num_groups = num_groups
        self.dims = dims
        self.eps = eps
        self.pytorch_compatible = pytorch_compatible
        self._set_format(data_format)

    def _extra_repr(self):
        text = (
            f"{self.num_groups}, {self.dims}, eps={self.eps}, affine={'weight' in self}, "
            f"pytorch_compatible={self.pytorch_compatible}"
        )
        return text + format_repr(self._data_format)

    def _normalize(self, x: mx.array) -> mx.array:
        if x.ndim < 2 or x.shape[-1] != self.dims:
            raise ValueError(
                f"[GroupNorm] expected an input of shape (N, ..., {self.dims}) but got {x.shape}"
            )
        return self._affine(ops.group_norm(x, self.num_groups, not self.pytorch_compatible, self.eps))


class BatchNorm(_Norm):
    """Normalises each channel over the batch and the spatial axes: x (N, C), (N, L, C) or
    (N, H, W, C).

    While training, with the mean and (biased) variance of the batch; these then move the
    running ones: running = (1 - momentum) * running + momentum * batch, the variance unbiased.
    In evaluation mode with the running ones. Without `track_running_stats` always with those
    of the batch.

    Defaults: eps 1e-5, momentum 0.1, affine True, track_running_stats True. Parameters: with
    `affine` `weight` (ones) and `bias` (zeros) of shape (num_features,); `running_mean`
    (zeros) and `running_var` (ones), frozen. https://arxiv.org/abs/1502.03167

    Raises ValueError for another number of dimensions, and for one value a channel in training.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.track_running_stats = track_running_stats
        self._set_format(data_format)
        if affine:
            self.weight = mx.ones((num_features,))
            self.bias = mx.zeros((num_features,))
        if track_running_stats:
            self.running_mean = mx.zeros((num_features,))
            self.running_var = mx.ones((num_features,))
            self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def unfreeze(self, *args, **kwargs):
        """`Module.unfreeze`, but the running statistics stay frozen."""
        super().unfreeze(*args, **kwargs)
        return self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def _extra_repr(self):
        text = (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={'weight' in self}, track_running_stats={self.track_running_stats}"
        )
        return text + format_repr(self._data_format)

    def __call__(self, x: mx.array) -> mx.array:
        if x.ndim < 2 or x.ndim > 4:
            raise ValueError(
                f"Expected input tensor to have 2, 3 or 4 dimensions, but got {x.ndim}"
            )
        return super().__call__(x)

    def _normalize(self, x: mx.array) -> mx.array:
        if self.track_running_stats and not self.training:
            mean, var = self["running_mean"], self["running_var"]
        else:
            mean, var = self._batch_stats(x)
        return self._affine((x - mean) * mx.rsqrt(var + self.eps))

    def _batch_stats(self, x: mx.array) -> tuple[mx.array, mx.array]:
        axes = tuple(range(x.ndim - 1))
        count = x.size // max(x.shape[-1], 1)
        if self.training and count <= 1:
            raise ValueError(
                "BatchNorm training requires more than one value per channel."
            )
        # With their axes kept the mean is the one that the variance needs: x is summed once for both.
        mean = mx.mean(x, axis=axes, keepdims=True).reshape(-1)
        var = mx.var(x, axis=axes, keepdims=True).reshape(-1)
        if self.training and self.track_running_stats:
            mu = self.momentum
            unbiased = var * (count / (count - 1))
            self.running_mean = (1 - mu) * self.running_mean + mu * mean
            self.running_var = (1 - mu) * self.running_var + mu * unbiased
        return mean, var
