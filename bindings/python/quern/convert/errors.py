"""The error of a checkpoint that cannot be read or does not fit. It does not read anything."""

from __future__ import annotations

from typing import Any


class ConversionError(ValueError):
    """A checkpoint is malformed, or does not fit the model. ``report`` tells what matched, if it came to that."""

    def __init__(self, text: str, report: Any = None):
        super().__init__(f"[torch_state_dict] {text}")
        self.report = report
