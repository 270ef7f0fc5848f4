"""What is told of this installation: its database, its processes, its counts."""

from __future__ import annotations

from collections.abc import Mapping

from router.metering.counters import read_counters
from router.metering.tallies import COUNTERS
from router.office.office import Office
from router.store.console.system import AppliedStep, DatabaseState, LeaseRow, WorkerRow, read_database_state

__all__ = ["COUNTERS", "AppliedStep", "DatabaseState", "LeaseRow", "WorkerRow", "counts", "database_state"]


def database_state(office: Office) -> DatabaseState:
    """The database, its migrations, and the workers on it."""
    return read_database_state(office.database)


def counts(office: Office) -> Mapping[str, int]:
    """Each of ``COUNTERS`` -> its value now."""
    return read_counters(office.database)
