"""Datasets from .npy and .npz files; pickled objects in them are refused."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dataset import ArrayDataset
from .errors import DataError


def from_npy(*paths: str | os.PathLike, mmap: bool = True) -> ArrayDataset:
    """One dataset of several .npy files with the same first axis, in the order given.

    mmap: read from disk as samples are asked for (default), or at once. Raises DataError naming the file."""
    return _dataset(paths, [_load(path, "r" if mmap else None) for path in paths])


def from_npz(path: str | os.PathLike, names: Sequence[str] | None = None) -> ArrayDataset:
    """A dataset of arrays in one .npz file: those of ``names`` in that order, or all in the file's order.

    Raises DataError when one is not in the file, with the names that are."""
    archive = _load(path, None)
    if isinstance(archive, np.ndarray):
        raise DataError("from_npz", path, "a single array, expected an .npz file; from_npy reads it")
    with archive:
        names = list(archive.files if names is None else names)
        missing = [name for name in names if name not in archive.files]
        if missing or not names:
            raise DataError("from_npz", path, f"has no {', '.join(missing)}, only {', '.join(archive.files)}")
        try:
            arrays = [archive[name] for name in names]
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as e:
            raise DataError("from_npz", path, f"damaged ({e})") from e
    return _dataset([f"{path}:{name}" for name in names], arrays)


def _load(path: str | os.PathLike, mmap: str | None) -> Any:
    try:
        return np.load(path, mmap_mode=mmap, allow_pickle=False)
    except FileNotFoundError as e:
        raise DataError("from_npy", path, "there is no such file") from e
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise DataError("from_npy", path, f"no NumPy file of plain arrays ({e})") from e


def _dataset(paths: Sequence[Any], arrays: Sequence[np.ndarray]) -> ArrayDataset:
    for path, array in zip(paths, arrays):
        if array.shape[:1] != arrays[0].shape[:1] or not array.ndim:
            raise DataError(
                "from_npy", path, f"shape {array.shape}, expected a first axis as in {paths[0]} {arrays[0].shape}"
            )
    return ArrayDataset(*arrays)
