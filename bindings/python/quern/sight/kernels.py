"""Which kernels may run and which did: selection rules and the kernels of all plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath

from quern import _ext

from .rows import Kernel, table, time_text


def set_kernels(rules: str | Mapping[str, str | Sequence[str]]) -> None:
    """Says which plugins or kernels to use; the plans made so far are dropped.

    rules: "conv*=onednn; matmul[f32]=tbb|openblas; *=naive" - the first rule that matches an op counts, and lists
    plugins or plugin/kernel, best first - or a dict {"conv*": "onednn", "matmul": ["tbb", "openblas"]}. "" removes all
    rules. Raises ValueError for rules that cannot be read; then the old ones stay."""
    if not isinstance(rules, str):
        rules = "; ".join(f"{op}={use if isinstance(use, str) else '|'.join(use)}" for op, use in rules.items())
    _ext.set_kernels(rules)


def set_tuning(mode: str, file: str | PathLike[str] | None = None) -> Tuning:
    """Whether measured times of kernels decide instead of estimates; returns the state. Plans are dropped.

    mode: "off" (default); "read" takes the times from `file`; "measure" also measures what is not known whenever a plan
    is made; "background" measures on a thread of the lowest priority, with at most 1 % of a processor's time, for what
    runs often. Times are kept in `file` if one is given; what is wrong with it is told in the state's `problem`.
    Raises ValueError for other modes, and for "read" without a file."""
    _ext.set_tuning(mode if file is None else f"{mode}:{fspath(file)}")
    return tuning()


def tuning() -> Tuning:
    """The state of tuning; the environment's QUERN_TUNING ("measure:FILE") sets it before the program does."""
    return Tuning(**_ext.report_tuning())


@dataclass(frozen=True)
class Tuning:
    """The state of tuning."""

    mode: str  # "off", "read", "measure", "background"
    file: str  # "" = none
    problem: str  # why the file was passed over or could not be written; "" = nothing is wrong
    questions: int  # ops with their shapes and layouts whose kernels have measured times
    candidates_run: int  # kernels that ran in order to be measured
    spent_ns: int  # processor time of that
    plans_waiting: int  # for the background


class Kernels(list):
    """Kernels (a list of Kernel) that print as a table."""

    def __str__(self) -> str:
        return table(
            ("op", "kernel", "plan", "runs", "time", "estimate"),
            [
                (
                    k.op,
                    k.name,
                    str(k.plan),
                    str(k.runs),
                    time_text(k.total_ns) if k.total_ns else "",
                    time_text(k.est_ns),
                )
                for k in self
            ],
            left=2,
        )


def kernels_used() -> Kernels:
    """The kernels of all plans that are kept, in the order in which they run. Times are 0 unless a profile was on."""
    return Kernels(Kernel(**{name: row[name] for name in Kernel.__dataclass_fields__}) for row in _ext.report_kernels())
