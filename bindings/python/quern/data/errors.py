"""The error of a file that is not what it should be. It does not read anything."""

from __future__ import annotations

import os


class DataError(ValueError):
    """A data file is missing, cut short or of another kind. The text names the file and what was expected."""

    def __init__(self, reader: str, path: str | os.PathLike, problem: str):
        super().__init__(f"[{reader}] {os.fspath(path)}: {problem}")
        self.path = os.fspath(path)
