"""The recording of kernels that run, from start to stop; the tables made of it are in profile.py and explain.py.

It compares the runtime's report of kernels before and after, so plans that are dropped in between are not seen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from quern import _ext

from .rows import Kernel


@dataclass(frozen=True)
class Ran:
    """What a kernel of a plan did: ``runs`` of it took ``time_ns`` together; 0 runs = its result was kept."""

    kernel: Kernel
    runs: int
    time_ns: int


@dataclass(frozen=True)
class Recording:
    """What was recorded, by plan in order of the plans' numbers, kernels in order of running. ``stats`` holds
    differences of the runtime's counters, and bytes as they are at the end."""

    ran: list[Ran]
    stats: dict[str, int]
    wall_ns: int


_COUNTERS = (
    "allocations", "evaluations", "plan_hits", "plan_misses", "kernels_run", "relayouts_run", "relayouts_cached",
    "faults", "nodes_recorded",
)  # fmt: skip


class Recorder:
    """Records between ``start`` and ``stop``. Recordings may overlap; the last one to stop ends the timing."""

    _open = 0  # recordings under way in the process

    def __init__(self) -> None:
        self._before: dict[tuple[int, int], Kernel] = {}
        self._stats: dict[str, int] = {}
        self._start = 0

    def start(self) -> None:
        Recorder._open += 1
        _ext.set_profiling(True)
        self._before = _rows()
        self._stats = _ext.stats()
        self._start = time.monotonic_ns()

    def stop(self) -> Recording:
        end = time.monotonic_ns()
        after = _ext.stats()
        rows = _rows()
        Recorder._open -= 1
        if not Recorder._open:
            _ext.set_profiling(False)
        stats = {name: after[name] - self._stats[name] for name in _COUNTERS}
        stats |= {name: after[name] for name in ("bytes_active", "bytes_cached", "bytes_peak")}
        ran = []
        for place, kernel in rows.items():
            before: Any = self._before.get(place)
            runs, spent = (before.runs, before.total_ns) if before else (0, 0)
            ran.append(Ran(kernel, kernel.runs - runs, kernel.total_ns - spent))
        active = {entry.kernel.plan for entry in ran if entry.runs}
        return Recording([entry for entry in ran if entry.kernel.plan in active], stats, end - self._start)


def _rows() -> dict[tuple[int, int], Kernel]:
    """The kernels of all plans by plan and place in it."""
    found: dict[tuple[int, int], Kernel] = {}
    places: dict[int, int] = {}
    for row in _ext.report_kernels():
        kernel = Kernel(**{name: row[name] for name in Kernel.__dataclass_fields__})
        place = places.get(kernel.plan, 0)
        places[kernel.plan] = place + 1
        found[kernel.plan, place] = kernel
    return found
