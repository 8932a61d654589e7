"""profile: where the time of a piece of program went, as tables and as a time line."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import trace as timeline
from .recorder import Ran, Recorder, Recording
from .rows import bytes_text, table, time_text


@dataclass
class Total:
    """Sums over the runs of kernels that share a name."""

    name: str
    runs: int = 0
    time_ns: int = 0
    bytes: int = 0


class Profile:
    """What ``profile()`` gives: filled when its block ends.

    stats: counters of the block (evaluations, plan_hits, plan_misses, kernels_run, relayouts_run, relayouts_cached,
    nodes_recorded, allocations, faults) and bytes_active, bytes_cached, bytes_peak at its end.
    wall_ns, kernel_ns: time of the block, and of it inside kernels. ``print`` shows the table.
    events: the time line, when a trace was asked for; dropped: events beyond the limit."""

    def __init__(self, trace: str | os.PathLike | None, limit: int) -> None:
        self._trace, self._limit = trace, limit
        self.events: list[timeline.Event] = []
        self.dropped = 0
        self._spans: list[tuple[str, int, int]] = []
        self._start = 0
        self._recorder = Recorder()
        self._recording: Recording | None = None

    def __enter__(self) -> Profile:
        if self._recording is not None:
            raise RuntimeError("[profile] this profile is done, expected a new one: with quern.profile() as p")
        if self._trace is not None:
            timeline.start(self._limit)
        self._start = time.monotonic_ns()
        self._recorder.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._recording = self._recorder.stop()
        if self._trace is not None:
            self.events, self.dropped = timeline.stop()
            timeline.write(self._trace, self.events, self._spans, self._start, {**self.stats, "dropped": self.dropped})

    @contextlib.contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A named stretch of the program, shown above the kernels in the trace."""
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            self._spans.append((name, begin, time.monotonic_ns()))

    @property
    def recording(self) -> Recording:
        """All kernels with their runs. Raises RuntimeError before the block has ended."""
        if self._recording is None:
            raise RuntimeError("[profile] the block has not ended yet")
        return self._recording

    @property
    def stats(self) -> dict[str, int]:
        return self.recording.stats

    @property
    def wall_ns(self) -> int:
        return self.recording.wall_ns

    @property
    def kernel_ns(self) -> int:
        return sum(entry.time_ns for entry in self.recording.ran)

    def by_op(self) -> list[Total]:
        """Sums by op (with what was fused into it), most time first."""
        return self._totals(lambda entry: entry.kernel.op)

    def by_kernel(self) -> list[Total]:
        """Sums by op and kernel, most time first: "conv+relu onednn/conv.nhwc"."""
        return self._totals(lambda entry: f"{entry.kernel.op} {entry.kernel.name}")

    def _totals(self, name: Callable[[Ran], str]) -> list[Total]:
        totals: dict[str, Total] = {}
        for entry in self.recording.ran:
            if entry.runs:
                total = totals.setdefault(name(entry), Total(name(entry)))
                total.runs += entry.runs
                total.time_ns += entry.time_ns
                total.bytes += entry.runs * entry.kernel.bytes
        return sorted(totals.values(), key=lambda total: -total.time_ns)

    def table(self, limit: int | None = 20, *, by: str = "kernel") -> str:
        """A table of the ``limit`` dearest rows (None = all). by: "kernel" or "op". Raises ValueError for others."""
        if by not in ("kernel", "op"):
            raise ValueError(f"[profile] by is {by!r}, expected 'kernel' or 'op'")
        totals = self.by_kernel() if by == "kernel" else self.by_op()
        whole = sum(total.time_ns for total in totals) or 1
        rows = [
            (
                total.name,
                str(total.runs),
                time_text(total.time_ns),
                f"{100 * total.time_ns / whole:.1f} %",
                time_text(total.time_ns / total.runs),
                bytes_text(total.bytes),
                f"{total.bytes / max(1, total.time_ns):.3g}",
            )
            for total in totals[:limit]
        ]
        s = self.stats
        return (
            table((by, "runs", "time", "share", "each", "bytes", "GB/s"), rows)
            + f"\n{time_text(self.wall_ns)} in all, {time_text(self.kernel_ns)} in {s['kernels_run']} kernels, "
            f"{s['evaluations']} evaluations, plans {s['plan_hits']} found and {s['plan_misses']} made, relayouts "
            f"{s['relayouts_run']} run and {s['relayouts_cached']} kept, peak {bytes_text(s['bytes_peak'])}"
        )

    __str__ = table


def profile(trace: str | os.PathLike | None = None, *, limit: int = 1_000_000) -> Profile:
    """A context manager that times every kernel:

        with quern.profile("trace.json") as p:
            train_step()
        print(p)

    trace: a file for the time line of kernels and workers, written when the block ends, for ui.perfetto.dev; default
    none. limit: events kept in it. Costs two clock readings a kernel, with a trace two more a tile. The kernels of all
    threads count; plans that are dropped inside the block (by set_kernels, clear_cache) do not count in the tables.
    Raises RuntimeError for a trace inside another one."""
    return Profile(trace, limit)
