"""CIFAR in both versions, as folders and archives, and pickles that want more than arrays."""

import io
import pickle
import tarfile

import numpy as np
import pytest

from quern.data import CIFAR10, CIFAR100, DataError
from quern.data.pickles import load_arrays


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


def write_python(root, n=3, key="labels"):
    root.mkdir(parents=True, exist_ok=True)
    for i in range(1, 6):
        content = {"data": pictures(n, i), key: [(i + k) % 10 for k in range(n)], "filenames": ["a.png"] * n}
        (root / f"data_batch_{i}").write_bytes(pickle.dumps(content, protocol=2))
    (root / "test_batch").write_bytes(pickle.dumps({"data": pictures(n, 9), key: [1] * n}, protocol=2))


def write_binary(root, n=3, labels=1):
    root.mkdir(parents=True, exist_ok=True)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if labels == 1 else ["train.bin"]
    for i, name in enumerate(names, 1):
        rows = np.concatenate([np.full((n, labels), i, np.uint8), pictures(n, i)], 1)
        (root / name).write_bytes(rows.tobytes())


def pack(folder, archive, inside):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, inside)


@pytest.mark.parametrize("write", [write_python, write_binary])
@pytest.mark.parametrize("packed", [False, True])
def test_cifar10(tmp_path, write, packed):
    folder = tmp_path / "cifar-10-batches-py"
    write(folder)
    root = tmp_path
    if packed:
        root = tmp_path / "cifar.tar.gz"
        pack(folder, root, "cifar-10-batches")
    data = CIFAR10(root)
    assert len(data) == 15
    x, y = data[4]
    want = pictures(3, 2)[1].reshape(3, 32, 32)
    np.testing.assert_allclose(x, want.transpose(1, 2, 0) / 255, atol=1e-7)
    assert y == (3 if write is write_python else 2) and y.dtype == np.int32
    np.testing.assert_array_equal(CIFAR10(root, layout="NCHW").images[4], want)
    normalized = CIFAR10(root, layout="NCHW", normalize=((0.1, 0.2, 0.3), (0.5, 0.5, 0.25)))[4][0]
    np.testing.assert_allclose(normalized[2], (want[2] / 255 - 0.3) / 0.25, atol=1e-5)


def test_cifar100_takes_the_fine_labels(tmp_path):
    write_binary(tmp_path, labels=2)
    assert CIFAR100(tmp_path).labels.tolist() == [1, 1, 1]
    content = {b"data": pictures(2), b"fine_labels": [99, 0], b"coarse_labels": [1, 1]}
    (tmp_path / "test").write_bytes(pickle.dumps(content))
    assert CIFAR100(tmp_path, train=False).labels.tolist() == [99, 0]


def test_an_incomplete_set(tmp_path):
    write_python(tmp_path)
    (tmp_path / "data_batch_3").unlink()
    with pytest.raises(DataError, match="data_batch_3: there is no such file"):
        CIFAR10(tmp_path)
    with pytest.raises(DataError, match="fetch=True"):
        CIFAR10(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "data, text",
    [
        (b"", "damaged pickle|Ran out"),
        (b"\x80\x02garbage", "expected a pickled dict"),
        (pickle.dumps([1, 2]), "holds a list, expected a dict"),
        (pickle.dumps({"data": pictures(1)}), "has no labels"),
        (pickle.dumps({"data": [1], "labels": [1]}), r"data is list, expected uint8 \(N, 3072\)"),
        (pickle.dumps({"data": pictures(1)[:, 1:], "labels": [1]}), r"uint8\(1, 3071\)"),
        (pickle.dumps({"data": pictures(2), "labels": [1]}), r"labels of shape \(1,\) for 2"),
        (pickle.dumps({"data": pictures(1), "labels": [10]}), "0 to 9"),
        (pickle.dumps({"data": pictures(1), "labels": ["a"]}), "not numbers"),
        (pickle.dumps({"data": np.array([object()]), "labels": [1]}), "not allowed|Python objects"),
    ],
)
def test_malformed_pickles(tmp_path, data, text):
    (tmp_path / "test_batch").write_bytes(data)
    with pytest.raises(DataError, match=text) as caught:
        CIFAR10(tmp_path, train=False)
    assert "test_batch" in str(caught.value)


def test_malformed_binary(tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(b"\0" * 3074)
    with pytest.raises(DataError, match="3074 bytes, expected a multiple of 3073"):
        CIFAR10(tmp_path, train=False)


def test_damaged_archive(tmp_path):
    write_python(tmp_path / "a")
    pack(tmp_path / "a", tmp_path / "c.tar.gz", "a")
    whole = (tmp_path / "c.tar.gz").read_bytes()
    (tmp_path / "c.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="c.tar.gz"):
        CIFAR10(tmp_path / "c.tar.gz")


class Evil:
    def __reduce__(self):
        return (io.open, ("/tmp/never", "w"))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_run_no_code(protocol):
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        load_arrays(pickle.dumps({"data": Evil()}, protocol=protocol))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["u1", ">i4", "f8", "c8", "?"])
def test_arrays_of_any_protocol(protocol, dtype):
    array = np.zeros((2, 3), dtype)
    out = load_arrays(pickle.dumps({"a": [array, array.T], "n": array[0, 0]}, protocol=protocol))
    got = out.get("a", out.get(b"a"))
    assert type(got[0]) is np.ndarray and got[0].dtype == array.dtype and got[1].shape == (3, 2)
    np.testing.assert_array_equal(got[0], array)


@pytest.mark.parametrize(
    "array", [np.zeros(2, [("a", "i4")]), np.zeros(2, "M8[s]"), np.array([None]), np.zeros(2, "S3")]
)
def test_other_arrays_are_refused(array):
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        load_arrays(pickle.dumps(array))


def test_damaged_pickles_give_one_error():
    data = pickle.dumps({"data": pictures(1)[:, :20], "labels": [1]}, protocol=2)
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            damaged[place] = rng.integers(256)
        try:
            load_arrays(bytes(damaged[: rng.integers(1, len(data) + 1)]))
        except pickle.UnpicklingError:
            pass
