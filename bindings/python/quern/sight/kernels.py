"""Which kernels may run and which did: selection rules and the kernels of all plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
