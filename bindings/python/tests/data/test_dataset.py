"""Datasets: batches, splits, collation."""

import numpy as np
import pytest

from quern.data import ArrayDataset, Dataset, collate


class Squares(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return index, index * index


def test_samples_of_arrays():
    data = ArrayDataset(np.arange(12.0).reshape(4, 3), [3, 2, 1, 0])
    assert len(data) == 4
    x, y = data[-1]
    np.testing.assert_array_equal(x, [9, 10, 11])
    assert y == 0
    np.testing.assert_array_equal(data.batch([2, 0])[1], [1, 3])
    with pytest.raises(IndexError):
        data[4]


def test_named_arrays_give_dicts():
    data = ArrayDataset(x=np.eye(3), y=np.arange(3))
    assert set(data[1]) == {"x", "y"}
    assert data.batch([0, 2])["y"].tolist() == [0, 2]


def test_transform_sees_the_batch():
    data = ArrayDataset(np.arange(4), np.arange(4), transform=lambda x, y: (x * 10, y))
    assert data.batch([1, 3])[0].tolist() == [10, 30]
    assert data[2][0] == 20


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"\(4,\), \(3,\)"):
        ArrayDataset(np.zeros(4), np.zeros(3))
    with pytest.raises(ValueError, match="expected arrays"):
        ArrayDataset()


def test_python_samples_are_stacked():
    numbers, squares = Squares().batch([1, 3])
    assert squares.tolist() == [1, 9] and squares.dtype == np.int32
    assert numbers.dtype == np.int32


def test_map_subset_take():
    data = Squares().map(lambda i, square: (i, square + 1)).subset([5, 2]).take(1)
    assert len(data) == 1 and data[0] == (5, 26)
    with pytest.raises(IndexError, match="0 to 9"):
        Squares().subset([10])


def test_split_keeps_every_sample_once():
    train, valid = Squares().split(0.3, seed=1)
    assert (len(train), len(valid)) == (7, 3)
    seen = sorted([train[i][0] for i in range(7)] + [valid[i][0] for i in range(3)])
    assert seen == list(range(10))
    assert [Squares().split(0.3, seed=1)[1][i] for i in range(3)] == [valid[i] for i in range(3)]
    assert [Squares().split(0.2, seed=None)[1][i][0] for i in range(2)] == [8, 9]
    with pytest.raises(ValueError, match="fraction is 1.5"):
        Squares().split(1.5)


def test_collate_nested():
    out = collate([{"a": (1.0, np.ones(2)), "t": "x"}, {"a": (2.0, np.zeros(2)), "t": "y"}])
    assert out["a"][0].dtype == np.float32 and out["a"][1].shape == (2, 2) and out["t"] == ["x", "y"]


@pytest.mark.parametrize(
    "samples, text",
    [
        ([np.zeros(2), np.zeros(3)], r"\(2,\) and \(3,\)"),
        ([(1, 2), (1,)], "one structure"),
        ([{"a": 1}, {"b": 1}], "keys"),
    ],
)
def test_collate_refuses(samples, text):
    with pytest.raises(ValueError, match=text):
        collate(samples)
