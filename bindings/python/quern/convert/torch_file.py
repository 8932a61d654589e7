"""Reading PyTorch checkpoints (.pth, .pt, .bin: zip files) without PyTorch, and without running what a pickle names.

Only tensors, their storages, and plain containers are built; a file that asks for more is refused."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
import zlib
from collections import OrderedDict
from typing import Any

import numpy as np

from quern import core as mx
from quern.data.pickles import NUMPY_NAMES, RestrictedUnpickler

from .errors import ConversionError

# Name of a storage class or dtype of PyTorch -> NumPy; bfloat16 travels as its bits.
_DTYPES = {
    "Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bfloat16", "Long": "i8", "Int": "i4", "Short": "i2",
    "Char": "i1", "Byte": "u1", "Bool": "?", "ComplexFloat": "c8",
}  # fmt: skip
_NEW_DTYPES = {
    "float32": "f4", "float64": "f8", "float16": "f2", "bfloat16": "bfloat16", "int64": "i8", "int32": "i4",
    "int16": "i2", "int8": "i1", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "bool": "?",
    "complex64": "c8",
}  # fmt: skip
_MAGIC_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"


class _Storage:
    def __init__(self, data: bytes, dtype: str):
        self.data, self.dtype = data, dtype


class _DType(str):
    """Stands for a dtype or a storage class of PyTorch: the NumPy code."""


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> mx.array:
    # _rebuild_tensor_v3 has requires_grad, hooks and then the dtype; the others take that of the storage.
    dtype = str(rest[2]) if len(rest) > 2 and isinstance(rest[2], _DType) else storage.dtype
    numpy_dtype = np.dtype("<u2" if dtype == "bfloat16" else f"<{dtype}" if dtype != "?" else "?")
    numbers = [offset, *shape, *strides]
    if any(type(n) is not int or n < 0 for n in numbers) or len(shape) != len(strides):
        raise pickle.UnpicklingError("a tensor with a malformed shape")
    flat = np.frombuffer(storage.data, numpy_dtype)
    if 0 not in shape and offset + sum((n - 1) * step for n, step in zip(shape, strides)) >= len(flat):
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} beyond its storage of {len(flat)}")
    if 0 in shape:
        values = np.zeros(shape, numpy_dtype)
    else:
        step_bytes = [step * numpy_dtype.itemsize for step in strides]
        values = np.ascontiguousarray(
            np.lib.stride_tricks.as_strided(flat[offset:], shape, step_bytes, writeable=False)
        )
    if dtype == "bfloat16":
        # Its bits are the upper half of a float32.
        return mx.array((values.astype(np.uint32) << 16).view(np.float32)).astype(mx.bfloat16)
    return mx.array(values.astype(np.float32) if dtype == "f8" else values)


def _parameter(data: Any, *rest: Any) -> Any:
    return data


_ALLOWED = {
    **NUMPY_NAMES,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "UntypedStorage"): _DType("u1"),
    **{("torch", f"{name}Storage"): _DType(code) for name, code in _DTYPES.items()},
    **{("torch", name): _DType(code) for name, code in _NEW_DTYPES.items()},
}


class _Unpickler(RestrictedUnpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str):
        super().__init__(io.BytesIO(archive.read(f"{root}data.pkl")), _ALLOWED, encoding="utf-8")
        self._archive, self._root = archive, root
        self._storages: dict[str, _Storage] = {}

    def persistent_load(self, saved: Any) -> _Storage:
        kind, dtype, key, _, count = saved
        if kind != "storage" or not isinstance(dtype, _DType) or type(count) is not int:
            raise pickle.UnpicklingError("a malformed storage")
        if key not in self._storages:
            info = self._archive.getinfo(f"{self._root}data/{key}")
            itemsize = 2 if dtype == "bfloat16" else np.dtype(str(dtype)).itemsize
            if info.file_size != count * itemsize:
                raise pickle.UnpicklingError(f"storage {key} has {info.file_size} bytes, expected {count * itemsize}")
            self._storages[key] = _Storage(self._archive.read(info), str(dtype))
        return self._storages[key]


def read_torch(path: str | os.PathLike) -> Any:
    """What ``torch.save`` wrote: tensors as Quern arrays (float64 as float32), containers and numbers as they are.

    Raises ConversionError, naming the file, for one that is missing, damaged, in the format from before PyTorch 1.6, or
    that holds more than data (whole models, for instance)."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            head = file.read(32)
        if _MAGIC_LEGACY in head:
            raise ConversionError(
                f"{name}: the format from before PyTorch 1.6. Load it there and torch.save it again, "
                "or save the state dict as .safetensors"
            )
        with zipfile.ZipFile(path) as archive:
            roots = [entry[: -len("data.pkl")] for entry in archive.namelist() if entry.endswith("data.pkl")]
            if len(roots) != 1:
                raise ConversionError(f"{name}: a zip file without data.pkl, expected one written by torch.save")
            if f"{roots[0]}byteorder" in archive.namelist() and archive.read(f"{roots[0]}byteorder") != b"little":
                raise ConversionError(f"{name}: written on a big-endian machine, expected little-endian")
            return _Unpickler(archive, roots[0]).load()
    except ConversionError:
        raise
    except FileNotFoundError as e:
        raise ConversionError(f"{name}: there is no such file") from e
    except pickle.UnpicklingError as e:
        raise ConversionError(
            f"{name}: {e}. Only tensors and plain containers are read: save model.state_dict(), not the model"
        ) from e
    except (zipfile.BadZipFile, zlib.error) as e:
        raise ConversionError(f"{name}: no zip file, expected one written by torch.save ({e})") from e
    except Exception as e:  # a damaged pickle can raise nearly anything
        raise ConversionError(f"{name}: damaged ({type(e).__name__}: {e})") from e
