"""How the weights of each kind of layer lie in PyTorch and here.

layer             PyTorch                        Quern
Conv*             (O, C / groups, K...)          (O, K..., C / groups)
ConvTranspose*    (C, O / groups, K...)          (O, K..., C / groups)
Linear, Embedding as here
LSTM, GRU, RNN    weight_ih_l0, weight_hh_l0,    Wx, Wh, one bias (GRU: bhn beside it)
                  bias_ih_l0, bias_hh_l0
MultiHeadAttention  in_proj_weight, in_proj_bias  query_proj, key_proj, value_proj"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quern import core as mx
from quern import nn

_CONV = tuple(getattr(nn, name) for name in ("Conv1d", "Conv2d", "Conv3d"))
_TRANSPOSED = tuple(getattr(nn, name) for name in ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"))


def conv_weight(weight: mx.array) -> mx.array:
    """(O, C / groups, K...) to (O, K..., C / groups)."""
    return mx.moveaxis(weight, 1, -1)


def conv_transpose_weight(weight: mx.array, groups: int = 1) -> mx.array:
    """(C, O / groups, K...) to (O, K..., C / groups). Raises ValueError when groups do not divide C."""
    channels, outputs, *kernel = weight.shape
    if channels % groups:
        raise ValueError(f"[conv_transpose_weight] {channels} channels, expected a multiple of the {groups} groups")
    split = mx.reshape(weight, (groups, channels // groups, outputs, *kernel))
    return mx.reshape(mx.moveaxis(split, 1, -1), (groups * outputs, *kernel, channels // groups))


def fold_weight_norm(g: mx.array, v: mx.array) -> mx.array:
    """The weight g * v / |v|, with the norm over all axes along which g has length 1.

    g: (n, 1, ...) as PyTorch keeps it, or a scalar for the norm of all. v: the weight's shape."""
    axes = [i for i in range(v.ndim) if g.ndim != v.ndim or g.shape[i] == 1]
    norm = mx.sqrt(mx.sum(mx.square(v.astype(mx.float32)), axis=axes, keepdims=True))
    return (v.astype(mx.float32) * (g.astype(mx.float32) / norm)).astype(v.dtype)


def own_weight(module: Any, name: str, value: mx.array) -> mx.array:
    """A parameter of PyTorch in the layout of the parameter ``name`` of ``module``."""
    if name not in ("weight", "weight_v", "weight_g") or value.ndim < 3:
        return value
    if isinstance(module, _CONV):
        return conv_weight(value)
    if isinstance(module, _TRANSPOSED):
        return conv_transpose_weight(value, getattr(module, "groups", 1))
    return value


def combined(module: Any, prefix: str, source: Mapping[str, mx.array]) -> dict[str, tuple[mx.array, list[str]]]:
    """Parameters of ``module`` that PyTorch keeps differently: name -> (value, the names used up).

    prefix: of the module's names in ``source``, with its dot."""

    def have(*names: str) -> bool:
        return all(prefix + name in source for name in names)

    def get(name: str) -> mx.array:
        return source[prefix + name]

    found: dict[str, tuple[mx.array, list[str]]] = {}
    if isinstance(module, (nn.LSTM, nn.GRU, nn.RNN)) and have("weight_ih_l0", "weight_hh_l0"):
        names = {"Wx": "weight_ih_l0", "Wh": "weight_hh_l0"}
        if isinstance(module, nn.RNN):
            names = {"Wxh": "weight_ih_l0", "Whh": "weight_hh_l0"}
        found |= {ours: (get(theirs), [prefix + theirs]) for ours, theirs in names.items()}
        if have("bias_ih_l0", "bias_hh_l0"):
            x, h = get("bias_ih_l0"), get("bias_hh_l0")
            used = [prefix + "bias_ih_l0", prefix + "bias_hh_l0"]
            if isinstance(module, nn.GRU):
                cut = 2 * (x.shape[0] // 3)  # the new gate's own bias is multiplied by the reset gate
                found["b"] = (mx.concatenate([x[:cut] + h[:cut], x[cut:]]), used)
                found["bhn"] = (h[cut:], used)
            else:
                found["bias"] = (x + h, used)
    if isinstance(module, nn.MultiHeadAttention):
        for kind in ("weight", "bias"):
            if have(f"in_proj_{kind}"):
                thirds = mx.split(get(f"in_proj_{kind}"), 3)
                for part, value in zip(("query", "key", "value"), thirds):
                    found[f"{part}_proj.{kind}"] = (value, [f"{prefix}in_proj_{kind}"])
    return found
