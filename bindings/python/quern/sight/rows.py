"""One kernel in a plan, and tables of such rows as text. The numbers are those of explain.py and profile.py."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OPERAND = re.compile(r"(\w+)\(([0-9, ]*)\)")
_ITEMSIZE = {
    "f64": 8,
    "i64": 8,
    "u64": 8,
    "c64": 8,
    "f32": 4,
    "i32": 4,
    "u32": 4,
    "f16": 2,
    "bf16": 2,
    "i16": 2,
    "u16": 2,
}


@dataclass(frozen=True)
class Kernel:
    """A kernel of a plan. Times in nanoseconds."""

    op: str  # "conv", with what was fused into it: "conv+add+relu"
    shapes: str  # "f32(64, 28, 28, 1), f32(20, 5, 5, 1) -> f32(64, 28, 28, 20)"
    layouts: str
    plugin: str
    kernel: str
    rejected: str  # other candidates, each with its reason
    runs: int
    total_ns: int  # of all runs that were profiled; 0 = never
    est_ns: float  # of one run, by the planner
    measured_ns: float  # of one run, by tuning; 0 = the choice rests on estimates
    workspace: int  # bytes
    plan: int  # number of the plan it belongs to

    @property
    def name(self) -> str:
        """ "plugin/kernel", as selection rules write it."""
        return f"{self.plugin}/{self.kernel}"

    @property
    def bytes(self) -> int:
        """Bytes of all operands, read and written once each."""
        return shape_bytes(self.shapes)


def shape_bytes(shapes: str) -> int:
    """Bytes of the arrays in a text such as "f32(2, 3) -> f32(2)"."""
    return sum(
        _ITEMSIZE.get(dtype, 1) * math.prod(int(n) for n in sizes.split(",") if n.strip())
        for dtype, sizes in _OPERAND.findall(shapes)
    )


def time_text(ns: float) -> str:
    """Three digits and a unit: "1.23 ms"."""
    for limit, factor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit * 0.9995:
            return f"{ns / factor:.3g} {unit}"
    return f"{ns / 1e9:.3g} s"


def bytes_text(n: float) -> str:
    """Three digits and a unit: "1.23 MB"."""
    for limit, factor, unit in ((1e3, 1, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if n < limit * 0.9995:
            return f"{n / factor:.3g} {unit}"
    return f"{n / 1e9:.3g} GB"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Aligned columns under a head; the first ``left`` to the left, the others to the right."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    )
