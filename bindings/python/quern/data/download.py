"""Fetching data files: checked against a digest, put in place only when whole.

It does not unpack archives; the readers read them as they are."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from .errors import DataError


def data_home() -> Path:
    """The folder for downloaded data: $QUERN_DATA, else ~/.cache/quern/data. It may not exist yet."""
    return Path(os.environ.get("QUERN_DATA") or Path.home() / ".cache" / "quern" / "data")


def check_digest(path: str | os.PathLike, digest: str) -> None:
    """Raises DataError unless the file has the digest, "sha256:..." or "md5:..." in hexadecimal."""
    kind, _, want = digest.partition(":")
    if kind not in ("sha256", "md5") or not want:
        raise ValueError(f"[download] digest is {digest!r}, expected 'sha256:...' or 'md5:...'")
    hasher = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    if hasher.hexdigest() != want.lower():
        raise DataError("download", path, f"its {kind} is {hasher.hexdigest()}, expected {want.lower()}")


def download(url: str, path: str | os.PathLike, *, digest: str | None = None, timeout: float = 30.0) -> Path:
    """Fetches ``url`` to ``path`` unless it is there already, and returns the path.

    digest: "sha256:..." or "md5:..."; an existing file is checked too. timeout: seconds without an answer. The file
    appears whole or not at all. Raises DataError when there is no network or the digest differs, saying where to put
    a copy by hand."""
    path = Path(path)
    if path.exists():
        if digest:
            check_digest(path, digest)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            request = urllib.request.Request(url, headers={"User-Agent": "quern"})
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                while block := answer.read(1 << 20):
                    file.write(block)
        if digest:
            try:
                check_digest(partial, digest)
            except DataError as e:
                raise DataError("download", url, str(e).split(": ", 1)[1]) from None
        os.replace(partial, path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as e:
        reason = getattr(e, "reason", e)
        raise DataError(
            "download", path, f"it is not there, and {url} cannot be reached ({reason}). Put a copy there by hand"
        ) from e
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
    return path
