"""Writes the zip files of torch.save by hand, opcode by opcode, so that the tests need no PyTorch."""

import pickle
import struct
import zipfile

import numpy as np

STORAGES = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "i4": "Int", "u1": "Byte", "b1": "Bool"}


class Global:
    """A name in a module, as the opcode GLOBAL writes it."""

    def __init__(self, module, name):
        self.code = b"c" + f"{module}\n{name}\n".encode()


class Call:
    """function(*arguments), as REDUCE makes it."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Tensor:
    """An array as a tensor; storage and strides can be other than the array's."""

    def __init__(self, array, *, kind=None, offset=0, shape=None, strides=None, count=None):
        array = np.asarray(array)
        self.data = np.ascontiguousarray(array)
        self.kind = kind or STORAGES[array.dtype.str[1:]]
        self.offset = offset
        self.shape = array.shape if shape is None else shape
        self.strides = tuple(s // array.itemsize for s in self.data.strides) if strides is None else strides
        self.count = array.size if count is None else count


class Writer:
    def __init__(self):
        self.storages = []

    def emit(self, value):
        if isinstance(value, Global):
            return value.code
        if isinstance(value, Call):
            return self.emit(value.function) + self.emit(tuple(value.arguments)) + b"R"
        if isinstance(value, Tensor):
            key = str(len(self.storages))
            self.storages.append(value.data.tobytes())
            saved = self.emit(("storage", Global("torch", f"{value.kind}Storage"), key, "cpu", value.count)) + b"Q"
            hooks = Call(Global("collections", "OrderedDict"))
            rest = b"".join(
                self.emit(v) for v in (value.offset, tuple(value.shape), tuple(value.strides), False, hooks)
            )
            return Global("torch._utils", "_rebuild_tensor_v2").code + b"(" + saved + rest + b"tR"
        if isinstance(value, bool):
            return b"\x88" if value else b"\x89"
        if isinstance(value, int):
            return b"I" + str(value).encode() + b"\n"
        if isinstance(value, str):
            text = value.encode()
            return b"X" + struct.pack("<I", len(text)) + text
        if isinstance(value, tuple):
            return b"(" + b"".join(map(self.emit, value)) + b"t"
        if isinstance(value, dict):
            return b"}(" + b"".join(self.emit(part) for item in value.items() for part in item) + b"u"
        return pickle.dumps(value, 2)[2:-1]


def write_pth(path, value, *, root="archive", byteorder=b"little"):
    """value: nested dicts and tuples of Tensors and plain values."""
    writer = Writer()
    code = b"\x80\x02" + writer.emit(value) + b"."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", code)
        archive.writestr(f"{root}/byteorder", byteorder)
        for i, data in enumerate(writer.storages):
            archive.writestr(f"{root}/data/{i}", data)
        archive.writestr(f"{root}/version", b"3\n")
