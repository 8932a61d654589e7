"""Callbacks of a training: early stopping, checkpoints, logs. The loop that calls them is in trainer.py."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

from quern import core as mx
from quern import utils


class Callback:
    """What a training calls; all methods may be left out.

    trainer: model, optimizer, epoch (those done), step, history, loader, and ``stop`` to set. logs: name -> mean."""

    def on_train_begin(self, trainer: Any, resumed: bool) -> None:
        """Before the first batch. resumed: the training goes on from a checkpoint."""

    def on_train_end(self, trainer: Any) -> None:
        """After the last batch, and after an exception too."""

    def on_epoch_begin(self, trainer: Any) -> None:
        """Before the first batch of an epoch."""

    def on_epoch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        """After validation; ``logs`` is the row of the history, with "val_..." entries."""

    def on_batch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        """After each step, with the means of the epoch so far."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback: plain numbers, texts, lists and dicts."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what state_dict gave."""


class Monitor(Callback):
    """Remembers the best value of one entry of the logs. mode: "min", "max", or "auto" = "max" for names that contain
    "acc" or "top". Raises KeyError in training when there is no such entry, with those that there are."""

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"[callback] mode is {mode!r}, expected 'auto', 'min' or 'max'")
        self.monitor, self.min_delta = monitor, abs(min_delta)
        if mode == "auto":
            mode = "max" if "acc" in monitor or "top" in monitor else "min"
        self.sign = 1 if mode == "min" else -1
        self.best: float | None = None

    def improved(self, logs: dict[str, float]) -> bool:
        if self.monitor not in logs:
            raise KeyError(f"[callback] there is no {self.monitor!r} in the logs, only {', '.join(logs)}")
        value = logs[self.monitor]
        if math.isnan(value) or (self.best is not None and self.sign * (self.best - value) <= self.min_delta):
            return False
        self.best = value
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state.get("best")


class EarlyStopping(Monitor):
    """Ends the training when ``monitor`` has not got better for ``patience`` epochs.

    monitor: an entry of the logs; default "val_loss". patience: default 3. min_delta: what counts as better; default
    0. mode: see Monitor. restore_best: the model gets the best epoch's weights back; default False (not carried over by
    checkpoints)."""

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 3,
        *,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = False,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.restore_best = patience, restore_best
        self.waited = 0
        self._weights: Any = None

    def on_train_begin(self, trainer: Any, resumed: bool) -> None:
        if not resumed:
            self.best, self.waited, self._weights = None, 0, None

    def on_epoch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        if self.improved(logs):
            self.waited = 0
            if self.restore_best:
                # Arrays do not change in place; a copy of the tree keeps them.
                self._weights = utils.tree_map(lambda a: a, trainer.model.parameters())
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop = True

    def on_train_end(self, trainer: Any) -> None:
        if self._weights is not None:
            trainer.model.update(self._weights)
            mx.eval(trainer.model.parameters())

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.waited = state.get("waited", 0)


class Checkpoint(Monitor):
    """Writes a checkpoint after each epoch, whole or not at all; ``fit(resume=path)`` goes on from it.

    path: the file; "{epoch}" and "{step}" in it are filled in. every: steps between checkpoints, besides those after
    epochs; default none. monitor: only when this entry of the logs is the best so far; default always."""

    def __init__(
        self, path: str | os.PathLike, *, every: int | None = None, monitor: str | None = None, mode: str = "auto"
    ):
        super().__init__(monitor or "", mode)
        self.path, self.every = os.fspath(path), every

    def _save(self, trainer: Any) -> None:
        trainer.save(self.path.replace("{epoch}", str(trainer.epoch)).replace("{step}", str(trainer.step)))

    def on_batch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        if self.every and trainer.step % self.every == 0:
            self._save(trainer)

    def on_epoch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        if not self.monitor or self.improved(logs):
            self._save(trainer)


class CSVLog(Callback):
    """One row an epoch, columns as in the first row. A resumed training keeps the rows of the epochs before it."""

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._columns: list[str] | None = None

    def on_train_begin(self, trainer: Any, resumed: bool) -> None:
        self._columns, kept = None, []
        if resumed and self.path.exists():
            with open(self.path, newline="") as file:
                rows = list(csv.reader(file))
            self._columns = rows[0] if rows else None
            kept = [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= trainer.epoch]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "w", newline="") as file:
            csv.writer(file).writerows(([self._columns] if self._columns else []) + kept)

    def on_epoch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        row = {"epoch": trainer.epoch, **logs}
        with open(self.path, "a", newline="") as file:
            writer = csv.writer(file)
            if self._columns is None:
                self._columns = list(row)
                writer.writerow(self._columns)
            writer.writerow([row.get(name, "") for name in self._columns])


class TensorBoard(Callback):
    """Event files for TensorBoard, written with tensorboardX: the curves of each epoch, and of the loss in steps.

    folder: where they go. every: steps between the points of the step curve; default 10; 0 = none. Raises ImportError
    when tensorboardX is not installed."""

    def __init__(self, folder: str | os.PathLike, *, every: int = 10):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as e:
            raise ImportError("[TensorBoard] event files need tensorboardX: pip install tensorboardX") from e
        self.folder, self.every = os.fspath(folder), every
        self._make = SummaryWriter
        self._writer: Any = None

    def on_train_begin(self, trainer: Any, resumed: bool) -> None:
        self._writer = self._make(self.folder, purge_step=trainer.step if resumed else None)

    def on_batch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        if self.every and trainer.step % self.every == 0:
            self._writer.add_scalar("step/loss", logs["loss"], trainer.step)

    def on_epoch_end(self, trainer: Any, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            part, _, metric = name.rpartition("val_")
            tag = name if name == "learning_rate" else f"{metric}/{'validation' if _ else 'training'}"
            self._writer.add_scalar(tag, value, trainer.epoch)
        self._writer.flush()

    def on_train_end(self, trainer: Any) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
