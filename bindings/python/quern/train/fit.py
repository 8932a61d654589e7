"""Fit: compile, fit, evaluate and predict as methods of nn.Module.

They are found through a descriptor that lets a parameter or layer of the same name go first, so a model with an
attribute ``self.predict`` means what it means without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Method:
    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __get__(self, module: Any, owner: Any = None) -> Any:
        if module is None:
            return self.function
        if dict.__contains__(module, self.name):
            return dict.__getitem__(module, self.name)
        return self.function.__get__(module, owner)


def _trainer(module: Any) -> Any:
    trainer = module.__dict__.get("_trainer")
    if trainer is None:
        raise RuntimeError(
            f"[fit] this {type(module).__name__} is not compiled: call model.compile(optimizer, loss) first"
        )
    return trainer


class Fit:
    """What nn.Module inherits: ``compile`` says how to train, ``fit`` trains, ``evaluate`` and ``predict`` use it."""

    @_Method
    def compile(self, optimizer: Any = "sgd", loss: Any = None, metrics: Any = None, **options: Any) -> None:
        """Says how this model is trained: the arguments of quern.train.Trainer. Computes nothing."""
        from .trainer import Trainer

        object.__setattr__(self, "_trainer", Trainer(self, optimizer, loss, metrics, **options))

    @_Method
    def fit(self, x: Any, y: Any = None, **options: Any) -> Any:
        """Trains this model and returns the history: the arguments of quern.train.Trainer.fit (batch_size, epochs,
        validation_data, validation_split, shuffle, seed, callbacks, verbose, resume, ...). Raises RuntimeError before
        ``compile``."""
        return _trainer(self).fit(x, y, **options)

    @_Method
    def evaluate(self, x: Any, y: Any = None, **options: Any) -> dict[str, float]:
        """The loss and metrics over data: the arguments of quern.train.Trainer.evaluate (batch_size, workers). Raises
        RuntimeError before ``compile``."""
        return _trainer(self).evaluate(x, y, **options)

    @_Method
    def predict(self, x: Any, *, batch_size: int = 32, workers: int = 0) -> Any:
        """This model on all of x in evaluation mode, batch by batch, outputs joined (quern.train.predict). Needs no
        ``compile``."""
        from .trainer import predict

        return predict(self, x, batch_size=batch_size, workers=workers)
