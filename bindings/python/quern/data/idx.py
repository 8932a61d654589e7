"""The idx files of MNIST and its relatives, plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist/ - two zero bytes, a type, the number of axes, their lengths, the data; all
big-endian."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import ArrayDataset
from .download import data_home, download
from .errors import DataError

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_FILES = {
    (True, "images"): "train-images-idx3-ubyte",
    (True, "labels"): "train-labels-idx1-ubyte",
    (False, "images"): "t10k-images-idx3-ubyte",
    (False, "labels"): "t10k-labels-idx1-ubyte",
}


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The array in an idx file, in native byte order; a gzipped file is recognised by its first bytes.

    Raises DataError naming the file when it is missing, cut short, too long, or no idx file."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else open(path, "rb") as file:
            return _parse(path, file)
    except FileNotFoundError as e:
        raise DataError("read_idx", path, "there is no such file") from e
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise DataError("read_idx", path, f"a damaged gzip file ({e})") from e


def _parse(path: str | os.PathLike, file: Any) -> np.ndarray:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise DataError(
            "read_idx", path, f"starts with {head.hex() or 'nothing'}, expected an idx file (0000 type axes)"
        )
    axes = file.read(4 * head[3])
    if len(axes) < 4 * head[3]:
        raise DataError("read_idx", path, f"ends inside the lengths of its {head[3]} axes")
    shape = struct.unpack(f">{head[3]}I", axes)
    dtype = np.dtype(_TYPES[head[2]])
    want = math.prod(shape) * dtype.itemsize
    # Read in pieces: the header of a damaged file may announce more than there is memory.
    data = bytearray()
    while len(data) <= want and (block := file.read(min(1 << 24, want + 1 - len(data)))):
        data += block
    if len(data) != want:
        found = f"{len(data)} bytes" if len(data) < want else "more"
        raise DataError(
            "read_idx", path, f"{found} after the header, expected {want} for shape {shape} of {dtype.name}"
        )
    return np.frombuffer(bytes(data), dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


class MNIST(ArrayDataset):
    """MNIST: 60,000 (train) or 10,000 pictures of digits; samples are (image, label).

    root:      the folder with the four files, .gz or not; None = data_home()/mnist.
    train:     the training or the test part; default True.
    fetch:     download files that are not in root; default False.
    layout:    "NHWC" = images (28, 28, 1), "NCHW" = (1, 28, 28).
    normalize: (mean, std) of the pixels, after they were scaled to 0..1; default none.
    Images come as float32, labels as int32; ``images`` (uint8) and ``labels`` hold the files' contents.
    Raises DataError for files that are missing or malformed."""

    classes = tuple("0123456789")
    _folder = "mnist"
    _url = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    _digests = {
        "train-images-idx3-ubyte": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    }
    _installed: Path | None = None  # where a system package puts the files

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        train: bool = True,
        *,
        fetch: bool = False,
        layout: str = "NHWC",
        normalize: tuple[float, float] | None = None,
    ):
        images_path, labels_path = (self._find(root, _FILES[bool(train), kind], fetch) for kind in ("images", "labels"))
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.ndim != 3 or images.dtype != np.uint8:
            raise DataError(type(self).__name__, images_path, f"{images.dtype}{images.shape}, expected uint8 (N, H, W)")
        if labels.shape != images.shape[:1]:
            raise DataError(
                type(self).__name__, labels_path, f"shape {labels.shape}, expected ({len(images)},) as in {images_path}"
            )
        if labels.size and not (labels.dtype == np.uint8 and labels.max() < len(self.classes)):
            raise DataError(type(self).__name__, labels_path, f"expected bytes from 0 to {len(self.classes) - 1}")
        self.images, self.labels = image_layout(images[..., None], layout), labels.astype(np.int32)
        super().__init__(self.images, self.labels, transform=Scale(normalize, layout))

    @classmethod
    def _find(cls, root: str | os.PathLike | None, name: str, fetch: bool) -> Path:
        folders = [Path(root)] if root is not None else [data_home() / cls._folder]
        if root is None and cls._installed:
            folders.append(cls._installed)
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.exists():
                    return path
        path = folders[0] / f"{name}.gz"
        if fetch:
            return download(cls._url + path.name, path, digest=cls._digests[name])
        raise DataError(cls.__name__, path, "there is no such file, packed or not; fetch=True downloads it")


class FashionMNIST(MNIST):
    """Fashion-MNIST: 60,000 or 10,000 pictures of clothes in ten classes; arguments and files as for MNIST.

    root None also looks where Debian's package dataset-fashion-mnist puts the files."""

    classes = (
        "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    )  # fmt: skip
    _folder = "fashion-mnist"
    _url = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    _digests = {
        "train-images-idx3-ubyte": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    }
    _installed = Path("/usr/share/datasets/fashion-mnist")


def image_layout(images: np.ndarray, layout: str) -> np.ndarray:
    """Images (N, H, W, C) in ``layout``, "NHWC" or "NCHW", contiguous. Raises ValueError for another one."""
    if layout == "NHWC":
        return np.ascontiguousarray(images)
    if layout == "NCHW":
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    raise ValueError(f"[data] layout is {layout!r}, expected 'NHWC' or 'NCHW'")


class Scale:
    """Batches of uint8 images to float32 in 0..1, then (x - mean) / std by channel; labels pass."""

    def __init__(self, normalize: tuple[Any, Any] | None, layout: str):
        self.factor, self.shift = np.float32(1 / 255), np.float32(0)
        if normalize is not None:
            mean, std = (np.asarray(v, np.float32) for v in normalize)
            if layout == "NCHW":
                mean, std = (v.reshape(-1, 1, 1) if v.ndim else v for v in (mean, std))
            self.factor, self.shift = 1 / (255 * std), -mean / std

    def __call__(self, images: np.ndarray, *labels: np.ndarray) -> tuple:
        return (images * self.factor + self.shift, *labels)
