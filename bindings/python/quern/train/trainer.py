"""Trainer: the loop over epochs and batches, with validation, callbacks and resuming.

What is computed in a step is the model, the loss and the optimizer it is given; files are the callbacks' business."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from quern import core as mx
from quern import nn, optimizers

from .callbacks import Callback
from .checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from .history import History
from .metrics import Means
from .names import get_loss, get_metrics, get_optimizer
from .progress import Progress
from .sources import batch_parts, leading, loader_of, split_off, validation_loader


class Trainer:
    """Trains a model.

    model:     an nn.Module called as model(*inputs).
    optimizer: a name, class or object (names.get_optimizer); default "sgd".
    loss:      a name or function (outputs, targets) -> scalar; with None batches hold no targets and ``objective``
               must be given.
    metrics:   names or functions (outputs, targets) -> mean over the batch; default none.
    clipnorm:  the largest norm of all gradients together; None = the optimizer's ``clipnorm``, else no limit.
    objective: function(model, *batch) -> loss, or (loss, outputs), in place of ``loss``; default none.
    jit:       compile the training step (one graph for each shape of batch); default False.

    A batch is a tuple (inputs..., targets). ``epoch``, ``step`` (of all epochs) and ``history`` say where it
    stands; a callback sets ``stop`` to end it after the batch."""

    def __init__(
        self,
        model: Any,
        optimizer: Any = "sgd",
        loss: Any = None,
        metrics: Any = None,
        *,
        clipnorm: float | None = None,
        objective: Callable[..., Any] | None = None,
        jit: bool = False,
        **options: Any,
    ):
        if (loss is None) == (objective is None):
            raise ValueError("[Trainer] expected loss or objective, and not both")
        self.model = model
        self.optimizer = get_optimizer(optimizer, clipnorm=clipnorm, **options)
        self.loss = None if loss is None else get_loss(loss)
        self.metrics = get_metrics(metrics)
        self.objective = objective
        self.jit = jit
        self.epoch = 0
        self.step = 0
        self.stop = False
        self.history = History()
        self.callbacks: list[Callback] = []
        self.loader: Any = None
        self._means = Means()

    # ---- training ----

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        seed: int = 0,
        workers: int = 0,
        drop_last: bool = False,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
        resume: Any = None,
    ) -> History:
        """Trains until ``epochs`` epochs are done in all, and returns the history.

        x, y: arrays with a first axis of samples (x may be a tuple of several), or x a Dataset, or a DataLoader or
        any other iterable of batches; then y, and for loaders batch_size, shuffle, seed, workers, drop_last, are not
        used. validation_data: the like, (x, y), or a Dataset or loader, used after each epoch. validation_split: the
        share at the end of the data kept for that; not for loaders. seed: of the order. verbose: 0 silent, 1 a bar, 2 a
        line an epoch. resume: a checkpoint's path to go on from; a file that is not there is no error, so the same
        call starts and resumes.
        A second call goes on from the first one's weights, with a new count of epochs.
        Raises ValueError for arguments that do not fit, CheckpointError for a checkpoint that does not."""
        self._check_split(validation_data, validation_split)
        if validation_split:
            (x, y), validation_data = split_off(x, y, validation_split)
        self.loader = loader_of(x, y, batch_size, shuffle, seed, workers, drop_last)
        held_out = None if validation_data is None else validation_loader(validation_data, batch_size, workers)
        self.epoch, self.step, self.stop, self.history, self._means = 0, 0, False, History(), Means()
        self.callbacks = [*callbacks]
        resumed = resume is not None and self.load(resume, missing_ok=True)
        update = self._update_function()
        training = self.model.training
        started: list[Callback] = []
        progress = Progress(verbose, epochs)
        try:
            for callback in self.callbacks:
                started.append(callback)
                callback.on_train_begin(self, resumed)
            while self.epoch < epochs and not self.stop:
                self._epoch(update, held_out, progress)
        finally:
            self.model.train(training)
            progress.close()
            for callback in reversed(started):
                callback.on_train_end(self)
        return self.history

    def _epoch(self, update: Callable[..., Any], held_out: Any, progress: Progress) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(self)
        begin = time.perf_counter()
        done = self._place()[1]
        progress.epoch(self.epoch, len(self.loader) if hasattr(self.loader, "__len__") else None, done)
        self.model.train()
        for batch in self.loader:
            batch = batch_parts(batch)
            values = update(*batch)
            self._means.add(values, leading(batch))
            mx.eval(self.model.state, self.optimizer.state, self._means.sums)
            self.step += 1
            means = self._means.result()
            progress.batch(means)
            for callback in self.callbacks:
                callback.on_batch_end(self, means)
            if self.stop:
                break
        if not self._means.count:
            raise ValueError(
                "[fit] the data gave no batch; with drop_last a batch_size above the number of samples does"
            )
        row = self._means.result()
        if held_out is not None:
            row |= {f"val_{name}": value for name, value in self._evaluate(held_out).items()}
        rate = self.optimizer.state.get("learning_rate")
        row |= {} if rate is None else {"learning_rate": rate.item()}
        self.history.add({"epoch": self.epoch + 1, **row, "seconds": time.perf_counter() - begin})
        self._means = Means()
        self.epoch += 1
        progress.end(row)
        for callback in self.callbacks:
            callback.on_epoch_end(self, row)

    def _update_function(self) -> Callable[..., dict[str, Any]]:
        model, optimizer = self.model, self.optimizer
        clipnorm = getattr(optimizer, "clipnorm", None)

        def forward(*batch):
            loss, outputs = self._loss(batch)
            return loss, self._values(loss, outputs, batch)

        value_and_grad = nn.value_and_grad(model, forward)
        optimizer.init(model.trainable_parameters())  # keeps what is there

        def update(*batch):
            (_, values), gradients = value_and_grad(*batch)
            if clipnorm is not None:
                gradients, _ = optimizers.clip_grad_norm(gradients, clipnorm)
            optimizer.update(model, gradients)
            return values

        if not self.jit:
            return update
        state = [model.state, optimizer.state, mx.random.state]
        return partial(mx.compile, inputs=state, outputs=state)(update)

    def _loss(self, batch: tuple) -> tuple[Any, Any]:
        if self.objective is not None:
            result = self.objective(self.model, *batch)
            return result if isinstance(result, tuple) else (result, None)
        if len(batch) < 2:
            raise ValueError("[fit] the batches hold no targets, expected (inputs..., targets); or give an objective")
        outputs = self.model(*batch[:-1])
        return self.loss(outputs, batch[-1]), outputs

    def _values(self, loss: Any, outputs: Any, batch: tuple) -> dict[str, Any]:
        values = {"loss": loss}
        if outputs is not None:
            values |= {name: metric(outputs, batch[-1]) for name, metric in self.metrics.items()}
        return values

    # ---- using the model ----

    def evaluate(
        self, x: Any, y: Any = None, *, batch_size: int = 32, workers: int = 0, verbose: int = 0
    ) -> dict[str, float]:
        """The loss and metrics over data given as to ``fit``, with the model in evaluation mode: name -> mean."""
        result = self._evaluate(loader_of(x, y, batch_size, workers=workers))
        if verbose:
            print(Progress.line(result))
        return result

    def _evaluate(self, loader: Iterable) -> dict[str, float]:
        means, training = Means(), self.model.training
        self.model.eval()
        try:
            for batch in loader:
                batch = batch_parts(batch)
                means.add(self._values(*self._loss(batch), batch), leading(batch))
                mx.eval(means.sums)
        finally:
            self.model.train(training)
        if not means.count:
            raise ValueError("[evaluate] the data gave no batch")
        return means.result()

    # ---- checkpoints ----

    def save(self, path: Any) -> None:
        """Writes a checkpoint from which ``load``, or ``fit(resume=path)``, goes on bit for bit.

        It holds the parameters, the optimizer's state, the random state, place and order of the data (of a
        DataLoader), running means, history, and the state of callbacks. Inside or outside of ``fit``."""
        meta = {
            "epoch": self.epoch,
            "step": self.step,
            "count": self._means.count,
            "history": self.history,
            "loader": self.loader.state_dict() if hasattr(self.loader, "state_dict") else None,
            "callbacks": [callback.state_dict() for callback in self.callbacks],
        }
        save_checkpoint(path, self.model, self.optimizer, meta, self._means.sums)

    def load(self, path: Any, *, missing_ok: bool = False) -> bool:
        """Restores what ``save`` wrote; False when the file is not there and that is allowed. The callbacks' states go
        to the callbacks of this ``fit``, in order. Raises CheckpointError; then nothing has changed."""
        if missing_ok and not os.path.exists(path):
            return False
        meta, sums = load_checkpoint(path, self.model, self.optimizer)
        try:
            self.epoch, self.step = int(meta["epoch"]), int(meta["step"])
            self.history = History(meta["history"])
            self._means = Means(sums, int(meta["count"]))
            states, place = meta["callbacks"], meta["loader"]
        except (KeyError, TypeError, ValueError) as e:
            raise CheckpointError(path, f"its entry 'meta' is damaged ({e})") from e
        for callback, state in zip(self.callbacks, states):
            callback.load_state_dict(state)
        if place is not None and hasattr(self.loader, "load_state_dict"):
            self.loader.load_state_dict(place)
        return True

    def _place(self) -> tuple[int, int]:
        state = self.loader.state_dict() if hasattr(self.loader, "state_dict") else {}
        return state.get("epoch", 0), state.get("batch", 0)

    @staticmethod
    def _check_split(validation_data: Any, fraction: float) -> None:
        if fraction and validation_data is not None:
            raise ValueError("[fit] expected validation_data or validation_split, and not both")
        if fraction and not 0 < fraction < 1:
            raise ValueError(f"[fit] validation_split is {fraction}, expected 0, or more than 0 and less than 1")


def predict(model: Any, x: Any, *, batch_size: int = 32, workers: int = 0) -> Any:
    """``model`` on all of ``x`` in evaluation mode, batch by batch: the outputs joined along the first axis.

    x: an array or a tuple of arrays (the model's inputs), or a Dataset or loader of inputs. Several outputs (a tuple,
    list or dict) are joined each. Raises ValueError when there is no sample."""
    training = model.training
    model.eval()
    collected: list[Any] = []
    try:
        for batch in loader_of(x, None, batch_size, workers=workers):
            outputs = model(*batch_parts(batch))
            mx.eval(outputs)
            collected.append(outputs)
    finally:
        model.train(training)
    if not collected:
        raise ValueError("[predict] the data gave no batch")
    return _joined(collected)


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, (tuple, list)):
        return type(first)(_joined(list(column)) for column in zip(*parts))
    if isinstance(first, dict):
        return {key: _joined([part[key] for part in parts]) for key in first}
    return mx.concatenate(parts, axis=0) if first.ndim else mx.stack(parts)
