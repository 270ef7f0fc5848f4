"""Workers and their leases: who is alive, so that what a dead one held can be given back.

A worker is alive while its lease runs and, where that can be seen (on the same host, boot and process namespace),
while its process is there. Leases of several machines are compared by the database's clock (``DatabaseClock``).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from router.db.connection import Connection
from router.db.ids import new_id
from router.db.transaction import Runner
from router.jobs.leases import release_leases

__all__ = [
    "LEASE_S",
    "Worker",
    "dead_owners",
    "is_alive",
    "leave",
    "living",
    "process_started",
    "register",
    "renew",
    "serving",
    "this_host",
]

LEASE_S = 15.0
_FORGET_S = 86_400.0
_PROC = Path("/proc")
_INSERT = """
INSERT INTO workers (id, host, process, started, expires_at, providers, about) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, about = excluded.about
"""
_OWNERS = """
SELECT h.owner, w.id, w.host, w.process, w.started, w.expires_at
FROM (SELECT DISTINCT owner FROM holds) h LEFT JOIN workers w ON w.id = h.owner
"""

_WORKERS = "SELECT id, host, process, started, providers, expires_at FROM workers"
"""Without ``about``: whoever steps back over migrations asks too, who lives."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that serves calls.

    Attributes:
        id: ``wrk_...``; owns holds and leases.
        host: its host, boot and process namespace; see ``this_host``.
        process: its process ID there.
        started: when the process started, as its kernel tells; empty where it does not.
        providers: JSON list of the names of the providers that it has active; empty where that is not told.
        about: JSON object of what it tells of itself (``router.jobs.nodes``); empty for nothing.
    """

    id: str
    host: str
    process: int
    started: str
    providers: str = ""
    about: str = ""


def register(
    database: Runner, now: float, *, lease_s: float = LEASE_S, providers: Iterable[str] | None = None
) -> Worker:
    """Make this process a worker, alive until ``now + lease_s``; call after a fork. Forgets workers long dead.

    Args:
        providers: the names of those that it has active; None for a worker that serves no calls.
    """
    process = os.getpid()
    told = "" if providers is None else json.dumps(sorted(providers))
    worker = Worker(new_id("wrk"), this_host(), process, process_started(process) or "", told)

    def write(connection: Connection) -> None:
        connection.execute("DELETE FROM workers WHERE expires_at < ?", (now - _FORGET_S,))
        renew(connection, worker, now, lease_s=lease_s)

    database.write(write)
    return worker


def renew(connection: Connection, worker: Worker, now: float, *, lease_s: float = LEASE_S) -> None:
    """Keep a worker alive until ``now + lease_s``, whether or not its lease has run out meanwhile."""
    lease = (now + lease_s, worker.providers, worker.about)
    values = (worker.id, worker.host, worker.process, worker.started, *lease)
    connection.execute(_INSERT, values)


def leave(database: Runner, worker: Worker) -> None:
    """End a worker and every lease that it has. Its holds must be settled before: they count as a dead worker's now."""

    def write(connection: Connection) -> None:
        connection.execute("DELETE FROM workers WHERE id = ?", (worker.id,))
        release_leases(connection, worker.id)

    database.write(write)


def dead_owners(database: Runner, now: float) -> set[str]:
    """Owners of holds that are no longer alive, those that no worker of that ID exists for included."""
    rows = database.read(lambda connection: connection.tuples(_OWNERS))
    host = this_host()
    return {
        owner
        for owner, id, where, process, started, expires_at in rows
        if id is None or not _runs(expires_at, now) or _process_is_gone(Worker(id, where, process, started), host)
    }


def is_alive(database: Runner, worker_id: str, now: float) -> bool:
    """Whether a worker's lease runs and, as far as can be seen from here, its process does."""
    sql = "SELECT id, host, process, started, expires_at FROM workers WHERE id = ?"
    rows = database.read(lambda connection: connection.tuples(sql, (worker_id,)))
    return any(_runs(row[4], now) and not _process_is_gone(Worker(*row[:4]), this_host()) for row in rows)


def living(database: Runner, now: float) -> list[Worker]:
    """All workers that live, on any host, as far as can be seen from here; without what they tell of themselves."""
    rows = database.read(lambda connection: connection.tuples(_WORKERS))
    host = this_host()
    found = [(Worker(*row[:-1]), row[-1]) for row in rows]
    return [worker for worker, until in found if _runs(until, now) and not _process_is_gone(worker, host)]


def serving(database: Runner, now: float) -> frozenset[str] | None:
    """The providers that the living workers have active; None where no worker lives that tells."""
    told = [json.loads(worker.providers) for worker in living(database, now) if worker.providers]
    return frozenset().union(*told) if told else None


def this_host() -> str:
    """Names where process IDs mean the same as here: host name, boot and process namespace, as far as they are told.

    Containers of one machine may share the first two, and have processes of their own.
    """
    return "/".join([socket.gethostname(), _boot(), _namespace()])


def process_started(process: int) -> str | None:
    """When a process started, in the kernel's ticks since boot.

    Returns:
        empty where that is not told; None where there is no such process, or only what is left of a dead one.
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass  # another user's, or no process ID of this system
    try:
        # The name, in parentheses, may hold blanks and parentheses itself; behind it come fields 3 and following.
        fields = (_PROC / str(process) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def _runs(expires_at: float, now: float) -> bool:
    """Whether a worker's lease runs; one that begins later than the next would is of a clock that was ahead."""
    return now < expires_at <= now + 2 * LEASE_S


def _process_is_gone(worker: Worker, host: str) -> bool:
    if worker.host != host:
        return False
    started = process_started(worker.process)
    return started is None or bool(started and worker.started and started != worker.started)


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 - what it reads is no path
    except OSError:
        return ""
