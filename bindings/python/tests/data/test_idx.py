"""idx files and the datasets made of them."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from quern.data import MNIST, DataError, DataLoader, FashionMNIST, read_idx

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx_bytes(array):
    head = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_set(root, n=12, zipped=True, name="train", classes=10):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = (np.arange(n) % classes).astype(np.uint8)
    root.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        data = idx_bytes(array)
        path = root / f"{name}-{kind}-ubyte"
        if zipped:
            path = path.with_name(path.name + ".gz")
            data = gzip.compress(data)
        path.write_bytes(data)
    return images, labels


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_type(tmp_path, code, zipped):
    array = np.array([[1, 2, 3], [4, 5, 100]], code)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    got = read_idx(path)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


GOOD = idx_bytes(np.arange(6, dtype="u1").reshape(2, 3))


@pytest.mark.parametrize(
    "data, text",
    [
        (b"", "starts with nothing"),
        (b"PNG!", "expected an idx file"),
        (b"\0\0\x07\x01" + GOOD[4:], "expected an idx file"),
        (GOOD[:6], "ends inside the lengths of its 2 axes"),
        (GOOD[:-1], r"5 bytes after the header, expected 6 for shape \(2, 3\)"),
        (GOOD + b"x", "more after the header"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff" + b"x", "1 bytes after the header"),
        (gzip.compress(GOOD, mtime=0)[:-9], "damaged gzip"),
        (gzip.compress(GOOD, mtime=0)[:10] + b"\xff" * 20, "damaged gzip"),
    ],
)
def test_malformed_files(tmp_path, data, text):
    path = tmp_path / "bad"
    path.write_bytes(data)
    with pytest.raises(DataError, match=text) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "none")


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist(tmp_path, zipped):
    images, labels = write_set(tmp_path, zipped=zipped)
    data = MNIST(tmp_path)
    assert len(data) == 12
    x, y = next(iter(DataLoader(data, 4)))
    assert x.shape == (4, 28, 28, 1)
    np.testing.assert_allclose(np.array(x)[..., 0], images[:4] / 255, atol=1e-7)
    assert np.array(y).tolist() == labels[:4].tolist()


def test_layout_and_normalize(tmp_path):
    images, _ = write_set(tmp_path, name="t10k")
    data = MNIST(tmp_path, train=False, layout="NCHW", normalize=(0.25, 0.5))
    x, _ = data[3]
    assert x.shape == (1, 28, 28) and x.dtype == np.float32
    np.testing.assert_allclose(x[0], (images[3] / 255 - 0.25) / 0.5, atol=1e-6)
    with pytest.raises(ValueError, match="NHCW"):
        MNIST(tmp_path, train=False, layout="NHCW")


def test_sets_that_do_not_fit_together(tmp_path):
    write_set(tmp_path, n=4)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match=r"\(3,\), expected \(4,\)"):
        MNIST(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.full(4, 10, np.uint8)))
    with pytest.raises(DataError, match="0 to 9"):
        MNIST(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with pytest.raises(DataError, match=r"expected uint8 \(N, H, W\)"):
        MNIST(tmp_path)


def test_missing_set_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("QUERN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="fetch=True") as caught:
        MNIST()
    assert str(tmp_path / "mnist") in str(caught.value)


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").exists(), reason="dataset-fashion-mnist not installed"
)
def test_the_packaged_fashion_mnist():
    data = FashionMNIST(train=False)
    assert len(data) == 10000 and np.bincount(data.labels).tolist() == [1000] * 10
    assert data.classes[data.labels[0]] == "ankle boot"
