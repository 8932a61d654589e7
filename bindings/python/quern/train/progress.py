"""The progress of fit on the terminal: tqdm's bar, or a line an epoch where tqdm is not installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Progress:
    """verbose 0: nothing; 1: a bar an epoch (lines without tqdm); 2: a line an epoch, on standard output."""

    def __init__(self, verbose: int, epochs: int):
        if verbose not in (0, 1, 2):
            raise ValueError(f"[fit] verbose is {verbose!r}, expected 0, 1 or 2")
        self._epochs = epochs
        self._title = ""
        self._bar: Any = None
        self._tqdm: Any = None
        if verbose == 1:
            try:
                from tqdm import tqdm

                self._tqdm = tqdm
            except ImportError:
                verbose = 2
        self._verbose = verbose

    def epoch(self, number: int, batches: int | None, done: int) -> None:
        self._title = f"epoch {number + 1}/{self._epochs}"
        if self._tqdm:
            self._bar = self._tqdm(total=batches, initial=done, desc=self._title, unit="batch", dynamic_ncols=True)

    def batch(self, means: Mapping[str, float]) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self.line(means), refresh=False)
            self._bar.update()

    def end(self, row: Mapping[str, float]) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self.line(row))
        elif self._verbose:
            print(f"{self._title}  {self.line(row)}", flush=True)
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def line(values: Mapping[str, float]) -> str:
        """ "loss 0.1234  accuracy 0.9876" """
        return "  ".join(f"{name} {value:.4g}" for name, value in values.items() if name != "learning_rate")
