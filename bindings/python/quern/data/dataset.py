"""Datasets: numbered samples, as arrays in memory or as anything with a length and an index.

Batches, order and threads are the loader's business."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


class Dataset:
    """Numbered samples. A subclass gives ``__len__`` and ``__getitem__``; ``batch`` may be given too, for speed.

    A sample is an array, a number, or a tuple, list or dict of samples. Both methods are called from several threads
    when a loader has workers."""

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__; a Dataset needs one")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__; a Dataset needs one")

    def batch(self, indices: Sequence[int]) -> Any:
        """The samples of ``indices``, stacked: like one sample with a first axis of len(indices), as NumPy arrays."""
        return collate([self[int(i)] for i in indices])

    def map(self, function: Callable[..., Any]) -> Dataset:
        """This dataset with ``function(*sample)`` (or ``function(sample)`` if it is no tuple) for every sample."""
        return _Mapped(self, function)

    def subset(self, indices: Sequence[int]) -> Dataset:
        """The samples of ``indices``, in that order. Raises IndexError for one that is out of range."""
        return _Subset(self, indices)

    def take(self, n: int) -> Dataset:
        """The first ``n`` samples; all of them when there are fewer."""
        return self.subset(range(min(n, len(self))))

    def split(self, fraction: float, *, seed: int | None = 0) -> tuple[Dataset, Dataset]:
        """Two datasets: one with about ``fraction`` of the samples drawn by ``seed`` (None = the last ones), and before
        it the rest: ``train, validation = data.split(0.1)``. Raises ValueError unless 0 < fraction < 1."""
        if not 0 < fraction < 1:
            raise ValueError(f"[split] fraction is {fraction}, expected more than 0 and less than 1")
        n = len(self)
        order = np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n)
        cut = n - max(1, round(n * fraction)) if n > 1 else n
        return self.subset(np.sort(order[:cut])), self.subset(np.sort(order[cut:]))


class ArrayDataset(Dataset):
    """Arrays that share their first axis: sample i is ``(a[i], b[i], ...)``, or ``a[i]`` for one array, or a dict.

    arrays: NumPy arrays, Quern arrays, or nested lists; by name for samples that are dicts. transform: called on
    every batch with the arrays of the batch (first axis the batch), returns what takes their place; default none.
    Raises ValueError when there is no array, or lengths differ. Arrays are kept, not copied."""

    def __init__(self, *arrays: Any, transform: Callable[..., Any] | None = None, **named: Any):
        if bool(arrays) == bool(named):
            raise ValueError("[ArrayDataset] expected arrays, or arrays by name, and not both")
        self.names = tuple(named) or None
        self.arrays = tuple(np.asarray(a) for a in (arrays or named.values()))
        self.transform = transform
        lengths = [a.shape[0] if a.ndim else None for a in self.arrays]
        if None in lengths or len(set(lengths)) != 1:
            shapes = ", ".join(str(a.shape) for a in self.arrays)
            raise ValueError(f"[ArrayDataset] shapes {shapes}: expected the same first axis in all")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> Any:
        index = range(len(self))[index]
        batch = self.batch([index])
        return tree_map(lambda a: a[0], batch)

    def batch(self, indices: Sequence[int]) -> Any:
        where = np.asarray(indices, dtype=np.intp)
        parts = tuple(a[where] for a in self.arrays)
        if self.names:
            named = dict(zip(self.names, parts))
            return self.transform(**named) if self.transform else named
        if self.transform:
            return self.transform(*parts)
        return parts if len(parts) > 1 else parts[0]


class _Subset(Dataset):
    def __init__(self, base: Dataset, indices: Sequence[int]):
        self.base = base
        self.indices = np.asarray(indices, dtype=np.intp)
        if self.indices.size and (self.indices.min() < 0 or self.indices.max() >= len(base)):
            raise IndexError(f"[subset] an index is outside of 0 to {len(base) - 1}")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.base[int(self.indices[index])]

    def batch(self, indices: Sequence[int]) -> Any:
        return batch_of(self.base, self.indices[np.asarray(indices, dtype=np.intp)])


class _Mapped(Dataset):
    def __init__(self, base: Dataset, function: Callable[..., Any]):
        self.base = base
        self.function = function

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, index: int) -> Any:
        sample = self.base[index]
        return self.function(*sample) if isinstance(sample, tuple) else self.function(sample)


def batch_of(dataset: Any, indices: Sequence[int]) -> Any:
    """The batch of ``indices`` from a Dataset, or from anything with an index such as a list of samples."""
    if hasattr(dataset, "batch"):
        return dataset.batch(indices)
    return collate([dataset[int(i)] for i in indices])


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` on every leaf of nested tuples, lists and dicts; the containers keep their type."""
    if isinstance(tree, Mapping):
        return {key: tree_map(function, item) for key, item in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(tree_map(function, item) for item in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(tree_map(function, item) for item in tree)
    return function(tree)


def collate(samples: Sequence[Any]) -> Any:
    """Stacks samples along a new first axis, inside tuples, lists and dicts; text stays a list.

    Python numbers become int32 or float32 arrays, as arrays of a program usually are. Raises ValueError when samples
    differ in shape or structure, naming both."""
    first = samples[0]
    if isinstance(first, (tuple, list)):
        lengths = {len(s) if isinstance(s, (tuple, list)) else -1 for s in samples}
        if len(lengths) != 1:
            raise ValueError(f"[collate] samples with {sorted(lengths)} parts in one batch, expected one structure")
        parts = [collate(part) for part in zip(*samples)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if isinstance(first, Mapping):
        if any(not isinstance(s, Mapping) or set(s) != set(first) for s in samples):
            raise ValueError("[collate] samples with other keys in one batch, expected the same in all")
        return {key: collate([s[key] for s in samples]) for key in first}
    if isinstance(first, (str, bytes)):
        return list(samples)
    arrays = [np.asarray(s) for s in samples]
    for a in arrays:
        if a.shape != arrays[0].shape:
            raise ValueError(f"[collate] shapes {arrays[0].shape} and {a.shape} in one batch, expected one shape")
    stacked = np.stack(arrays)
    if isinstance(first, (bool, np.ndarray, np.generic)) or hasattr(first, "__array__"):
        return stacked
    if stacked.dtype == np.int64:
        return stacked.astype(np.int32)
    return stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked
