"""Reading pickles without running them: only the names on a list may be looked up, everything else is refused.

It does not know any file format; the readers that use it say which names they need."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np


def _latin1_bytes(text: str, encoding: str) -> bytes:
    # How protocol 2 writes bytes: _codecs.encode("...", "latin1"). No other codec is let through.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"codec {encoding!r} is not allowed, expected 'latin1'")
    return text.encode("latin1")


class _DType:
    """Stands for a dtype while unpickling. Only its byte order is taken from the state, so no state can harm NumPy."""

    def __init__(self, text: Any, align: Any = False, copy: Any = False):
        text = text.decode("latin1") if isinstance(text, bytes) else text
        dtype = np.dtype(text) if isinstance(text, str) else None
        if dtype is None or dtype.kind not in "biufc":
            raise pickle.UnpicklingError(f"arrays of {text!r} are not allowed, expected numbers")
        self.dtype = dtype

    def __setstate__(self, state: Any) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("structured arrays are not allowed")
        if order in "<>":
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for an array while unpickling; made into one at the end, from checked parts."""

    def __init__(self, *arguments: Any):
        self.array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.array = _from_bytes(data, dtype, shape, "F" if fortran else "C")


def _from_bytes(data: Any, dtype: Any, shape: Any, order: str = "C") -> np.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(data, (bytes, bytearray)):
        raise pickle.UnpicklingError("arrays of Python objects are not allowed")
    return np.frombuffer(data, dtype.dtype).reshape(shape, order=order)


def _frombuffer(data: Any, dtype: Any, shape: Any, order: str = "C") -> _Array:
    made = _Array()
    made.array = _from_bytes(data, dtype, shape, order)
    return made


def _scalar(dtype: Any, data: Any) -> Any:
    return _from_bytes(data, dtype, ())[()]


NUMPY_NAMES: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _latin1_bytes,
} | {
    (f"numpy.{core}.{module}", name): stand_in
    for core in ("core", "_core")
    for module, name, stand_in in (
        ("multiarray", "_reconstruct", _Array),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _frombuffer),
    )
}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that builds plain containers, numbers, text and bytes, and the names in ``allowed``.

    allowed: (module, name) -> what stands for it. Any other name raises pickle.UnpicklingError, so no code that a
    pickle names is imported or called."""

    def __init__(self, file: Any, allowed: Mapping[tuple[str, str], Any], *, encoding: str = "bytes"):
        super().__init__(file, encoding=encoding)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        found = self._allowed.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is not allowed here")
        return found


def load_arrays(data: bytes) -> Any:
    """Unpickles bytes holding NumPy arrays in plain containers; text of Python 2 comes as bytes.

    Raises pickle.UnpicklingError for anything else, whatever is wrong with the bytes."""
    try:
        return _plain(RestrictedUnpickler(io.BytesIO(data), NUMPY_NAMES).load())
    except pickle.UnpicklingError:
        raise
    except MemoryError as e:
        raise pickle.UnpicklingError("it asks for more memory than there is") from e
    except Exception as e:  # a damaged pickle can raise nearly anything
        raise pickle.UnpicklingError(f"a damaged pickle ({type(e).__name__}: {e})") from e


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.array is None:
            raise pickle.UnpicklingError("an array without contents")
        return value.array
    if isinstance(value, (type, _DType)):
        raise pickle.UnpicklingError("a type in place of an array")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value
