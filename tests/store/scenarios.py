"""What must run in a process of its own: under gevent's patch as the gateway does, or to be killed.

``scenarios.py NAME URL`` prints lines of JSON and reads a line from standard input where it has to wait for the test.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402
from gevent.monkey import get_original  # noqa: E402

from router.db.database import Database  # noqa: E402
from router.db.journal import Journal  # noqa: E402
from router.errors import StoreError  # noqa: E402
from router.ledger.batch import LedgerBatch  # noqa: E402
from router.ledger.operations import Record  # noqa: E402
from router.store.accounts import create_account, list_accounts  # noqa: E402
from router.store.migrating import migrate  # noqa: E402
from router.store.opening import open_database  # noqa: E402
from router.types.records import CallRecord  # noqa: E402

_stdin = FileObject(sys.stdin.fileno(), "r", closefd=False)


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)


def _record(request_id: str) -> CallRecord:
    return CallRecord(
        request_id, time.time(), "chat", "", "", "m", "p", "m", 200, "ok", "", False, 1, 1, 0, 0, False, 1, None
    )


def _fails(function: Callable[[], object]) -> float | None:
    """Seconds until ``StoreError``; None when the call succeeded."""
    begun = time.monotonic()
    try:
        function()
    except StoreError:
        return time.monotonic() - begun
    return None


def locked(database: Database) -> None:
    """The test holds a lock: the hub goes on, a killed writer leaves nothing, the next one gets through."""
    killed = gevent.spawn(create_account, database, "killed")
    queued = gevent.spawn(create_account, database, "killed in the queue")
    waiting = gevent.spawn(create_account, database, "patient")
    gaps = []
    for _ in range(100):
        before = time.monotonic()
        gevent.sleep(0.01)
        gaps.append(time.monotonic() - before)
    killed.kill()
    queued.kill()
    _say({"longest_gap_s": max(gaps), "waits": not waiting.ready()})
    waiting.get()
    _say([account.name for account in list_accounts(database)])


def frozen(database: Database) -> None:
    """The test freezes the server, then thaws it."""
    journal = Journal(database, LedgerBatch(), age_max_s=0.5)
    create_account(database, "before")
    _say("ready")
    _stdin.readline()
    journal.post(Record(_record("while-frozen")))
    calls = [gevent.spawn(_fails, lambda: list_accounts(database)) for _ in range(10)]
    calls += [gevent.spawn(_fails, lambda: create_account(database, "lost")) for _ in range(10)]
    gevent.joinall(calls)
    _say({"failed_after_s": [call.value for call in calls], "healthy": journal.healthy()})
    _stdin.readline()
    deadline = time.monotonic() + 20
    while _fails(lambda: create_account(database, "after")) is not None and time.monotonic() < deadline:
        gevent.sleep(0.05)
    names = [account.name for account in list_accounts(database)]
    _say({"names": names, "flushed": journal.flush(20), "healthy": journal.healthy()})


def kept_out(database: Database) -> None:
    """Somebody holds the lock: those who wait for the journal are told in time, and what they wrote comes later."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    journal = Journal(database, LedgerBatch(), age_max_s=0.5)
    begun = time.monotonic()

    def submit(number: int) -> float | None:
        return _fails(lambda: journal.submit(Record(_record(f"r{number}")), timeout_s=1 + number / 10))

    waiting = [gevent.spawn(submit, number) for number in range(10)]
    gone = gevent.spawn(submit, 10)
    gevent.sleep(0)
    gone.kill()
    gevent.joinall(waiting)
    journal.post(Record(_record("posted")))
    gevent.sleep(max(0.0, 3.5 - (time.monotonic() - begun)))  # until the hub has left the transaction three times
    _say({"failed_after_s": [one.value for one in waiting], "healthy": journal.healthy()})
    _stdin.readline()
    flushed = journal.flush(20)
    again = submit(11)
    _say({"flushed": flushed, "healthy": journal.healthy(), "again": again, "left": journal.close()})


def writing(database: Database) -> None:
    """Ten greenlets write with every row durable before the next."""
    journal = Journal(database, LedgerBatch())
    _stdin.readline()

    def write(number: int) -> None:
        for row in range(20):
            journal.submit(Record(_record(f"{os.getpid()}-{number}-{row}")))

    gevent.joinall([gevent.spawn(write, number) for number in range(10)], raise_error=True)
    _say(journal.close())


def crashing(database: Database) -> None:
    """Tell every row that is durable, until killed."""
    journal = Journal(database, LedgerBatch())

    def write(number: int) -> None:
        for row in range(100_000):
            journal.submit(Record(_record(f"{number}-{row}")))
            _say(f"{number}-{row}")

    gevent.joinall([gevent.spawn(write, number) for number in range(5)])


def stuck(database: Database) -> None:
    """Change the first account, and stop in the middle of that transaction."""

    def change(connection: Any) -> None:
        connection.execute("UPDATE accounts SET name = 'stuck'")
        _say("holding")
        get_original("time", "sleep")(60)  # in the database's own thread; the test ends this process long before

    database.write(change)


def migrating(database: Database) -> None:
    _say("ready")
    _stdin.readline()
    _say([step.number for step in migrate(database)])


if __name__ == "__main__":
    scenario = {one.__name__: one for one in (locked, frozen, kept_out, writing, crashing, migrating, stuck)}
    limit_s = {"frozen": 1.0, "kept_out": 1.0, "stuck": 3.0}.get(sys.argv[1], 5.0)
    opened = open_database(sys.argv[2], Path.cwd(), timeout_s=limit_s)
    scenario[sys.argv[1]](opened)
    opened.close()
