"""The store as the gateway uses it: under gevent's patch, beside other processes, with a database that misbehaves."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from router.db.database import Database
from router.errors import StoreError
from router.metering.usage_rows import list_usage
from router.store.accounts import create_account, list_accounts
from router.store.host_migrations import MIGRATIONS
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow

LOCKED_S = 3.0  # a hub that waits for the lock stands still for as long as the store waits for it, 5 s


@contextmanager
def _write_lock(url: str) -> Iterator[None]:
    """Hold what keeps every writer out, as another program would."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE accounts IN EXCLUSIVE MODE")
            yield


@contextmanager
def _keeps_writers_out(url: str) -> Iterator[None]:
    """Hold what the journal's own writer waits for first."""
    if url.startswith("sqlite"):
        with Path(f"{url.removeprefix('sqlite:///')}-lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    else:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE usage IN EXCLUSIVE MODE")
            yield


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    server = psutil.Process(pid)
    processes = [server, *server.children(recursive=True)]
    try:
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def rename_account(database: Database, account_id: str) -> None:
    database.write(
        lambda connection: connection.execute("UPDATE accounts SET name = 'after' WHERE id = ?", (account_id,))
    )


def test_a_locked_database_does_not_stop_the_hub(
    database: Database, database_url: str, scenario: Callable[..., Any]
) -> None:
    with _write_lock(database_url):
        process = scenario("locked", database_url)
        seen = process.hear()
    assert seen["waits"]
    assert seen["longest_gap_s"] < LOCKED_S
    assert process.hear() == ["patient"]


def test_a_node_that_freezes_while_it_writes_stops_no_other_for_long(
    database: Database, database_url: str, tmp_path: Path, scenario: Callable[..., Any]
) -> None:
    account = create_account(database, "before")
    node = scenario("stuck", database_url)
    assert node.hear() == "holding"
    impatient, patient = (open_database(database_url, tmp_path, timeout_s=limit_s) for limit_s in (1, 30))
    with closing(impatient), closing(patient), _frozen(node.process.pid):
        if database.engine == "sqlite":  # no server to end it: whoever waits is told whom to end
            with pytest.raises(StoreError, match=f"Process {node.process.pid} is writing: .*kill -CONT"):
                rename_account(impatient, account.id)
            node.process.kill()
            node.process.wait(5)
        rename_account(patient, account.id)  # the server has ended the frozen one's transaction, after its limit of 3 s
    assert [one.name for one in list_accounts(database)] == ["after"]


def test_a_process_that_hangs_while_it_writes_stops_no_other_hub(
    sqlite_url: str, tmp_path: Path, scenario: Callable[..., Any]
) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    with (tmp_path / "router.db-lock").open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        process = scenario("locked", sqlite_url)
        seen = process.hear()
    assert seen["waits"]
    assert seen["longest_gap_s"] < LOCKED_S
    assert process.hear() == ["patient"]
    database.close()


def test_a_frozen_server_is_given_up_in_bounded_time_and_used_again_when_it_is_back(
    postgres_server: Any, postgresql_url: str, tmp_path: Path, scenario: Callable[..., Any]
) -> None:
    database = open_database(postgresql_url, tmp_path)
    migrate(database)
    database.close()
    process = scenario("frozen", postgresql_url)
    process.hear()
    with _frozen(postgres_server.get_pid()):
        process.tell()
        seen = process.hear()
    assert all(0.5 < after_s < 30 for after_s in seen["failed_after_s"])
    assert not seen["healthy"]
    process.tell()
    seen = process.hear()
    assert seen == {"names": ["before", "after"], "flushed": True, "healthy": True}


def test_the_journal_is_bounded_where_somebody_keeps_it_out(
    database: Database, database_url: str, scenario: Callable[..., Any]
) -> None:
    with _keeps_writers_out(database_url):
        process = scenario("kept_out", database_url)
        seen = process.hear()
        assert all(0.9 < after_s < 15 for after_s in seen["failed_after_s"])
        assert seen["failed_after_s"] == sorted(seen["failed_after_s"])  # each when its own time was up
        assert not seen["healthy"]
    process.tell()
    assert process.hear() == {"flushed": True, "healthy": True, "again": None, "left": 0}
    told = process.process.communicate(timeout=20)[1]
    assert "The journal waits: " in told
    if database.engine == "sqlite":
        assert f"Process {os.getpid()} is writing: " in told
    written = {record.request_id for record in list_usage(database)}
    assert written == {"posted"} | {f"r{number}" for number in range(12)}


def test_two_processes_write_at_once(database: Database, database_url: str, scenario: Callable[..., Any]) -> None:
    processes = [scenario("writing", database_url) for _ in range(2)]
    for process in processes:
        process.tell()
    assert [process.hear() for process in processes] == [0, 0]
    assert len(list_usage(database, limit=1000)) == 400


def test_a_row_that_was_submitted_survives_kill_9(
    database: Database, database_url: str, scenario: Callable[..., Any]
) -> None:
    process = scenario("crashing", database_url)
    told = [process.hear() for _ in range(60)]
    os.kill(process.process.pid, signal.SIGKILL)
    told += [line.strip('"\n') for line in process.process.stdout.readlines() if line.endswith('"\n')]
    written = {record.request_id for record in list_usage(database, limit=10_000)}
    assert set(told) <= written


def test_several_processes_migrate_at_once(database_url: str, tmp_path: Path, scenario: Callable[..., Any]) -> None:
    open_database(database_url, tmp_path, create=True).close()
    running = [scenario("migrating", database_url) for _ in range(3)]
    for process in running:
        process.hear()
    for process in running:
        process.tell()
    applied = [number for process in running for number in process.hear()]
    assert sorted(applied) == [n + 1 for n in range(len(MIGRATIONS))]
