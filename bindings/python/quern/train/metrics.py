"""Reported beside the loss: functions (outputs, targets) -> mean over the batch, and their means over an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quern import core as mx


def accuracy(outputs: mx.array, targets: mx.array) -> mx.array:
    """Share of right answers. outputs: (..., classes) against targets (...) of classes or (..., classes) one-hot; or
    logits of the shape of targets, then more than 0 means 1. Returns a float32 scalar."""
    if outputs.shape == targets.shape and outputs.ndim and outputs.shape[-1] > 1 and targets.ndim > 1:
        return mx.mean(mx.argmax(outputs, axis=-1) == mx.argmax(targets, axis=-1))
    if outputs.shape == targets.shape:
        return mx.mean((outputs > 0) == (targets > 0.5))
    return mx.mean(mx.argmax(outputs, axis=-1) == targets)


def top_k(k: int) -> Callable[[mx.array, mx.array], mx.array]:
    """A metric: the share whose class is among the k largest outputs. outputs: (..., classes), targets: (...)."""

    def metric(outputs: mx.array, targets: mx.array) -> mx.array:
        right = mx.take_along_axis(outputs, mx.expand_dims(targets, -1), axis=-1)
        return mx.mean(mx.sum(outputs > right, axis=-1) < k)

    metric.__name__ = f"top{k}"
    return metric


def mean_squared_error(outputs: mx.array, targets: mx.array) -> mx.array:
    """Mean of the squared differences; shapes as they broadcast. Returns a scalar."""
    return mx.mean(mx.square(outputs - targets))


def mean_absolute_error(outputs: mx.array, targets: mx.array) -> mx.array:
    """Mean of the absolute differences; shapes as they broadcast. Returns a scalar."""
    return mx.mean(mx.abs(outputs - targets))


METRICS = {
    "accuracy": accuracy,
    "acc": accuracy,
    "top5": top_k(5),
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
}


class Means:
    """Running means over batches, weighted by their sizes. Sums are arrays, so that adding forces no evaluation."""

    def __init__(self, sums: Mapping[str, Any] | None = None, count: int = 0):
        self.sums: dict[str, Any] = dict(sums or {})
        self.count = count

    def add(self, values: Mapping[str, Any], n: int) -> None:
        for name, value in values.items():
            term = value.astype(mx.float32) * n
            self.sums[name] = self.sums[name] + term if name in self.sums else term
        self.count += n

    def result(self) -> dict[str, float]:
        """Means so far as Python floats; evaluates. Empty before the first batch."""
        return {name: total.item() / self.count for name, total in self.sums.items()}
