"""The Metal backend of MLX, which is not there: is_available() is False, memory figures are those of the CPU."""

from ._device import device_info as _device_info
from ._memory import (  # noqa: F401
    get_active_memory,
    get_cache_memory,
    get_peak_memory,
    set_cache_limit,
    set_memory_limit,
    set_wired_limit,
)
from .._ext import clear_cache, reset_peak_memory  # noqa: F401


def is_available() -> bool:
    """Whether there is a Metal device: never."""
    return False


def device_info() -> dict:
    """The CPU's architecture and name."""
    return _device_info()


def start_capture(path: str) -> None:
    """Starts a GPU capture; raises, since there is no GPU."""
    raise RuntimeError("[metal::start_capture] there is no Metal backend.")


def stop_capture() -> None:
    """Ends a GPU capture; raises, since there is no GPU."""
    raise RuntimeError("[metal::stop_capture] there is no Metal backend.")
