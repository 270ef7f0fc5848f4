"""Where the CSV of a command goes: UTF-8 whatever the locale, to a file of its owner's alone or to standard output."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

__all__ = ["open_csv"]


@contextmanager
def open_csv(path: Path | None) -> Iterator[TextIO]:
    """A file, made or replaced, that only its owner may read; or standard output where ``path`` is None.

    Raises:
        OSError: it cannot be written.
    """
    if path is not None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()  # or standard output would be closed with it
