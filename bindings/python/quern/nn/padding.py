"""Padding by mode: zeros, reflect, symmetric, replicate and circular.

`quern.core.pad` has all modes but the circular one; here are also the names PyTorch users know.
"""

from __future__ import annotations

from quern import core as mx

__all__ = ["pad"]

_MODES = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "edge": "edge",
    "circular": "circular",
}


def padding_mode(name: str) -> str:
    """The mode that `name` stands for. Raises ValueError for an unknown name."""
    if name not in _MODES:
        raise ValueError(
            f"[pad] padding mode {name!r} is not known, expected one of {sorted(_MODES)}"
        )
    return _MODES[name]


def pad(x: mx.array, pad_width, mode: str = "constant", value=0) -> mx.array:
    """x with `pad_width` elements put before and after every axis.

    `pad_width` is an int for all axes and sides, a pair (before, after) for all axes, or a list
    of pairs, one an axis.

    `mode`: "constant" or "zeros" (with `value`, default 0), "reflect" (mirrored without the
    border element), "symmetric" (mirrored with it), "replicate" or "edge" (the border element),
    "circular" (from the other end).

        >>> nn.pad(mx.array([1, 2, 3]), 2, "reflect")
        array([3, 2, 1, 2, 3, 2, 1], dtype=int32)
    """
    mode = padding_mode(mode)
    if mode == "constant":
        return mx.pad(x, pad_width, constant_values=value)
    if mode != "circular":
        return mx.pad(x, pad_width, mode=mode)
    if isinstance(pad_width, int):
        pad_width = (pad_width, pad_width)
    if isinstance(pad_width[0], int):
        pad_width = [tuple(pad_width)] * x.ndim
    if len(pad_width) != x.ndim:
        raise ValueError(
            f"[pad] {len(pad_width)} pairs of widths for an array of shape {x.shape}, "
            "expected one for each axis"
        )
    for axis, (before, after) in enumerate(pad_width):
        if before or after:
            size = x.shape[axis]
            positions = (mx.arange(-before, size + after) + before * size) % size
            x = mx.take(x, positions, axis=axis)
    return x
