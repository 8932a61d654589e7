"""DataLoader: order, threads, resuming."""

import threading

import numpy as np
import pytest

from quern import core as mx
from quern.data import ArrayDataset, DataLoader, Dataset


def numbers(n=20):
    return ArrayDataset(np.arange(n, dtype=np.int32))


def passed(loader):
    return [np.array(batch).tolist() for batch in loader]


def test_batches_in_order():
    assert passed(DataLoader(numbers(5), 2)) == [[0, 1], [2, 3], [4]]
    assert passed(DataLoader(numbers(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert [len(DataLoader(numbers(5), 2, drop_last=drop)) for drop in (False, True)] == [3, 2]
    assert passed(DataLoader(numbers(0), 2)) == []


def test_batches_are_quern_arrays():
    data = ArrayDataset(np.zeros((3, 2)), [1, 2, 3])
    x, y = next(iter(DataLoader(data, 3)))
    assert isinstance(x, mx.array) and x.dtype == mx.float32 and y.dtype == mx.int32
    x, _ = next(iter(DataLoader(data, 3, arrays=False)))
    assert isinstance(x, np.ndarray) and x.dtype == np.float64


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_seed_decides_whatever_the_workers(workers):
    one, many = (DataLoader(numbers(), 3, shuffle=True, seed=7, workers=n) for n in (0, workers))
    first, second = passed(one), passed(one)
    assert passed(many) == first and passed(many) == second
    assert first != second and sorted(sum(first, [])) == list(range(20))
    assert passed(DataLoader(numbers(), 3, shuffle=True, seed=8)) != first


def test_without_a_seed_orders_differ():
    assert passed(DataLoader(numbers(200), 200, shuffle=True)) != passed(DataLoader(numbers(200), 200, shuffle=True))


@pytest.mark.parametrize("workers", [0, 3])
def test_augment_depends_on_seed_epoch_and_batch_only(workers):
    def noise(rng, batch):
        return batch + rng.integers(1000, size=batch.shape)

    plain = passed(DataLoader(numbers(), 3, seed=1, augment=noise))
    loader = DataLoader(numbers(), 3, seed=1, augment=noise, workers=workers)
    assert passed(loader) == plain
    assert passed(loader) != plain


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle(workers):
    whole = DataLoader(numbers(), 3, shuffle=True, seed=3)
    want = passed(whole) + passed(whole)
    loader = DataLoader(numbers(), 3, shuffle=True, seed=3, workers=workers)
    got = passed(loader)
    for count, batch in enumerate(loader):
        got.append(np.array(batch).tolist())
        if count == 2:
            state = loader.state_dict()
            break
    assert state == {"seed": 3, "epoch": 1, "batch": 3}
    fresh = DataLoader(numbers(), 3, shuffle=True, seed=99, workers=workers)
    fresh.load_state_dict(state)
    assert got + passed(fresh) == want
    assert fresh.state_dict() == {"seed": 3, "epoch": 2, "batch": 0}
    with pytest.raises(ValueError, match="no epoch"):
        fresh.load_state_dict({"seed": 1, "batch": 1})


class Broken(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        if index == 5:
            raise RuntimeError("sample 5 is broken")
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_come_where_the_batch_would(workers):
    seen = []
    with pytest.raises(RuntimeError, match="sample 5"):
        for batch in DataLoader(Broken(), 2, workers=workers):
            seen.append(np.array(batch).tolist())
    assert seen == [[0, 1], [2, 3]]


def test_threads_end_with_the_iterator():
    iterator = iter(DataLoader(numbers(1000), 1, workers=3))
    next(iterator)
    assert any(t.name.startswith("quern-data") for t in threading.enumerate())
    mine = [t for t in threading.enumerate() if t.name.startswith("quern-data")]
    iterator.close()
    assert not any(t.is_alive() for t in mine)


def test_prefetch_is_bounded():
    asked = []

    class Counting(Broken):
        def __getitem__(self, index):
            asked.append(index)
            return 0

    iterator = iter(DataLoader(Counting(), 1, workers=1, prefetch=2))
    next(iterator)
    assert len(asked) <= 4
    iterator.close()


def test_a_list_is_a_dataset():
    assert passed(DataLoader([3, 1, 2], 2)) == [[3, 1], [2]]


@pytest.mark.parametrize(
    "given, text",
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"workers": -1}, "workers is -1"),
        ({"prefetch": 0}, "prefetch is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_are_checked(given, text):
    with pytest.raises(ValueError, match=text):
        DataLoader(numbers(), **given)
