"""Files against NumPy and MLX: npy, npz, safetensors; malformed files end in clear errors."""

import io
import zipfile

import numpy as np
import pytest
import quern.core as mx
from oracle import mlx

DTYPES = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 complex64".split()


@pytest.mark.parametrize("dtype", DTYPES)
def test_npy(tmp_path, dtype):
    n = np.arange(6).reshape(2, 3).astype(dtype)
    mx.save(str(tmp_path / "a"), mx.array(n))
    read = np.load(tmp_path / "a.npy")
    assert read.dtype == n.dtype and (read == n).all()
    np.save(tmp_path / "b.npy", np.asfortranarray(n))
    assert (np.array(mx.load(str(tmp_path / "b.npy"))) == n).all()
    assert mlx.load(str(tmp_path / "a.npy")).tolist() == n.tolist()
    buffer = io.BytesIO()
    mx.save(buffer, mx.array(n))
    buffer.seek(0)
    assert mx.load(buffer, format="npy").tolist() == n.tolist()


@pytest.mark.parametrize("save", ["savez", "savez_compressed"])
def test_npz(tmp_path, save):
    path = str(tmp_path / "x.npz")
    getattr(mx, save)(path, mx.arange(3), b=mx.ones((2, 2)))
    read = np.load(path)
    assert sorted(read) == ["arr_0", "b"] and read["arr_0"].tolist() == [0, 1, 2]
    assert {k: v.tolist() for k, v in mlx.load(path).items()} == {k: v.tolist() for k, v in mx.load(path).items()}
    np.savez(path, q=np.arange(4.0, dtype=np.float32))
    assert mx.load(path)["q"].tolist() == [0, 1, 2, 3]


def test_safetensors(tmp_path):
    path = str(tmp_path / "x.safetensors")
    arrays = {"w": mx.arange(6.0).reshape(2, 3), "b": mx.array([1, 2], mx.bfloat16), "i": mx.array([[1]], mx.int64)}
    mx.save_safetensors(path, arrays, {"who": "us"})
    read, metadata = mlx.load(path, return_metadata=True)
    assert metadata["who"] == "us" and {k: v.tolist() for k, v in read.items()} == {k: v.tolist() for k, v in arrays.items()}
    mlx.save_safetensors(path, {"w": mlx.arange(3.0)}, {"a": "b"})
    read, metadata = mx.load(path, return_metadata=True)
    assert read["w"].tolist() == [0, 1, 2] and metadata == {"a": "b"} | {k: metadata[k] for k in metadata if k != "a"}
    mx.save_safetensors(str(tmp_path / "y"), arrays)
    assert mx.load(str(tmp_path / "y.safetensors"))["b"].dtype == mx.bfloat16


def test_bad_files(tmp_path):
    good = io.BytesIO()
    mx.save(good, mx.arange(4))
    data = good.getvalue()
    for k, bad in enumerate([b"", data[:20], data[:-1], data + b"x", b"X" + data[1:], data.replace(b"(4,)", b"(9,)")]):
        path = tmp_path / f"{k}.npy"
        path.write_bytes(bad)
        with pytest.raises(ValueError):
            mx.load(str(path))
    (tmp_path / "z.npz").write_bytes(b"PK not a zip")
    with pytest.raises(ValueError):
        mx.load(str(tmp_path / "z.npz"))
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as z:
        z.writestr("a.npy", b"nothing")
    with pytest.raises(ValueError):
        mx.load(str(tmp_path / "y.npz"))
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises((ValueError, RuntimeError)):
        mx.load(str(tmp_path / "x.safetensors"))
    with pytest.raises(RuntimeError, match="Failed to open"):
        mx.load(str(tmp_path / "none.npy"))
    with pytest.raises(ValueError, match="format"):
        mx.load(str(tmp_path / "none"))
    with pytest.raises(TypeError):
        mx.save_safetensors(str(tmp_path / "q"), {"a": 3})
    with pytest.raises(TypeError):
        mx.save(str(tmp_path / "q"), [1])
    assert not (tmp_path / "q.npy").exists() and not list(tmp_path.glob(".quern-*"))
