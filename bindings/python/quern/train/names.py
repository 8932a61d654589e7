"""Optimizers, losses and metrics by name, as in ``model.compile("adam", "cross_entropy", ["accuracy"])``.

What they compute is in quern.optimizers, quern.nn.losses and metrics.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from quern import nn, optimizers

from .metrics import METRICS

# What a string alone means; an object or a learning_rate says otherwise.
LEARNING_RATES = {"sgd": 1e-2, "rmsprop": 1e-3, "adagrad": 1e-2, "adadelta": 1.0, "lion": 1e-4, "muon": 2e-2}
LOSSES = {
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "nll": "nll_loss",
    "binary_crossentropy": "binary_cross_entropy",
    "bce": "binary_cross_entropy",
    "mse": "mse_loss",
    "mean_squared_error": "mse_loss",
    "mae": "l1_loss",
    "mean_absolute_error": "l1_loss",
    "l1": "l1_loss",
    "smooth_l1": "smooth_l1_loss",
    "huber": "huber_loss",
    "kl_div": "kl_div_loss",
    "kl_divergence": "kl_div_loss",
    "hinge": "hinge_loss",
    "log_cosh": "log_cosh_loss",
}


def get_optimizer(optimizer: Any = "sgd", *, learning_rate: Any = None, clipnorm: float | None = None, **options: Any):
    """An optimizer by name, class or object.

    optimizer: a name in any case ("sgd", "Adam", ...), a class of quern.optimizers, or an optimizer.
    learning_rate: a number or schedule; None = 0.01 for sgd and adagrad, 0.02 for muon, 1.0 for adadelta, 1e-4 for
    lion, none (relative steps) for adafactor, 0.001 for the others.
    clipnorm: gradients are scaled so that the norm of all together is at most this; default none.
    options: further arguments of the class. Raises ValueError for a name there is not, TypeError for other objects."""
    if isinstance(optimizer, str):
        classes = {
            name.lower(): value
            for name, value in vars(optimizers).items()
            if inspect.isclass(value) and issubclass(value, optimizers.Optimizer) and value is not optimizers.Optimizer
        }
        classes.pop("multioptimizer", None)
        if optimizer.lower() not in classes:
            raise ValueError(f"[optimizer] there is no {optimizer!r}, expected one of {', '.join(sorted(classes))}")
        if learning_rate is None:
            learning_rate = LEARNING_RATES.get(optimizer.lower(), None if optimizer.lower() == "adafactor" else 1e-3)
        optimizer = classes[optimizer.lower()]
    if inspect.isclass(optimizer) and issubclass(optimizer, optimizers.Optimizer):
        optimizer = optimizer(**({} if learning_rate is None else {"learning_rate": learning_rate}), **options)
    elif not isinstance(optimizer, optimizers.Optimizer):
        raise TypeError(f"[optimizer] a {type(optimizer).__name__}, expected a name or an optimizer")
    elif learning_rate is not None or options:
        raise TypeError("[optimizer] learning_rate and options go with a name or class, not with an optimizer")
    if clipnorm is not None:
        if not clipnorm > 0:
            raise ValueError(f"[optimizer] clipnorm is {clipnorm}, expected more than 0")
        optimizer.clipnorm = float(clipnorm)
    return optimizer


def get_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """A loss function (outputs, targets) -> scalar by name, or the function given.

    A name is that of a function in quern.nn.losses, or one of the usual short ones ("mse", "nll", "bce", ...); its
    mean over the batch is taken. cross_entropy and binary_cross_entropy expect logits. Raises ValueError for a name
    there is not."""
    if callable(loss):
        return loss
    known = {
        name: value
        for name, value in vars(nn.losses).items()
        if not name.startswith("_") and inspect.isfunction(value) and "reduction" in inspect.signature(value).parameters
    }
    function = known.get(LOSSES.get(str(loss).lower(), str(loss).lower()))
    if function is None:
        raise ValueError(f"[loss] there is no {loss!r}, expected one of {', '.join(sorted({*known, *LOSSES}))}")
    return partial(function, reduction="mean")


def get_metrics(metrics: Any) -> dict[str, Callable[[Any, Any], Any]]:
    """Metrics (outputs, targets) -> mean over the batch, by name.

    metrics: None, one, or a sequence of names (see metrics.py) and functions, or a dict of functions. A function
    goes by its ``__name__``. Raises ValueError for a name there is not."""
    if metrics is None:
        return {}
    if isinstance(metrics, dict):
        return dict(metrics)
    found = {}
    for metric in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        if callable(metric):
            found[getattr(metric, "__name__", type(metric).__name__.lower())] = metric
        elif metric in METRICS:
            found[metric] = METRICS[metric]
        else:
            raise ValueError(f"[metric] there is no {metric!r}, expected one of {', '.join(sorted(METRICS))}")
    return found
