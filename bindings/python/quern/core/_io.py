"""Files: npy, npz, safetensors and gguf. The format follows the file name's ending unless given."""

import io
import json
import os
import pathlib
import struct
import tempfile
import zipfile

from .. import _ext
from .._ext import (
    array,
    bool_,
    complex64,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from ._arguments import check_array, check_stream

_NPY = b"\x93NUMPY"
_CODES = {
    "|b1": bool_,
    "|u1": uint8,
    "<u2": uint16,
    "<u4": uint32,
    "<u8": uint64,
    "|i1": int8,
    "<i2": int16,
    "<i4": int32,
    "<i8": int64,
    "<f2": float16,
    "<f4": float32,
    "<f8": float64,
    "<c8": complex64,
}


def _npy_bytes(a):
    code = next((c for c, d in _CODES.items() if d == a.dtype), None)
    if code is None:
        raise ValueError(f"[save] npy files cannot hold {a.dtype._name}; convert first, or use safetensors.")
    shape = "(" + ", ".join(map(str, a.shape)) + ("," if a.ndim == 1 else "") + ")"
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return _NPY + b"\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(a)


def _npy_array(data, what):
    import ast

    if data[:6] != _NPY or len(data) < 12:
        raise ValueError(f"[load] {what} is not an npy file.")
    wide = data[6] >= 2
    start = 12 if wide else 10
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    try:
        header = ast.literal_eval(data[start : start + length].decode("latin1"))
        code, fortran, shape = header["descr"], header["fortran_order"], tuple(header["shape"])
        count = 1
        for n in shape:
            count *= n
        known = code in _CODES
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"[load] {what} has a damaged npy header.") from error
    if not known:
        raise ValueError(f"[load] {what} holds elements of type {code!r}, which is not supported.")
    dtype = _CODES[code]
    body = data[start + length :]
    if count < 0 or len(body) != count * dtype.size:
        raise ValueError(f"[load] {what} holds {len(body)} bytes, but its header promises {count * dtype.size}.")
    x = array.__new__(array)
    x.__setstate__((bytes(body), shape[::-1] if fortran else shape, dtype._code))
    return x.T if fortran else x


def _open_path(file, ending):
    name = os.fspath(file)
    return name if name.endswith(ending) else name + ending


def _write(file, data, ending):
    """Writes to a file object, or to a temporary file that then takes the place of the path."""
    if hasattr(file, "write"):
        file.write(data)
        return
    path = _open_path(file, ending)
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".quern-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def save(file, arr: array) -> None:
    """Writes one array as npy; ".npy" is added to a name without it."""
    data = _npy_bytes(check_array(arr, "save"))
    try:
        _write(file, data, ".npy")
    except FileNotFoundError as error:
        raise RuntimeError(f"[save] Failed to open file {_open_path(file, '.npy')}") from error


def _savez(file, args, kwargs, compression):
    arrays = {f"arr_{k}": a for k, a in enumerate(args)}
    for name, a in kwargs.items():
        if name in arrays:
            raise ValueError(f"[savez] Cannot use un-named variables and keyword {name}")
        arrays[name] = a
    for name, a in arrays.items():
        check_array(a, "savez")
    _ext.eval(arrays)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as z:
        for name, a in arrays.items():
            z.writestr(name + ".npy", _npy_bytes(a))
    _write(file, buffer.getvalue(), ".npz")


def savez(file, *args, **kwargs) -> None:
    """Writes arrays as npz, by keyword or as arr_0, arr_1, and so on."""
    _savez(file, args, kwargs, zipfile.ZIP_STORED)


def savez_compressed(file, *args, **kwargs) -> None:
    """As savez, compressed."""
    _savez(file, args, kwargs, zipfile.ZIP_DEFLATED)


def save_safetensors(file, arrays: dict, metadata: dict | None = None) -> None:
    """Writes a dictionary of arrays as safetensors, with a dictionary of strings as metadata."""
    if not isinstance(arrays, dict):
        raise TypeError(f"save_safetensors(): expected a dict of arrays, not {type(arrays).__name__}.")
    for name, a in arrays.items():
        if not isinstance(name, str):
            raise TypeError("save_safetensors(): names are strings.")
        check_array(a, "save_safetensors")
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(s, str) for kv in metadata.items() for s in kv)
    ):
        raise TypeError("save_safetensors(): metadata is a dict of strings.")
    if metadata is None and not hasattr(file, "write"):
        path = _open_path(file, ".safetensors")
        try:
            _ext.save_safetensors(path, arrays)
        except FileNotFoundError as error:
            raise RuntimeError(f"[save_safetensors] Failed to open file {path}") from error
        return
    _write(file, _safetensors_bytes(arrays, metadata), ".safetensors")


def _safetensors_bytes(arrays, metadata):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.safetensors")
        _ext.save_safetensors(path, arrays)
        data = pathlib.Path(path).read_bytes()
    if metadata is None:
        return data
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _safetensors_metadata(data):
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]).get("__metadata__") or {}


def save_gguf(file, arrays: dict, metadata: dict | None = None) -> None:
    """Writes a gguf file. Not supported by this build."""
    raise NotImplementedError("[save_gguf] this build of libquern does not write gguf files.")


def load(file, /, format: str | None = None, return_metadata: bool = False, *, stream=None):
    """Reads npy (an array), npz or safetensors (a dictionary of arrays); with return_metadata also the metadata."""
    check_stream(stream)
    is_file = hasattr(file, "read")
    if not is_file and not isinstance(file, (str, os.PathLike)):
        raise TypeError(f"load(): expected a path or a file, not {type(file).__name__}.")
    name = getattr(file, "name", "") if is_file else os.fspath(file)
    if format is None:
        format = name.rsplit(".", 1)[-1] if isinstance(name, str) and "." in name else ""
        if not format:
            raise ValueError("[load] Could not infer file format from extension")
    if return_metadata and format in ("npy", "npz"):
        raise ValueError(f"[load] metadata not supported for format {format}")
    if format not in ("npy", "npz", "safetensors", "gguf"):
        raise ValueError(f"[load] Unknown file format {format}")
    if not is_file and not os.path.exists(name):
        kind = ValueError if format in ("npz", "gguf") else RuntimeError  # as in MLX
        raise kind(f"[load] Failed to open file {name}")
    if format == "npy":
        return _npy_array(file.read() if is_file else pathlib.Path(name).read_bytes(), name or "the file")
    if format == "npz":
        return _load_npz(file if is_file else name)
    if format == "safetensors":
        return _load_safetensors(file, is_file, name, return_metadata)
    raise NotImplementedError("[load] this build of libquern does not read gguf files.")


def _load_npz(file):
    try:
        with zipfile.ZipFile(file) as z:
            return {n.removesuffix(".npy"): _npy_array(z.read(n), n) for n in z.namelist()}
    except zipfile.BadZipFile as error:
        raise ValueError("[load] the file is not an npz archive.") from error


def _load_safetensors(file, is_file, name, return_metadata):
    if is_file:
        data = file.read()
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as f:
            f.write(data)
            f.flush()
            arrays = _ext.load_safetensors(f.name)
    else:
        arrays = _ext.load_safetensors(name)
        data = pathlib.Path(name).read_bytes() if return_metadata else b""
    return (arrays, _safetensors_metadata(data)) if return_metadata else arrays
