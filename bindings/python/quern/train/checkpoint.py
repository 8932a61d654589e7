"""Checkpoints: one safetensors file with everything that training needs to go on bit for bit.

It holds the model's parameters, the optimizer's state, the random state, and - as JSON in an array named "meta" - the
place in the data, the history and the state of callbacks. A file appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from quern import core as mx
from quern import utils

VERSION = 1


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or is of another model. The text names the file and what was expected."""

    def __init__(self, path: str | os.PathLike, problem: str):
        super().__init__(f"[checkpoint] {os.fspath(path)}: {problem}")


def save_arrays(path: str | os.PathLike, arrays: dict[str, mx.array]) -> None:
    """Writes a safetensors file beside ``path``, then renames it over ``path``. Raises OSError when it cannot."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".safetensors")
    os.close(handle)
    try:
        mx.save_safetensors(partial, arrays)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def save_checkpoint(path: str | os.PathLike, model: Any, optimizer: Any, meta: dict, extra: dict[str, Any]) -> None:
    """Saves the model's parameters, the optimizer's state, the random state, ``extra`` arrays, and ``meta`` (JSON)."""
    text = json.dumps({"version": VERSION, **meta}).encode()
    arrays = {"meta": mx.array(np.frombuffer(text, np.uint8))}
    arrays |= {f"model.{name}": value for name, value in utils.tree_flatten(model.parameters())}
    arrays |= {f"optimizer.{name}": value for name, value in utils.tree_flatten(optimizer.state)}
    arrays["random.0"] = mx.random.state[0]
    arrays |= {f"extra.{name}": value for name, value in extra.items()}
    save_arrays(path, arrays)


def load_checkpoint(path: str | os.PathLike, model: Any, optimizer: Any) -> tuple[dict, dict[str, Any]]:
    """Restores what save_checkpoint saved; returns its ``meta`` and ``extra``.

    Nothing is changed unless the whole file fits. Raises CheckpointError for a file that is missing or malformed, or
    whose parameters are not those of ``model``."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(path, "there is no such file")
    try:
        # By its content, whatever its name.
        with open(path, "rb") as file:
            arrays = mx.load(file, format="safetensors")
        mx.eval(arrays)
    except (RuntimeError, ValueError, TypeError, OSError) as e:
        raise CheckpointError(path, f"no safetensors file ({e})") from e
    parts: dict[str, dict[str, Any]] = {"model": {}, "optimizer": {}, "random": {}, "extra": {}}
    for name, value in arrays.items():
        part, _, rest = name.partition(".")
        if part in parts:
            parts[part][rest] = value
    try:
        meta = json.loads(np.array(arrays["meta"]).tobytes())
        version = meta["version"]
    except (KeyError, ValueError, TypeError) as e:
        raise CheckpointError(path, "no checkpoint of a training: it has no entry 'meta'") from e
    if version != VERSION:
        raise CheckpointError(path, f"version {version}, expected {VERSION}")
    _check(path, "parameters", parts["model"], dict(utils.tree_flatten(model.parameters())))
    state = utils.tree_unflatten(list(parts["optimizer"].items())) if parts["optimizer"] else {}
    key = parts["random"].get("0")
    if key is None or key.shape != (2,) or key.dtype != mx.uint32:
        raise CheckpointError(path, "it has no random key, uint32 (2,)")
    model.update(utils.tree_unflatten(list(parts["model"].items())) if parts["model"] else {})
    optimizer.state = state
    high, low = key.tolist()
    mx.random.seed(high << 32 | low)  # the key of a seed is its two halves
    return meta, parts["extra"]


def _check(path: Path, what: str, offered: dict[str, Any], wanted: dict[str, Any]) -> None:
    missing, unexpected = sorted(wanted.keys() - offered.keys()), sorted(offered.keys() - wanted.keys())
    if missing or unexpected:
        raise CheckpointError(
            path, f"{what} of another model: without {_some(missing)}, with {_some(unexpected)} beyond what it has"
        )
    for name, value in wanted.items():
        if offered[name].shape != value.shape or offered[name].dtype != value.dtype:
            raise CheckpointError(
                path, f"{name} is {offered[name].dtype}{offered[name].shape}, expected {value.dtype}{value.shape}"
            )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "nothing"
