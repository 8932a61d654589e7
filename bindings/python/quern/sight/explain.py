"""explain: what happens when an array is computed, or a function runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quern import core as mx
from quern import utils

from .recorder import Recorder
from .rows import Kernel, bytes_text, table, time_text


@dataclass(frozen=True)
class Step:
    """A kernel of a plan and the mean time of its runs here (ns); None = it did not run: its result was kept."""

    kernel: Kernel
    time_ns: int | None


class Explanation:
    """The plans that ran, kernel by kernel; ``print`` shows a table. ``steps`` are in order of running."""

    def __init__(self, steps: list[Step], planned: int, wall_ns: int):
        self.steps = steps
        self.planned = planned  # plans made for this, not found in the cache
        self.wall_ns = wall_ns

    def rejected(self) -> str:
        """For each kernel the candidates that were not taken, and why: text."""
        return "\n".join(
            f"{step.kernel.op}  {step.kernel.shapes}\n  chosen {step.kernel.name}\n"
            + "".join(f"  not {line.strip()}\n" for line in step.kernel.rejected.split(";") if line.strip())
            for step in self.steps
        )

    def __str__(self) -> str:
        if not self.steps:
            return "nothing to compute: the values are there already"
        total = sum(step.time_ns or 0 for step in self.steps)
        rows = [
            (
                step.kernel.op,
                step.kernel.name,
                step.kernel.shapes,
                step.kernel.layouts,
                "kept" if step.time_ns is None else time_text(step.time_ns),
                "" if not step.time_ns or not total else f"{100 * step.time_ns / total:.0f} %",
                bytes_text(step.kernel.bytes),
            )
            for step in self.steps
        ]
        plans = len({step.kernel.plan for step in self.steps})
        made = f", {self.planned} of them planned now" if self.planned else ""
        return (
            table(("op", "kernel", "shapes", "layouts", "time", "share", "bytes"), rows, left=4)
            + f"\n{len(self.steps)} kernels in {plans} plan{'s' if plans > 1 else ''}{made}; "
            + f"{time_text(total)} in kernels, {time_text(self.wall_ns)} in all"
        )

    __repr__ = __str__


def explain(target: Any, *arguments: Any, **named: Any) -> Explanation:
    """How ``target`` is computed: kernels, layouts, what was fused, times, and the candidates that were rejected.

    target: an array or tree of arrays that are not computed yet - they are computed now; or a function, called twice
    with the arguments, and its second run is told (the first one may have to plan). ``print`` the result, see
    ``rejected()`` for the reasons. Raises TypeError for other things."""
    if callable(target) and not isinstance(target, mx.array):
        first = _run(target, arguments, named)
        explanation = _run(target, arguments, named)
        return Explanation(explanation.steps, first.planned, explanation.wall_ns)
    arrays = [leaf for _, leaf in utils.tree_flatten(target)] if isinstance(target, (list, tuple, dict)) else [target]
    if arguments or named or not all(isinstance(a, mx.array) for a in arrays):
        raise TypeError(f"[explain] a {type(target).__name__}, expected arrays, or a function and its arguments")
    return _run(lambda: target, (), {})


def _run(function: Callable[..., Any], arguments: tuple, named: dict) -> Explanation:
    recorder = Recorder()
    recorder.start()
    try:
        result = function(*arguments, **named)
        if result is not None:
            mx.eval(result)
    finally:
        recording = recorder.stop()
    steps = [Step(entry.kernel, entry.time_ns // entry.runs if entry.runs else None) for entry in recording.ran]
    return Explanation(steps, recording.stats["plan_misses"], recording.wall_ns)
