"""History: the numbers of each epoch, and their plot."""

from __future__ import annotations

import os
from collections.abc import Mapping


class History(dict):
    """Columns by name, one entry an epoch: "epoch", "loss", the metrics, and "val_..." for the validation part.

    An epoch without a column's value has None there."""

    def add(self, row: Mapping[str, float]) -> None:
        """Adds one epoch."""
        length = len(next(iter(self.values()), []))
        for name in row:
            self.setdefault(name, [None] * length)
        for name, column in self.items():
            column.append(row.get(name))

    def plot(self, path: str | os.PathLike | None = None):
        """Curves of the loss and of each metric, training and validation in one graph. Returns the matplotlib figure.

        path: also saved there (.png, .pdf, .svg). Raises ImportError when matplotlib is not installed."""
        try:
            from matplotlib.figure import Figure
        except ImportError as e:
            raise ImportError("[plot] plotting needs matplotlib: pip install matplotlib") from e
        names = [n for n in self if n not in ("epoch", "seconds", "learning_rate") and not n.startswith("val_")]
        figure = Figure(figsize=(5 * max(1, len(names)), 4), layout="constrained")
        for axes, name in zip(figure.subplots(1, max(1, len(names)), squeeze=False)[0], names):
            for label, key in (("training", name), ("validation", f"val_{name}")):
                if key in self:
                    points = [(e, v) for e, v in zip(self["epoch"], self[key]) if v is not None]
                    axes.plot(*zip(*points) if points else ((), ()), marker=".", label=label)
            axes.set(xlabel="epoch", title=name)
            axes.legend()
        if path is not None:
            figure.savefig(path)
        return figure
