"""What fit, evaluate and predict take as data, made into an iterable of batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from quern import core as mx
from quern.data import ArrayDataset, DataLoader, Dataset
from quern.data.dataset import tree_map
from quern.data.loader import to_array


def parts_of(value: Any) -> tuple:
    """A tuple or list as a tuple; anything else is one part."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def batch_parts(batch: Any) -> tuple:
    """A batch as a tuple of its parts, NumPy arrays in it as Quern arrays."""
    return tuple(tree_map(to_array, part) for part in parts_of(batch))


def leading(batch: tuple) -> int:
    """Samples in a batch: the first axis of its last array; 1 when there is none."""
    sizes = [1]
    tree_map(lambda a: sizes.append(a.shape[0]) if isinstance(a, mx.array) and a.ndim else None, batch)
    return sizes[-1]


def loader_of(
    x: Any,
    y: Any = None,
    batch_size: int = 32,
    shuffle: bool = False,
    seed: int = 0,
    workers: int = 0,
    drop_last: bool = False,
) -> Iterable:
    """An iterable of batches from arrays, a Dataset, or such an iterable (returned as it is)."""
    if isinstance(x, DataLoader) or not _is_data(x):
        if y is not None:
            raise ValueError("[fit] y goes with arrays; a loader's batches hold the targets")
        if not isinstance(x, Iterable):
            raise TypeError(f"[fit] data is a {type(x).__name__}, expected arrays, a Dataset or an iterable of batches")
        return x
    return DataLoader(_dataset(x, y), batch_size, shuffle, seed=seed, workers=workers, drop_last=drop_last)


def validation_loader(data: Any, batch_size: int, workers: int) -> Iterable:
    """Batches of ``validation_data``: (x, y), a Dataset, or an iterable of batches."""
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return loader_of(data[0], data[1], batch_size, workers=workers)
    return loader_of(data, None, batch_size, workers=workers)


def split_off(x: Any, y: Any, fraction: float) -> tuple[tuple[Any, Any], Any]:
    """((x, y), validation data): the last ``fraction`` of arrays or a Dataset. Raises ValueError for loaders."""
    if not _is_data(x):
        raise ValueError("[fit] validation_split needs arrays or a Dataset; give validation_data with a loader")
    rest, held_out = _dataset(x, y).split(fraction, seed=None)
    return (rest, None), held_out


def _is_data(x: Any) -> bool:
    if isinstance(x, (tuple, list)):
        return bool(x) and all(isinstance(part, (mx.array, np.ndarray)) for part in x)
    return isinstance(x, (Dataset, mx.array, np.ndarray))


def _dataset(x: Any, y: Any) -> Dataset:
    if isinstance(x, Dataset):
        if y is not None:
            raise ValueError("[fit] y goes with arrays; a Dataset's samples hold the targets")
        return x
    return ArrayDataset(*parts_of(x), *(() if y is None else parts_of(y)))
