"""Max and average pooling over one, two and three spatial axes."""

from __future__ import annotations


import math

from quern import core as mx
from quern.core._dtypes import INEXACT
from quern.core._ops import ops
from quern.nn.layers._data_format import format_repr, is_channels_first
from quern.nn.layers.base import Module

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]


class _Pool(Module):
    """Windows over `_spatial` axes; subclasses say what is taken of each."""

    _spatial: int

    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple = 0,
        *,
        data_format: str = "NHWC",
    ):
        super().__init__()
        self._kernel_size = self._sizes(kernel_size, "kernel_size", minimum=1)
        self._stride = (
            self._kernel_size
            if stride is None
            else self._sizes(stride, "stride", minimum=1)
        )
        self._padding = self._sizes(padding, "padding", minimum=0)
        first = is_channels_first(data_format, type(self).__name__)
        self._layout = "nchw" if first else "nhwc"
        self._data_format = data_format

    def _sizes(self, value, name: str, minimum: int) -> tuple:
        layer, count = type(self).__name__, self._spatial
        sizes = (value,) * count if isinstance(value, int) else value
        if (
            not isinstance(sizes, (tuple, list))
            or len(sizes) != count
            or not all(isinstance(size, int) for size in sizes)
        ):
            raise ValueError(
                f"[{layer}] '{name}' must be an integer or a tuple containing {count} "
                f"integer{'s' if count > 1 else ''}"
            )
        sizes = tuple(sizes)
        if any(size < minimum for size in sizes):
            kind = "positive" if minimum else "non-negative"
            raise ValueError(f"[{layer}] '{name}' must be {kind} but got {sizes}.")
        return sizes

    def _extra_repr(self):
        return (
            f"kernel_size={self._kernel_size}, stride={self._stride}, padding={self._padding}"
            + format_repr(self._data_format)
        )

    def __call__(self, x):
        if x.ndim == self._spatial + 2:
            try:
                return self._pool(x, self["_kernel_size"], self["_stride"], self["_padding"], self._layout)
            except ValueError:
                pass  # no windows, or windows of nothing but padding
        return self._pool_anything(x)

    def _pool_anything(self, x):
        spatial, first = self._spatial, self._layout == "nchw"
        if x.ndim != spatial + 2:
            raise ValueError(
                f"[{type(self).__name__}] expected an input with {spatial} spatial and "
                f"{spatial + 2} total dimensions but got shape {x.shape}"
            )
        start = 2 if first else 1
        kernel, stride, padding = self._kernel_size, self._stride, self._padding
        counts = [
            (size + 2 * p - k) // s + 1
            for size, k, s, p in zip(x.shape[start:], kernel, stride, padding)
        ]
        if min(counts) <= 0:
            shape = list(x.shape)
            shape[start : start + spatial] = [max(count, 0) for count in counts]
            return mx.zeros(shape, dtype=x.dtype)
        if any(p >= k for p, k in zip(padding, kernel)):
            # windows of nothing but padding, which the op refuses
            widths = [(0, 0)] * (spatial + 2)
            widths[start : start + spatial] = [(p, p) for p in padding]
            x = mx.pad(x, widths, constant_values=self._padding_value)
            padding = (0,) * spatial
        return self._pool(x, kernel, stride, padding, self._layout)


class _MaxPool(_Pool):
    _padding_value = -math.inf

    @staticmethod
    def _pool(x, *attributes):
        if x.dtype in INEXACT:
            return ops.max_pool(x, *attributes)
        # no kernel has integers; those of 32 bits and fewer are exact in float64
        return ops.max_pool(x.astype(mx.float64), *attributes).astype(x.dtype)


class _AvgPool(_Pool):
    _padding_value = 0

    @staticmethod
    def _pool(x, *attributes):
        return ops.avg_pool(x, *attributes)


_PARAMETERS = """

    `kernel_size`, `stride` (default: kernel_size) and `padding` (default 0) are an int for all
    spatial axes or a tuple with one for each. Output size:
    (size + 2 padding - kernel_size) // stride + 1.

    Beyond MLX: `data_format` ("{last}" or "{first}").
    """


def _pool(base: type, spatial: int, what: str) -> type:
    """The pooling class of `base` over `spatial` axes."""
    kind = base.__name__[1:]
    last, first = [("NLC", "NCL"), ("NHWC", "NCHW"), ("NDHWC", "NCDHW")][spatial - 1]
    shape = "(N, " + ", ".join(last[1:]) + ")"
    text = f"{spatial}-D pooling of x {shape}: {what}" + _PARAMETERS.format(
        last=last, first=first
    )
    members = {"_spatial": spatial, "__doc__": text, "__module__": __name__}
    return type(f"{kind}{spatial}d", (base,), members)


_LARGEST = (
    "the largest element of each window. Padding counts as minus infinity.\n\n    Of equal largest elements the first "
    "gets the gradient, where MLX divides it among them."
)
_MEAN = "the mean of each window. Padding counts as zeros."

MaxPool1d = _pool(_MaxPool, 1, _LARGEST)
MaxPool2d = _pool(_MaxPool, 2, _LARGEST)
MaxPool3d = _pool(_MaxPool, 3, _LARGEST)
AvgPool1d = _pool(_AvgPool, 1, _MEAN)
AvgPool2d = _pool(_AvgPool, 2, _MEAN)
AvgPool3d = _pool(_AvgPool, 3, _MEAN)
