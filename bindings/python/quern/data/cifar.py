"""CIFAR-10 and CIFAR-100: the binary and the pickled Python version, as folders or as the .tar.gz they come in.

Format: https://www.cs.toronto.edu/~kriz/cifar.html. Pickles are read without running code (pickles.py)."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import ArrayDataset
from .download import data_home, download
from .errors import DataError
from .idx import Scale, image_layout
from .pickles import load_arrays

_PIXELS = 3 * 32 * 32


class _Cifar(ArrayDataset):
    _folder: str
    _archives: dict[str, str]  # name -> digest
    _train: dict[str, list[str]]  # kind -> files
    _test: dict[str, list[str]]
    _label_bytes: int  # in front of each picture of the binary version; the last one counts
    _label_key: bytes
    _url = "https://www.cs.toronto.edu/~kriz/"

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        train: bool = True,
        *,
        fetch: bool = False,
        layout: str = "NHWC",
        normalize: tuple[Any, Any] | None = None,
    ):
        source = self._source(root, fetch)
        kinds = self._train if train else self._test
        images, labels = [], []
        for where, name, data in _files(type(self).__name__, source, kinds):
            parse = self._binary if name.endswith(".bin") else self._pickled
            some_images, some_labels = parse(where, data)
            images.append(some_images)
            labels.append(some_labels)
        # (N, 3, 32, 32) on disk
        self.images = image_layout(np.concatenate(images).transpose(0, 2, 3, 1), layout)
        self.labels = np.concatenate(labels).astype(np.int32)
        super().__init__(self.images, self.labels, transform=Scale(normalize, layout))

    @classmethod
    def _source(cls, root: str | os.PathLike | None, fetch: bool) -> Path:
        path = Path(root) if root is not None else data_home() / cls._folder
        if path.is_file():
            return path
        names = {name for kind in (*cls._train.values(), *cls._test.values()) for name in kind}
        for folder in (path, *(path / archive.split(".")[0] for archive in cls._archives), *_subfolders(path)):
            if any((folder / name).exists() for name in names):
                return folder
        for archive in cls._archives:
            if (path / archive).exists():
                return path / archive
        archive, digest = next(iter(cls._archives.items()))
        if fetch:
            return download(cls._url + archive, path / archive, digest=digest)
        raise DataError(
            cls.__name__, path, f"neither {archive} nor its files are there; fetch=True downloads it (170 MB)"
        )

    def _binary(self, where: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        row = self._label_bytes + _PIXELS
        if not data or len(data) % row:
            raise DataError(type(self).__name__, where, f"{len(data)} bytes, expected a multiple of {row}")
        rows = np.frombuffer(data, np.uint8).reshape(-1, row)
        labels = rows[:, self._label_bytes - 1]
        return self._checked(where, rows[:, self._label_bytes :], labels)

    def _pickled(self, where: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        name = type(self).__name__
        try:
            content = load_arrays(data)
        except pickle.UnpicklingError as e:
            raise DataError(name, where, f"{e}; expected a pickled dict of arrays") from e
        if not isinstance(content, dict):
            raise DataError(name, where, f"holds a {type(content).__name__}, expected a dict")
        content = {k.encode() if isinstance(k, str) else k: v for k, v in content.items()}
        missing = [k.decode() for k in (b"data", self._label_key) if k not in content]
        if missing:
            raise DataError(name, where, f"has no {' and no '.join(missing)}")
        pixels = content[b"data"]
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (_PIXELS,):
            raise DataError(name, where, f"data is {_described(pixels)}, expected uint8 (N, {_PIXELS})")
        try:
            labels = np.asarray(content[self._label_key], dtype=np.int64)
        except (TypeError, ValueError, OverflowError) as e:
            raise DataError(name, where, f"{self._label_key.decode()} are not numbers") from e
        return self._checked(where, pixels, labels)

    def _checked(self, where: str, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if labels.shape != (len(pixels),):
            raise DataError(
                type(self).__name__,
                where,
                f"labels of shape {labels.shape} for {len(pixels)} pictures, expected one each",
            )
        if labels.size and (labels.min() < 0 or labels.max() >= self.n_classes):
            raise DataError(type(self).__name__, where, f"a label is outside of 0 to {self.n_classes - 1}")
        return pixels.reshape(-1, 3, 32, 32), labels


class CIFAR10(_Cifar):
    """CIFAR-10: 50,000 (train) or 10,000 colour pictures in ten classes; samples are (image, label).

    root:      the .tar.gz, the folder with its files, or the folder above; None = data_home()/cifar-10. Both the
               binary and the Python version do.
    train:     the training or the test part; default True.
    fetch:     download the archive when it is not there (170 MB); default False.
    layout:    "NHWC" = images (32, 32, 3), "NCHW" = (3, 32, 32).
    normalize: (mean, std), each one number or three, after pixels were scaled to 0..1; default none.
    Images come as float32, labels as int32; ``images`` (uint8) and ``labels`` hold the contents.
    Raises DataError for files that are missing or malformed."""

    n_classes = 10
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    _folder = "cifar-10"
    _archives = {
        "cifar-10-python.tar.gz": "md5:c58f30108f718f92721af3b95e74349a",
        "cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530",
    }
    _train = {
        "python": [f"data_batch_{i}" for i in range(1, 6)],
        "binary": [f"data_batch_{i}.bin" for i in range(1, 6)],
    }
    _test = {"python": ["test_batch"], "binary": ["test_batch.bin"]}
    _label_bytes = 1
    _label_key = b"labels"


class CIFAR100(_Cifar):
    """CIFAR-100: as CIFAR10, with a hundred classes (the fine labels). root None = data_home()/cifar-100."""

    n_classes = 100
    _folder = "cifar-100"
    _archives = {
        "cifar-100-python.tar.gz": "md5:eb9058c3a382ffc7106e4002c42a8d85",
        "cifar-100-binary.tar.gz": "md5:03b5dce01913d631647c71ecec9e9cb8",
    }
    _train = {"python": ["train"], "binary": ["train.bin"]}
    _test = {"python": ["test"], "binary": ["test.bin"]}
    _label_bytes = 2  # coarse, fine
    _label_key = b"fine_labels"


def _subfolders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []


def _files(reader: str, source: Path, kinds: dict[str, list[str]]) -> list[tuple[str, str, bytes]]:
    """(where, name, bytes) of all files of the first kind that is there."""
    if source.is_dir():
        for names in kinds.values():
            there = [name for name in names if (source / name).exists()]
            if there and len(there) < len(names):
                missing = next(name for name in names if name not in there)
                raise DataError(reader, source / missing, "there is no such file, though others of the set are there")
            if there:
                return [(str(source / name), name, (source / name).read_bytes()) for name in names]
        raise DataError(reader, source, f"expected files {' or '.join(', '.join(n) for n in kinds.values())}")
    try:
        found: dict[str, bytes] = {}
        wanted = {name for names in kinds.values() for name in names}
        with tarfile.open(source, "r:*") as archive:
            for member in archive:
                base = member.name.rsplit("/", 1)[-1]
                if member.isfile() and base in wanted:
                    stream = archive.extractfile(member)
                    found[base] = (stream or io.BytesIO()).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as e:
        raise DataError(reader, source, f"a damaged archive ({e})") from e
    for names in kinds.values():
        if all(name in found for name in names):
            return [(f"{source}:{name}", name, found[name]) for name in names]
    raise DataError(reader, source, f"expected files {' or '.join(', '.join(n) for n in kinds.values())} inside")


def _described(value: Any) -> str:
    return f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
