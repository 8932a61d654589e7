"""Reading checkpoints: every dtype, strides, and files that are damaged or hostile."""

import zipfile

import numpy as np
import pytest
from pth import Call, Global, Tensor, write_pth

from quern import core as mx
from quern.convert import ConversionError, read_torch


@pytest.mark.parametrize(
    "code, dtype",
    [("f4", "float32"), ("f8", "float32"), ("f2", "float16"), ("i8", "int64"), ("i4", "int32"), ("u1", "uint8")],
)
def test_dtypes(tmp_path, code, dtype):
    want = np.arange(6).reshape(2, 3).astype(code)
    write_pth(tmp_path / "a.pth", {"x": Tensor(want), "step": 3})
    got = read_torch(tmp_path / "a.pth")
    assert got["step"] == 3 and got["x"].dtype == getattr(mx, dtype)
    np.testing.assert_array_equal(np.array(got["x"]), want)


def test_bfloat16_and_bool(tmp_path):
    bits = np.array([0x3F80, 0xC000, 0x4049], np.uint16)
    write_pth(tmp_path / "a.pth", {"b": Tensor(bits, kind="BFloat16"), "m": Tensor([True, False])})
    got = read_torch(tmp_path / "a.pth")
    assert got["b"].dtype == mx.bfloat16
    np.testing.assert_array_equal(np.array(got["b"].astype(mx.float32)), [1, -2, 3.140625])
    assert got["m"].dtype == mx.bool_ and got["m"].tolist() == [True, False]


def test_views_into_a_storage(tmp_path):
    base = np.arange(12, dtype=np.float32)
    write_pth(
        tmp_path / "a.pth",
        {
            "transposed": Tensor(base, shape=(4, 3), strides=(1, 4)),
            "offset": Tensor(base, offset=5, shape=(2,), strides=(3,)),
            "expanded": Tensor(base, shape=(2, 2), strides=(0, 1)),
            "scalar": Tensor(base, offset=7, shape=(), strides=()),
            "empty": Tensor(base, offset=12, shape=(0, 3), strides=(3, 1)),
        },
    )
    got = read_torch(tmp_path / "a.pth")
    np.testing.assert_array_equal(np.array(got["transposed"]), base.reshape(3, 4).T)
    assert got["offset"].tolist() == [5, 8] and got["expanded"].tolist() == [[0, 1], [0, 1]]
    assert got["scalar"].item() == 7 and got["empty"].shape == (0, 3)


def test_parameters_and_nested_containers(tmp_path):
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), Tensor(np.ones(2, "f4")), True, ())
    write_pth(tmp_path / "a.pth", {"model": {"w": parameter}, "size": Call(Global("torch", "Size"), (1, 2))})
    got = read_torch(tmp_path / "a.pth")
    assert got["model"]["w"].tolist() == [1, 1] and got["size"] == (1, 2)


x = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    "value, text",
    [
        ({"x": Tensor(x, shape=(5,), strides=(1,))}, r"shape \(5,\) beyond its storage of 4"),
        ({"x": Tensor(x, offset=1, shape=(4,), strides=(1,))}, "beyond its storage"),
        ({"x": Tensor(x, offset=-1)}, "malformed shape"),
        ({"x": Tensor(x, strides=(-1,))}, "malformed shape"),
        ({"x": Tensor(x, shape=(2, 2))}, "malformed shape"),
        ({"x": Tensor(x, shape=(2**62, 2**62), strides=(2**62, 1))}, "beyond its storage"),
        ({"x": Tensor(x, count=5)}, "16 bytes, expected 20"),
        ({"x": Tensor(x, kind="Evil")}, "torch.EvilStorage, which is not allowed"),
        (Call(Global("os", "system"), "true"), "os.system, which is not allowed"),
        (Call(Global("builtins", "eval"), "1"), "builtins.eval, which is not allowed"),
        (Call(Global("torch._utils", "_rebuild_device_tensor_from_numpy"), 1), "not allowed"),
        (Call(Global("collections", "OrderedDict"), 3), "damaged|not iterable"),
    ],
)
def test_files_that_are_refused(tmp_path, value, text):
    path = tmp_path / "bad.pth"
    write_pth(path, value)
    with pytest.raises(ConversionError, match=text) as caught:
        read_torch(path)
    assert str(path) in str(caught.value)


def test_other_files(tmp_path):
    path = tmp_path / "a.pth"
    with pytest.raises(ConversionError, match="no such file"):
        read_torch(path)
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.")
    with pytest.raises(ConversionError, match="before PyTorch 1.6"):
        read_torch(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ConversionError, match="no zip file"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(ConversionError, match="without data.pkl"):
        read_torch(path)
    write_pth(path, {"x": Tensor(x)}, byteorder=b"big")
    with pytest.raises(ConversionError, match="big-endian"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02\x85garbage")
    with pytest.raises(ConversionError, match="a.pth"):
        read_torch(path)


def test_damage_gives_one_kind_of_error(tmp_path):
    path = tmp_path / "a.pth"
    write_pth(path, {"a": {"x": Tensor(np.arange(40, dtype="f4").reshape(5, 8)), "n": 3}})
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 2):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(len(data) // 2, len(data) + 1)])
        try:
            read_torch(path)
        except ConversionError:
            pass
