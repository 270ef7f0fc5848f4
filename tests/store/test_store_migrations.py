"""Migrations: in order, once, all or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from router.db.connection import Connection
from router.db.database import Database
from router.errors import BadRequest, ConfigError, StoreError
from router.store.accounts import create_account
from router.store.host_migrations import MIGRATIONS
from router.store.keys import create_key
from router.store.migrating import Step, migrate, pending, step_back
from router.store.opening import open_database
from router.types.records import Migration

pytestmark = pytest.mark.slow

_NOTES = Migration(
    1, "notes", "CREATE TABLE notes (text TEXT); -- a comment; with a semicolon\nINSERT INTO notes VALUES ('a;b%');"
)


def _tables(database: Database) -> set[str]:
    return database.read(lambda connection: set(connection.peewee.get_tables()))


def test_a_new_database_gets_every_table_once(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url, tmp_path, create=True)
    wanted = pending(database)
    assert [(step.owner, step.number) for step in wanted] == [("router", n + 1) for n in range(len(MIGRATIONS))]
    assert migrate(database) == wanted
    assert {"accounts", "api_keys", "models", "aliases", "usage", "meta", "provider_keys"} <= _tables(database)
    assert migrate(database) == pending(database) == []
    database.close()


def test_a_plugins_migrations_follow_the_hosts_and_grow(database: Database) -> None:
    more = Migration(
        2, "more", {"sqlite": "ALTER TABLE notes ADD more TEXT", "postgresql": "ALTER TABLE notes ADD more TEXT"}
    )
    assert migrate(database, {"notes": [_NOTES]}) == [Step("notes", 1, "notes")]
    assert migrate(database, {"notes": [more, _NOTES]}) == [Step("notes", 2, "more")]
    assert database.read(lambda connection: connection.rows("SELECT * FROM notes")) == [{"text": "a;b%", "more": None}]


def test_a_trigger_with_semicolons_is_one_statement(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    trigger = Migration(2, "trigger", "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; SELECT 1; END;")
    assert migrate(database, {"notes": [_NOTES, trigger]})[-1] == Step("notes", 2, "trigger")
    database.close()


def test_a_failing_migration_is_rolled_back_and_those_before_it_stay(database: Database) -> None:
    broken = Migration(2, "broken", "CREATE TABLE half (id TEXT); INSERT INTO notes (nothing) VALUES (1);")
    with pytest.raises(ConfigError, match=r"Migration 2 of notes \(broken\) failed and was rolled back: .*nothing"):
        migrate(database, {"notes": [_NOTES, broken]})
    assert "notes" in _tables(database)
    assert "half" not in _tables(database)
    assert pending(database, {"notes": [_NOTES, broken]}) == [Step("notes", 2, "broken")]


def test_a_migration_without_statements_for_this_engine_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match=rf"Migration 1 of other \(x\) .*no statements for {database.engine}"):
        migrate(database, {"other": [Migration(1, "x", {"oracle": "SELECT 1"})]})


@pytest.mark.parametrize("owner", ["router", "notes"])
def test_a_database_that_is_newer_than_the_code_is_refused(database: Database, owner: str) -> None:
    def from_the_future(connection: Connection) -> None:
        connection.execute("INSERT INTO schema_migrations VALUES (?, 99, 'later', 0)", (owner,))

    database.write(from_the_future)
    for call in (migrate, pending):
        with pytest.raises(ConfigError, match=rf"has migration 99 of {owner}.*newer {owner}\. Install that version"):
            call(database, {"notes": [_NOTES]})


def test_an_uninstalled_plugins_tables_are_left_alone(database: Database) -> None:
    migrate(database, {"notes": [_NOTES]})
    assert pending(database) == []


_DIGESTS = {
    1: "7c30a6a1cf9e476d",
    2: "d9b28cb23001be35",
    3: "52391fc66f2ab64b",
    4: "e45f832791f46125",
    5: "8eff94f0be6cec2a",
    6: "b57f78a346756ac9",
    7: "f281f258935441f3",
    8: "f2c0dcbe6a9f69d6",
    9: "1af5aa8b342f84f1",
    10: "260d0fff033b8153",
    11: "465e36faec299502",
    12: "2968ac0e61ed2120",
    13: "a1a777b58c205fc2",
    14: "d603fd9bff781e55",
    15: "c66cf36bef66b27b",
    16: "241ae88e462f0a12",
    17: "1eed357564137ed3",
    18: "78b297da81cd8256",
    19: "561ae7509df90aef",
    20: "fead6fe32bbf10b6",
    21: "fddd32b2966be3a4",
    22: "451cf568402564ac",
    23: "8cd618d88224868c",
    24: "8db43472f1974ef6",
    25: "c9c28f2f21564a62",
    26: "e56ec72e44ff8c8e",
    27: "e7c5e05a9d66ddcd",
    28: "36e5d4ce349b3a03",
}
"""Of each migration's statements. A landed one is never edited: databases have it as it was. A new one adds a line."""


def test_no_migration_was_edited() -> None:
    found = {}
    for one in MIGRATIONS:
        texts = [one.sql] if isinstance(one.sql, str) else [one.sql[engine] for engine in sorted(one.sql)]
        found[one.number] = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    assert found == _DIGESTS


def test_numbers_have_no_gap(database: Database) -> None:
    for numbers in ((2,), (0, 1), (1, 3), (1, 1)):
        with pytest.raises(ConfigError, match=r"plugin notes must be numbered 1, 2, 3"):
            pending(database, {"notes": [Migration(number, "x", "SELECT 1") for number in numbers]})


def test_a_plugin_cannot_pose_as_the_host(database: Database) -> None:
    with pytest.raises(ConfigError, match=r"may not be called 'router'"):
        migrate(database, {"router": [_NOTES]})


def test_a_database_that_cannot_be_reached_is_reported_as_such(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path)
    with pytest.raises(StoreError, match=r"is not there"):
        migrate(database)
    database.close()


def test_a_step_back_over_kinds_of_keys_revokes_those_that_no_list_shows(database: Database) -> None:
    account = create_account(database, "Ours")
    shown, _ = create_key(database, account.id, "shown")
    hidden, _ = create_key(database, account.id, "Playground", kind="hidden", made_by="pers_1")
    managing, _ = create_key(database, account.id, "scripts", kind="management")
    for _ in range(len(MIGRATIONS) - 19):
        step_back(database)
    with pytest.raises(BadRequest, match="There are management keys"):
        step_back(database)
    sql = "UPDATE api_keys SET status = 'revoked' WHERE id = ?"
    database.write(lambda connection: connection.execute(sql, (managing.id,)))
    assert step_back(database).title == "people, and what a portal keeps"
    rows = dict(database.read(lambda connection: connection.tuples("SELECT id, status FROM api_keys")))
    assert rows == {shown.id: "active", hidden.id: "revoked", managing.id: "revoked"}
