"""Where the channels are: names of data formats, and moving channels to the end and back.

The layers' default is MLX's: channels last. It moves views only; kernels pick their layout.
"""

from __future__ import annotations

from quern import core as mx

_LAST = {"NHWC", "NLC", "NDHWC"}
_FIRST = {"NCHW", "NCL", "NCDHW"}


def is_channels_first(data_format: str, layer: str) -> bool:
    """Whether `data_format` puts the channels at axis 1. Raises ValueError for unknown names."""
    if data_format in _LAST:
        return False
    if data_format in _FIRST:
        return True
    raise ValueError(
        f"[{layer}] data_format {data_format!r} is not known, "
        f"expected one of {sorted(_LAST | _FIRST)}"
    )


def format_repr(data_format: str) -> str:
    """What a layer's repr adds for a data format: nothing for the default."""
    return "" if data_format == "NHWC" else f", data_format={data_format}"


def to_channels_last(x: mx.array) -> mx.array:
    """(N, C, spatial..) as (N, spatial.., C)."""
    return mx.moveaxis(x, 1, -1)


def to_channels_first(x: mx.array) -> mx.array:
    """(N, spatial.., C) as (N, C, spatial..)."""
    return mx.moveaxis(x, -1, 1)
