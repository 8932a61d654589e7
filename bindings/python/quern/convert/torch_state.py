"""torch_state_dict: the weights of a PyTorch checkpoint into a Quern model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quern import core as mx
from quern import nn, utils
from quern.data.loader import to_array

from .errors import ConversionError
from .layers import combined, fold_weight_norm, own_weight
from .report import Report
from .torch_file import read_torch

_PAIRS = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))
_IGNORED = ("num_batches_tracked",)


def torch_state_dict(
    model: Any,
    source: Any,
    *,
    key: str | None = None,
    rename: Mapping[str, str] | Callable[[str], str | None] | None = None,
    flatten: Mapping[str, Sequence[int]] | None = None,
    strict: bool = True,
) -> Report:
    """Puts the weights of a PyTorch state dict into ``model``, whose layers say how each is to be transposed.

    model:   an nn.Module. Names must be those of PyTorch; the "layers" of an nn.Sequential are seen to.
    source:  a path to .safetensors or to what torch.save wrote, or a dict of arrays.
    key:     which entry of the file is the state dict ("generator"); default the whole, or its one dict of arrays.
    rename:  names of the file to names of the model: beginnings {"module.": ""}, or a function (None = leave out).
    flatten: for a Linear behind a flattened feature map: {"fc1": (channels, height, width)}; its columns are put into
             the order of (height, width, channels).
    strict:  raise ConversionError, with ``report``, and change nothing unless all names and shapes match (default);
             False = load what matches.
    Weight norm (weight_g and weight_v, or parametrizations) is folded into the weight. Values take the dtype of the
    model's parameters. Returns the report."""
    state = _renamed(_state(source, key), rename)
    report = Report()
    modules = dict(model.named_modules())
    theirs = _torch_prefixes(modules)
    normed = {theirs[path] for path, module in modules.items() if "weight_g" in module}
    values = _folded(state, normed, report)
    used: set[str] = set()
    update: dict[str, mx.array] = {}
    special: dict[str, tuple[mx.array, list[str]]] = {}
    for path, module in modules.items():
        for name, found in combined(module, _join(theirs[path], ""), values).items():
            special[_join(path, name)] = found
    for name, parameter in utils.tree_flatten(model.parameters()):
        path = _owner(name, modules)
        inner = name[len(path) + 1 :] if path else name
        if name in special:
            value, names = special[name]
        else:
            names = [_join(theirs[path], inner)]
            if names[0] not in values:
                report.missing.append(name)
                continue
            value = values[names[0]]
        used.update(names)
        offered = tuple(value.shape)
        value = own_weight(modules[path], inner, value)
        if flatten and path in flatten and inner == "weight":
            value = _columns(path, value, flatten[path])
        if value.shape != parameter.shape:
            report.mismatched.append((name, offered, tuple(parameter.shape)))
            continue
        update[name] = value.astype(parameter.dtype)
        report.loaded.append(name)
    report.unexpected = [n for n in values if n not in used and n.rsplit(".", 1)[-1] not in _IGNORED]
    if strict and not report.ok:
        raise ConversionError(f"the checkpoint does not fit the model\n{report}", report)
    model.update(utils.tree_unflatten(list(update.items())) if update else {})
    return report


def read_state(path: str | os.PathLike) -> Any:
    """The contents of a .safetensors file, or of what torch.save wrote. Raises ConversionError naming the file."""
    name = os.fspath(path)
    if not name.endswith(".safetensors"):
        return read_torch(path)
    if not os.path.exists(path):
        raise ConversionError(f"{name}: there is no such file")
    try:
        return mx.load(name)
    except (RuntimeError, ValueError, OSError) as e:
        raise ConversionError(f"{name}: no safetensors file ({e})") from e


def _state(source: Any, key: str | None) -> dict[str, mx.array]:
    where = "the dict given"
    if isinstance(source, (str, os.PathLike)):
        where, source = os.fspath(source), read_state(source)
    if key is not None:
        if not isinstance(source, Mapping) or key not in source:
            keys = ", ".join(map(str, source)) if isinstance(source, Mapping) else type(source).__name__
            raise ConversionError(f"{where}: has no {key!r}, only {keys}")
        source = source[key]
    if not isinstance(source, Mapping):
        raise ConversionError(f"{where}: holds a {type(source).__name__}, expected a dict of arrays")
    arrays = {str(name): to_array(value) for name, value in source.items() if _is_array(value)}
    if not arrays and source:
        inner = [k for k, v in source.items() if isinstance(v, Mapping) and any(_is_array(a) for a in v.values())]
        if len(inner) != 1:
            choice = f"key= one of {', '.join(map(str, inner))}" if inner else "a dict of arrays"
            raise ConversionError(f"{where}: holds {', '.join(map(str, source))}; expected {choice}")
        return _state(source[inner[0]], None)
    return arrays


def _is_array(value: Any) -> bool:
    return isinstance(to_array(value), mx.array)


def _renamed(state: dict[str, mx.array], rename: Any) -> dict[str, mx.array]:
    if rename is None:
        return state
    renamed: dict[str, mx.array] = {}
    for name, value in state.items():
        if callable(rename):
            name = rename(name)
        else:
            start = max((s for s in rename if name.startswith(s)), key=len, default=None)
            name = name if start is None else rename[start] + name[len(start) :]
        if name is None:
            continue
        if name in renamed:
            raise ConversionError(f"two arrays would be called {name!r} after renaming")
        renamed[name] = value
    return renamed


def _folded(state: dict[str, mx.array], normed: set[str], report: Report) -> dict[str, mx.array]:
    """The state with weight norm folded, except in the layers of ``normed``, which keep weight_g and weight_v."""
    values = dict(state)
    for end_g, end_v in _PAIRS:
        for name in state:
            base = name[: -len(end_g)]  # "" or with its dot
            if not f".{name}".endswith(f".{end_g}") or base + end_v not in state:
                continue
            g, v = values.pop(name), values.pop(base + end_v)
            if base.rstrip(".") in normed:
                values |= {f"{base}weight_g": g, f"{base}weight_v": v}
                continue
            values[f"{base}weight"] = fold_weight_norm(g, v)
            report.folded.append(f"{base}weight")
    return values


def _torch_prefixes(modules: Mapping[str, Any]) -> dict[str, str]:
    """Path of each module here -> its path in PyTorch, where an nn.Sequential has no "layers"."""
    found = {}
    for path in modules:
        parts, theirs = path.split(".") if path else [], []
        for i, part in enumerate(parts):
            parent = modules.get(".".join(parts[:i]))
            if not (part == "layers" and isinstance(parent, nn.Sequential)):
                theirs.append(part)
        found[path] = ".".join(theirs)
    return found


def _owner(name: str, modules: Mapping[str, Any]) -> str:
    parts = name.split(".")
    for i in range(len(parts) - 1, 0, -1):
        if ".".join(parts[:i]) in modules:
            return ".".join(parts[:i])
    return ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _columns(path: str, weight: mx.array, shape: Sequence[int]) -> mx.array:
    outputs, inputs = weight.shape
    size = 1
    for n in shape:
        size *= n
    if size != inputs:
        raise ConversionError(f"{path}: {inputs} columns, expected {size} for flatten={tuple(shape)}")
    return mx.reshape(mx.moveaxis(mx.reshape(weight, (outputs, *shape)), 1, -1), (outputs, inputs))
