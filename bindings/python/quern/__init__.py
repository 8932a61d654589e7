"""Quern: arrays and neural networks on CPUs, with MLX's names and meaning.

`quern.core` is the array library, `quern.nn`, `quern.optimizers` and `quern.utils` build on it.
"""

from importlib import import_module

_SIGHT = ("explain", "kernels_used", "profile", "set_kernels", "set_tuning", "tuning")


def __getattr__(name: str):
    if name in _SIGHT:
        return getattr(import_module("quern.sight"), name)
    raise AttributeError(f"module 'quern' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SIGHT])
