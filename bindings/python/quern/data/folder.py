"""Folders of pictures, one folder a class; needs Pillow, which is asked for when the first picture is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Dataset
from .errors import DataError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


def read_image(path: str | os.PathLike, *, mode: str = "RGB", size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture as uint8 (height, width, channels).

    mode: "RGB", "L" (grey, one channel) or "RGBA". size: (height, width) to scale to, bilinear; default its own.
    Raises DataError for a file that is no picture, ImportError when Pillow is not installed."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as e:
        raise ImportError("[read_image] reading pictures needs Pillow: pip install pillow") from e
    try:
        with Image.open(path) as image:
            image = image.convert(mode)
            if size is not None:
                image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            pixels = np.asarray(image)
    except FileNotFoundError as e:
        raise DataError("read_image", path, "there is no such file") from e
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as e:
        raise DataError("read_image", path, f"no picture that Pillow can read ({e})") from e
    return pixels[..., None] if pixels.ndim == 2 else pixels


class ImageFolder(Dataset):
    """Pictures in ``root/CLASS/...``: samples are (float32 image in 0..1 (height, width, channels), int label).

    root: the folder with one folder a class; classes are numbered in the order of their names.
    size: (height, width) that all are scaled to; None = as they are, then they must agree within a batch.
    mode: "RGB", "L" or "RGBA". transform: called on each uint8 image in place of the scaling to 0..1.
    ``classes``, ``paths`` and ``labels`` tell what was found. Raises DataError when there is no class or picture."""

    def __init__(
        self,
        root: str | os.PathLike,
        *,
        size: tuple[int, int] | None = None,
        mode: str = "RGB",
        transform: Callable[[np.ndarray], Any] | None = None,
    ):
        root = Path(root)
        if not root.is_dir():
            raise DataError("ImageFolder", root, "there is no such folder")
        self.classes = tuple(sorted(p.name for p in root.iterdir() if p.is_dir()))
        if not self.classes:
            raise DataError("ImageFolder", root, "expected one folder a class")
        found = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in sorted((root / name).rglob("*"))
            if path.suffix.lower() in EXTENSIONS
        ]
        if not found:
            raise DataError("ImageFolder", root, f"no picture in its folders, expected {', '.join(EXTENSIONS)}")
        self.paths = tuple(path for path, _ in found)
        self.labels = np.array([label for _, label in found], np.int32)
        self.size, self.mode, self.transform = size, mode, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, np.int32]:
        image = read_image(self.paths[index], mode=self.mode, size=self.size)
        return (self.transform(image) if self.transform else image * np.float32(1 / 255)), self.labels[index]
