"""Training: the loop, what it reports, and what it keeps.

    model.compile("adam", "cross_entropy", ["accuracy"])
    history = model.fit(images, labels, epochs=5, validation_split=0.1)

The names below are loaded when they are first used: nn.Module inherits from ``fit.Fit``, which needs none of them."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Callback": "callbacks",
    "CSVLog": "callbacks",
    "Checkpoint": "callbacks",
    "EarlyStopping": "callbacks",
    "TensorBoard": "callbacks",
    "CheckpointError": "checkpoint",
    "load_checkpoint": "checkpoint",
    "save_checkpoint": "checkpoint",
    "Fit": "fit",
    "History": "history",
    "accuracy": "metrics",
    "top_k": "metrics",
    "get_loss": "names",
    "get_metrics": "names",
    "get_optimizer": "names",
    "Trainer": "trainer",
    "predict": "trainer",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'quern.train' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
