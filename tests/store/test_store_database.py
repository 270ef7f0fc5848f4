"""Opening, transactions, and a database that goes away."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import peewee
import psycopg
import pytest

from router.db.connection import Connection
from router.db.database import Database
from router.db.sqlite import LogRemoved
from router.errors import BadRequest, ConfigError, NotFound, StoreError
from router.store.accounts import Account, create_account, get_account, list_accounts, set_account_status
from router.store.migrating import migrate
from router.store.opening import open_database

_INSERT = "INSERT INTO accounts (id, name, status, created_at) VALUES (?, ?, 'active', 0)"


def _until(condition: Callable[[], bool], limit_s: float = 5.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not (reached := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return reached


@pytest.mark.parametrize("id", ["acct_\0", "acct_\ud800"])
def test_an_id_that_no_row_can_have_is_no_fault_of_the_database(database_url: str, tmp_path: Path, id: str) -> None:
    with closing(open_database(database_url, tmp_path, create=True)) as database:
        migrate(database)
        with pytest.raises((BadRequest, NotFound)):
            get_account(database, id)
        with pytest.raises((BadRequest, NotFound)):
            set_account_status(database, id, "suspended")
        assert create_account(database, "acme").name == "acme"


@pytest.mark.parametrize(
    "url", ["", "router.db", "sqlite://router.db", "sqlite:///", "sqlite:///:memory:", "mysql://u:hunter2@h/d"]
)
def test_a_url_that_cannot_be_used_is_refused_with_the_remedy(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[database\] url .*sqlite:///router\.db") as caught:
        open_database(url, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_url_from_a_variable_that_is_not_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"url is empty: set the environment variable that it names"):
        open_database("", tmp_path)


@pytest.mark.parametrize(
    "url", ["postgresql://u:hun%ter2@host/name", "postgresql://u:hunter2@host", "postgresql://u:hunter2@[host/name"]
)
def test_a_broken_postgresql_url_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[database\] url") as caught:
        open_database(url, tmp_path)
    assert "ter2" not in f"{caught.value!r}{caught.value.__cause__}"


def test_an_unreachable_server_fails_in_bounded_time_without_the_password(tmp_path: Path) -> None:
    database = open_database("postgresql://me:hunter2@127.0.0.1:1/name", tmp_path, timeout_s=3)
    with pytest.raises(StoreError, match=r"PostgreSQL database name on 127\.0\.0\.1 failed") as caught:
        list_accounts(database)
    assert "hunter2" not in f"{caught.value}{database.place}{vars(database)}"
    database.close()


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'psycopg\[binary\]'"):
        open_database("postgresql://u:p@host/name", tmp_path)


def test_a_relative_path_lies_beside_the_configuration(tmp_path: Path) -> None:
    database = open_database("sqlite:///sub dir%20?#.db", tmp_path, create=True)
    migrate(database)
    database.close()
    assert (tmp_path / "sub dir%20?#.db").stat().st_size > 0
    assert stat.S_IMODE((tmp_path / "sub dir%20?#.db").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be created: No such file or directory"):
        open_database("sqlite:///missing/router.db", tmp_path, create=True)


def test_a_missing_file_is_never_created_in_silence(tmp_path: Path) -> None:
    database = open_database("sqlite:///router.db", tmp_path)
    for call in (list_accounts, lambda opened: create_account(opened, "x")):
        with pytest.raises(StoreError, match=r"router\.db is not there.*router init"):
            call(database)
    database.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "router.db").write_text("not a database, but long enough to be looked at" * 100)
    database = open_database("sqlite:///router.db", tmp_path)
    with pytest.raises(StoreError, match=r"failed: file is not a database"):
        list_accounts(database)
    database.close()


def test_a_database_without_tables_says_what_to_run(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url, tmp_path, create=True)
    with pytest.raises(StoreError, match=r"Run `router db migrate`\."):
        list_accounts(database)
    with pytest.raises(StoreError, match=r"Run `router db migrate`\."):
        create_account(database, "x")
    migrate(database)
    assert list_accounts(database) == []
    database.close()


def test_a_write_is_all_or_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        connection.execute(_INSERT, ("acct_half", "half"))
        raise NotFound("not found after all")

    with pytest.raises(NotFound):
        database.write(half)
    assert list_accounts(database) == []


def test_a_statements_error_reaches_the_caller_and_costs_nothing(database: Database, account: Account) -> None:
    with pytest.raises(peewee.IntegrityError):
        database.write(lambda connection: connection.execute(_INSERT, (account.id, "again")))
    assert create_account(database, "next").name == "next"


def test_a_savepoint_undoes_only_its_block(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(_INSERT, ("acct_1", "kept"))
        with pytest.raises(peewee.IntegrityError), connection.savepoint():
            connection.execute(_INSERT, ("acct_2", "undone"))
            connection.execute(_INSERT, ("acct_1", "twice"))

    database.write(work)
    assert [account.name for account in list_accounts(database)] == ["kept"]


def test_a_commit_that_would_quietly_roll_back_is_an_error(postgresql_url: str, tmp_path: Path) -> None:
    database = open_database(postgresql_url, tmp_path)
    migrate(database)

    def careless(connection: Connection) -> None:
        connection.execute(_INSERT, ("acct_1", "lost"))
        with pytest.raises(peewee.IntegrityError):
            connection.execute(_INSERT, ("acct_1", "twice"))

    with pytest.raises(StoreError, match=r"rolled back because a statement in it had failed"):
        database.write(careless)
    assert list_accounts(database) == []
    database.close()


def test_a_reader_of_sqlite_cannot_write(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    with pytest.raises(StoreError, match=r"attempt to write a readonly database"):
        database.read(lambda connection: connection.execute(_INSERT, ("acct_1", "x")))
    assert list_accounts(database) == []
    database.close()


def test_sqlite_is_durable_and_checks_references(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)

    def pragmas(connection: Connection) -> list[object]:
        return [connection.peewee.pragma(name) for name in ("synchronous", "foreign_keys")]

    assert database.write(pragmas) == [2, 1]
    assert database.write(lambda connection: connection.peewee.pragma("journal_mode")) == "wal"
    database.close()


def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    release = threading.Event()
    writing = threading.Event()

    def slow(connection: Connection) -> None:
        connection.execute(_INSERT, ("acct_1", "slow"))
        writing.set()
        release.wait(5)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(database.write, slow)
        assert writing.wait(5)
        assert list_accounts(database) == []
        release.set()
        done.result()
    assert len(list_accounts(database)) == 1


def test_a_write_that_was_given_up_changes_nothing(database: Database) -> None:
    release = threading.Event()

    def slow(connection: Connection) -> None:
        connection.execute(_INSERT, ("acct_1", "late"))
        release.wait(5)

    with pytest.raises(StoreError, match=r"did not answer within 0\.1 s"):
        database.write(slow, timeout_s=0.1)
    release.set()
    create_account(database, "next")
    assert [account.name for account in list_accounts(database)] == ["next"]


def test_too_many_waiting_calls_are_refused_at_once(database: Database) -> None:
    release = threading.Event()
    busy = threading.Event()

    def slow(_: Connection) -> None:
        busy.set()
        release.wait(5)

    def patient() -> Exception | None:
        return _error(lambda: database.write(lambda connection: connection.rows("SELECT 1")))

    with ThreadPoolExecutor(600) as pool:
        calls = [pool.submit(_error, lambda: database.write(slow))]
        assert busy.wait(5)
        calls += [pool.submit(patient) for _ in range(599)]
        assert _until(lambda: sum(call.done() for call in calls) >= 80)
        release.set()
        errors = [error for call in calls if (error := call.result()) is not None]
    assert errors
    assert all("does not keep up" in str(error) for error in errors)


def _error(function: Callable[[], object]) -> Exception | None:
    try:
        function()
    except StoreError as error:
        return error
    return None


def test_a_closed_database_says_so(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(StoreError, match=r"is closed"):
        list_accounts(database)


def test_a_database_that_was_opened_before_a_fork_says_so(database: Database) -> None:
    database.read(lambda connection: connection.rows("SELECT 1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: about the threads, which are the point
        child = os.fork()
    if not child:
        error = _error(lambda: list_accounts(database))
        os._exit(0 if "opened before a fork" in str(error) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_removed_file_is_noticed_and_so_is_its_return(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    create_account(database, "first")
    for file in tmp_path.iterdir():
        file.rename(file.with_name("kept-" + file.name))
    with pytest.raises(StoreError, match=r"is not there"):
        create_account(database, "nowhere")
    with pytest.raises(StoreError, match=r"is not there"):
        list_accounts(database)
    assert not (tmp_path / "router.db").exists()
    for file in tmp_path.glob("kept-*"):
        file.rename(file.with_name(file.name.removeprefix("kept-")))
    create_account(database, "second")
    assert [account.name for account in list_accounts(database)] == ["first", "second"]
    database.close()


def test_a_file_put_in_place_of_the_old_one_is_noticed(sqlite_url: str, tmp_path: Path) -> None:
    other = open_database("sqlite:///other.db", tmp_path, create=True)
    migrate(other)
    create_account(other, "other")
    other.close()
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    assert list_accounts(database) == []
    (tmp_path / "other.db").replace(tmp_path / "router.db")
    for _ in range(4):
        with pytest.raises(StoreError, match=r"was replaced while .* move router\.db-wal and router\.db-shm away"):
            list_accounts(database)
    with pytest.raises(StoreError, match=r"was replaced while"):
        create_account(database, "into the wrong file")
    (tmp_path / "router.db-wal").unlink()
    (tmp_path / "router.db-shm").unlink()
    create_account(database, "second")
    assert [account.name for account in list_accounts(database)] == ["other", "second"]
    database.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
@pytest.mark.parametrize("idle", [True, False])
def test_a_log_that_is_removed_in_use_is_saved_and_refused_for_a_while(
    suffix: str,
    idle: bool,
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nodes = [open_database(sqlite_url, tmp_path, create=True) for _ in range(2)]
    migrate(nodes[0])
    create_account(nodes[1], "first")
    create_account(nodes[0], "second")
    (tmp_path / f"router.db{suffix}").unlink()
    for node in nodes:
        with pytest.raises(LogRemoved, match=r"router\.db-wal or router\.db-shm was removed or replaced in use"):
            node.look() if idle else create_account(node, "refused")
        with pytest.raises(LogRemoved):
            list_accounts(node)
    assert "nothing is lost" in caplog.text
    shutil.copy(tmp_path / "router.db", tmp_path / "saved.db")
    moment = time.monotonic() + 5.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    for node in nodes:
        create_account(node, "third")
    names = ["first", "second", "third", "third"]
    assert [[account.name for account in list_accounts(node)] for node in nodes] == [names] * 2
    for node in nodes:
        node.close()
    saved = open_database("sqlite:///saved.db", tmp_path)
    assert [account.name for account in list_accounts(saved)] == ["first", "second"]
    saved.close()


def test_a_connection_that_the_server_closed_is_replaced_unseen(postgresql_url: str, tmp_path: Path) -> None:
    database = open_database(postgresql_url, tmp_path)
    migrate(database)
    for number in range(3):
        list_accounts(database)
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'router'"
            )
        create_account(database, f"account {number}")
    assert len(list_accounts(database)) == 3
    database.close()
