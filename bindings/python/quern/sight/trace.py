"""The time line of a profile: one event for each kernel and worker, and the file that shows it.

One at a time in the process; the sums by op and kernel are in profile.py."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quern import _ext


@dataclass(frozen=True)
class Event:
    """One worker's part in one run of a kernel. Times in nanoseconds of time.monotonic_ns."""

    op: str
    shapes: str
    plugin: str
    kernel: str
    plan: int
    step: int  # place in the plan
    run_start_ns: int  # of the whole run, all workers
    run_ns: int
    start_ns: int
    duration_ns: int
    busy_ns: int  # inside its tiles
    worker: int
    tiles: int


def start(limit: int) -> None:
    """Records up to ``limit`` events from now on. Raises RuntimeError when another recording is under way."""
    _ext.trace_start(limit)


def stop() -> tuple[list[Event], int]:
    """The events, and how many were left out beyond the limit."""
    names, events, dropped = _ext.trace_stop()
    return [Event(*names[name], *rest) for name, *rest in events], dropped


def write(
    path: str | os.PathLike,
    events: Sequence[Event],
    spans: Sequence[tuple[str, int, int]],
    origin_ns: int,
    other: dict[str, Any],
) -> None:
    """Writes a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open; a worker is a row.

    spans: (name, start, end) of stretches of the program, in a row of their own. origin_ns: time 0 of the trace."""

    def place(start_ns: int, duration_ns: int, tid: int) -> dict[str, Any]:
        return {"ph": "X", "ts": (start_ns - origin_ns) / 1e3, "dur": duration_ns / 1e3, "pid": 1, "tid": tid}

    workers = sorted({event.worker for event in events})
    rows = [(0, "program"), *((worker + 1, f"worker {worker}") for worker in workers)]
    out: list[dict[str, Any]] = [{"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "quern"}}]
    out += [{"ph": "M", "name": "thread_name", "pid": 1, "tid": t, "args": {"name": name}} for t, name in rows]
    out += [{"name": name, "cat": "span", **place(begin, end - begin, 0)} for name, begin, end in spans]
    out += [
        {
            "name": event.op,
            "cat": event.plugin,
            **place(event.start_ns, event.duration_ns, event.worker + 1),
            "args": {
                "kernel": f"{event.plugin}/{event.kernel}",
                "shapes": event.shapes,
                "plan": event.plan,
                "step": event.step,
                "tiles": event.tiles,
                "busy_us": event.busy_ns / 1e3,
            },
        }
        for event in events
    ]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"traceEvents": out, "displayTimeUnit": "ms", "otherData": other}, file)
