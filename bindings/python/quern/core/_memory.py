"""Figures about memory, and evaluation in the background."""

import os

from .. import _ext

__all__ = [
    "PrintOptions",
    "array",
    "async_eval",
    "get_active_memory",
    "get_array_buffer_size",
    "get_cache_memory",
    "get_memory_limit",
    "get_peak_memory",
    "get_printoptions",
    "printoptions",
    "set_cache_limit",
    "set_memory_limit",
    "set_printoptions",
    "set_wired_limit",
]

array = _ext.array

_limits = {"memory": None, "cache": None, "wired": 0}


def _physical():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 1 << 34


def get_active_memory() -> int:
    """Bytes in arrays and plans now."""
    return _ext.stats()["bytes_active"]


def get_peak_memory() -> int:
    """The highest number of active bytes since the start or the last reset."""
    return _ext.stats()["bytes_peak"]


def get_cache_memory() -> int:
    """Bytes kept for reuse."""
    return _ext.stats()["bytes_cached"]


def get_memory_limit() -> int:
    """The guideline set by set_memory_limit, 95 % of the physical memory at first."""
    return _limits["memory"] if _limits["memory"] is not None else int(_physical() * 0.95)


def _set(name, limit, default):
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise TypeError(f"set_{name}_limit(): expected a non-negative int, not {limit!r}")
    before = _limits[name]
    _limits[name] = limit
    return default if before is None else before


def set_memory_limit(limit: int) -> int:
    """Sets a guideline for the bytes in use, and returns the former one. It is reported, and not enforced."""
    return _set("memory", limit, get_memory_limit())


def set_cache_limit(limit: int) -> int:
    """Sets how many bytes may be kept for reuse, and returns the former limit. 0 gives the cache back now."""
    former = _set("cache", limit, get_memory_limit())
    if limit == 0:
        _ext.clear_cache()
    return former


def set_wired_limit(limit: int) -> int:
    """Returns the former limit; CPU memory is not wired, so the limit has no other effect."""
    return _set("wired", limit, 0)


def get_array_buffer_size(*args) -> int:
    """Bytes of the elements of the given arrays."""
    total = 0
    for a in args:
        if not isinstance(a, array):
            raise TypeError(f"get_array_buffer_size(): expected arrays, not {type(a).__name__}")
        total += a.nbytes
    return total


def async_eval(*args) -> None:
    """Computes the arrays in the given trees. They are ready when it returns."""
    _ext.eval(*args)


class PrintOptions:
    """How arrays are printed: significant digits, -1 for six."""

    def __init__(self, precision: int = -1):
        self.precision = int(precision)


def get_printoptions() -> PrintOptions:
    """The options in force."""
    return PrintOptions(_ext.print_precision)


def set_printoptions(precision: int = -1) -> None:
    """Sets the significant digits of printed floats; -1 is the default of six."""
    _ext.print_precision = int(precision)


class _PrintOptionsContext:
    def __init__(self, precision):
        self._precision = int(precision)

    def __enter__(self):
        self._before = _ext.print_precision
        _ext.print_precision = self._precision
        return get_printoptions()

    def __exit__(self, *exc):
        _ext.print_precision = self._before


def printoptions(precision: int = -1) -> _PrintOptionsContext:
    """A context with other print options."""
    return _PrintOptionsContext(precision)
