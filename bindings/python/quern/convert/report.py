"""What became of a checkpoint: which names matched, and which did not."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """Names in loaded, missing and mismatched are the model's own, in unexpected and folded the file's."""

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # in the model, not in the file
    unexpected: list[str] = field(default_factory=list)  # in the file, not in the model
    mismatched: list[tuple[str, tuple, tuple]] = field(default_factory=list)  # name, shape offered, shape expected
    folded: list[str] = field(default_factory=list)  # weights put together from weight_g and weight_v

    @property
    def ok(self) -> bool:
        """Everything matched."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} loaded, {len(self.folded)} of them folded from weight norm"]
        lines += [f"missing in the file: {name}" for name in self.missing]
        lines += [f"unexpected in the file: {name}" for name in self.unexpected]
        lines += [
            f"{name}: shape {offered} in the file, expected {wanted}" for name, offered, wanted in self.mismatched
        ]
        return "\n".join(lines)
