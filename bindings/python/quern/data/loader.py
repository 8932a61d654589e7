"""DataLoader: batches of a dataset in an order that a seed decides, made ahead by threads.

It does not read files and does not know about models."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from quern import core

from .dataset import batch_of, tree_map


def to_array(value: Any) -> Any:
    """A NumPy array as a Quern array (float64 as float32, int64 as int32); anything else unchanged."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
        return value
    narrow = {"f8": np.float32, "i8": np.int32, "c16": np.complex64}.get(value.dtype.str[1:])
    return core.array(value if narrow is None else value.astype(narrow))


class DataLoader:
    """Batches of a dataset.

    dataset:     a Dataset, or anything with a length and an index (a list of samples, an array).
    batch_size:  samples in a batch; default 1. The last batch is smaller, or absent with drop_last.
    shuffle:     a new order every epoch; default False.
    drop_last:   leave out a last batch that is not full; default False.
    workers:     threads that make batches; 0 = none, made when asked for. Any number gives the same batches.
    prefetch:    batches made ahead for each worker; default 2.
    seed:        decides the order; the same seed gives the same order in every process. None = drawn at random.
    augment:     function(rng, batch) -> batch, on NumPy arrays, with a numpy.random.Generator that depends on seed,
                 epoch and batch number alone; default none.
    arrays:      True = batches hold Quern arrays (the default); False = NumPy arrays.

    Each pass over the loader is an epoch; its order depends on ``seed`` and ``epoch`` alone. An exception in a dataset
    is raised where the batch would have come. Raises ValueError for a batch_size, workers or prefetch out of range."""

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        workers: int = 0,
        prefetch: int = 2,
        seed: int | None = None,
        augment: Callable[[np.random.Generator, Any], Any] | None = None,
        arrays: bool = True,
    ):
        for name, value, least in (("batch_size", batch_size, 1), ("workers", workers, 0), ("prefetch", prefetch, 1)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise ValueError(f"[DataLoader] {name} is {value!r}, expected an integer of at least {least}")
        if seed is not None and seed < 0:
            raise ValueError(f"[DataLoader] seed is {seed}, expected None or at least 0")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.workers = int(workers)
        self.prefetch = int(prefetch)
        self.seed = secrets.randbits(63) if seed is None else int(seed)
        self.augment = augment
        self.arrays = arrays
        self._epoch = 0  # of the next pass
        self._skip = 0  # batches to leave out at the start of the next pass
        self._running: tuple[int, int] | None = None  # epoch and batches given out of the pass under way

    def __len__(self) -> int:
        """Batches in an epoch."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """The samples of an epoch in their order: (len(dataset),) of int64."""
        n = len(self.dataset)
        if not self.shuffle:
            return np.arange(n)
        return np.random.default_rng([self.seed, epoch]).permutation(n)

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands: seed, epoch, and batches already given out in it. Restored by load_state_dict."""
        epoch, batch = self._running or (self._epoch, self._skip)
        return {"seed": self.seed, "epoch": epoch, "batch": batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """The next pass goes on where ``state`` was taken, with its order. Raises ValueError on a missing entry."""
        missing = [key for key in ("seed", "epoch", "batch") if key not in state]
        if missing:
            raise ValueError(f"[DataLoader] the state has no {', '.join(missing)}")
        self.seed, self._epoch, self._skip = (int(state[key]) for key in ("seed", "epoch", "batch"))
        self._running = None

    def __iter__(self) -> Iterator[Any]:
        epoch, skip = self._epoch, self._skip
        self._epoch, self._skip = epoch + 1, 0
        return self._batches(epoch, skip)

    def _batches(self, epoch: int, skip: int) -> Iterator[Any]:
        order = self.order(epoch)
        numbers = range(skip, len(self))
        self._running = (epoch, skip)
        made = self._ahead(order, epoch, numbers) if self.workers else (self._make(order, epoch, n) for n in numbers)
        for number, batch in zip(numbers, made):
            # Counted before the batch is handed out: a state saved after using it does not repeat it.
            self._running = (epoch, number + 1)
            yield tree_map(to_array, batch) if self.arrays else batch
        self._running = None

    def _make(self, order: np.ndarray, epoch: int, number: int) -> Any:
        start = number * self.batch_size
        batch = batch_of(self.dataset, order[start : start + self.batch_size])
        if self.augment:
            batch = self.augment(np.random.default_rng([self.seed, epoch, number]), batch)
        return batch

    def _ahead(self, order: np.ndarray, epoch: int, numbers: range) -> Iterator[Any]:
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="quern-data")
        waiting: deque = deque()
        try:
            for number in numbers:
                waiting.append(pool.submit(self._make, order, epoch, number))
                if len(waiting) > self.workers * self.prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
