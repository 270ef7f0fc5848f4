"""A database copied into another: both engines, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from stored_usage import insert_usage

from router.db.columns import table_names
from router.db.connection import Connection
from router.db.database import Database
from router.errors import BadRequest, StoreError
from router.store.accounts import create_account, list_accounts
from router.store.audit import AuditEntry, broken_entries, insert_audit
from router.store.keys import create_key, rotate_key
from router.store.migrating import migrate
from router.store.moving.copying import copy
from router.store.opening import open_database
from router.types.records import CallRecord, Migration, Units

SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
NOTES = """
CREATE TABLE a_leaf (id TEXT NOT NULL PRIMARY KEY, note BIGINT NOT NULL REFERENCES notes (seq));
CREATE TABLE seen (n BIGINT NOT NULL);
INSERT INTO seen (n) VALUES (0);
"""
COUNTS = {
    "sqlite": "CREATE TRIGGER count_notes AFTER INSERT ON notes BEGIN UPDATE seen SET n = n + 1; END;",
    "postgresql": """
CREATE FUNCTION count_notes() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN UPDATE seen SET n = n + 1; RETURN NULL; END $$;
CREATE TRIGGER count_notes AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION count_notes();
""",
}
PLUGIN = {
    "notes": [
        Migration(
            1,
            "notes",
            {
                engine: f"CREATE TABLE notes (seq {serial}, above BIGINT REFERENCES notes (seq), done BOOLEAN, "
                f'"or""der" {"BYTEA" if engine == "postgresql" else "BLOB"}, at TEXT);\n{NOTES}{COUNTS[engine]}'
                for engine, serial in SERIAL.items()
            },
        )
    ]
}
WRITE = 'INSERT INTO notes (above, done, "or""der", at) VALUES (?, ?, ?, ?)'


@pytest.fixture
def source(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(database_url, tmp_path, create=True)) as database:
        migrate(database, PLUGIN)
        yield database


@pytest.fixture
def target(source: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One of the other engine."""
    other = "sqlite:///other.db" if source.engine == "postgresql" else request.getfixturevalue("postgresql_url")
    with closing(open_database(other, tmp_path, create=True)) as database:
        yield database


def fill(database: Database) -> None:
    account = create_account(database, "Ours, with \\N and %")
    key, _ = create_key(database, account.id, "a key", prefix="sk-", length=40)
    rotate_key(database, key.id, grace_s=60, prefix="sk-", length=40)
    for action in ("keys create", "keys rotate"):
        database.write(partial(insert_audit, entry=AuditEntry(1.5, "me", action, key.id)))
    calls = [_call("req_1"), _call("req_2", units=Units(images=2, requests=1))]
    database.write(lambda c: insert_usage(c, calls))
    database.write(lambda c: c.execute(WRITE, (None, True, b"\x00\xff", "é\t\n\\")))
    database.write(lambda c: c.execute(WRITE, (1, False, None, "")))
    database.write(lambda c: c.execute("UPDATE notes SET above = 2 WHERE seq = 1"))  # to a row behind it
    database.write(lambda c: c.execute("INSERT INTO a_leaf (id, note) VALUES ('one', 2)"))


def _call(request_id: str, **changes: Any) -> CallRecord:
    texts = dict.fromkeys(("route", "account", "key", "model", "provider", "upstream_model", "error_code"), "x")
    counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "latency_ms"), 1)
    values: dict[str, Any] = {**texts, **counts, "status": 200, "ending": "ok", "first_token_ms": None, **changes}
    return CallRecord(request_id=request_id, created_at=7200.5, streamed=False, estimated=False, **values)


def alike(value: Any) -> Any:
    """A value as the other engine gives it."""
    return int(value) if isinstance(value, bool) else value


def contents(database: Database) -> dict[str, list[str]]:
    def rows(connection: Connection, table: str) -> list[str]:
        found = connection.rows(f"SELECT * FROM {table}")
        return sorted(repr({name: alike(row[name]) for name in sorted(row)}) for row in found)

    return database.read(lambda connection: {table: rows(connection, table) for table in table_names(connection)})


def test_all_arrives(source: Database, target: Database) -> None:
    fill(source)
    copied = copy(source, target, PLUGIN)
    assert contents(target) == contents(source)
    assert (copied.rows["notes"], copied.rows["api_keys"], copied.rows["seen"], copied.left) == (2, 2, 1, [])
    assert target.read(broken_entries) == []

    assert target.write(lambda c: insert_audit(c, AuditEntry(2.5, "me", "x", ""))) == 3  # the numbers go on
    target.write(lambda c: c.execute(WRITE, (None, False, None, "")))
    assert target.read(lambda c: c.tuples("SELECT max(seq) FROM notes")) == [(3,)]
    assert target.read(lambda c: c.tuples("SELECT n FROM seen")) == [(3,)]  # triggers are back
    with pytest.raises(Exception, match="never changed"):
        target.write(lambda c: c.execute("UPDATE audit SET actor = 'you'"))
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        target.write(lambda c: c.execute("DELETE FROM accounts"))
    create_account(target, "another")
    assert len(list_accounts(target)) == 2


def test_a_target_with_tables_is_refused(source: Database, target: Database) -> None:
    target.write(lambda c: c.execute("CREATE TABLE theirs (x INTEGER)"))
    with pytest.raises(BadRequest, match=r"is not empty \(theirs\)"):
        copy(source, target, PLUGIN)
    assert target.read(table_names) == ["theirs"]


def test_a_source_that_is_not_as_wanted_is_refused(source: Database, target: Database) -> None:
    with pytest.raises(BadRequest, match="has tables of notes, and no such plugin"):
        copy(source, target, {})
    with pytest.raises(BadRequest, match=r"lacks 1 migration.*router db migrate"):
        copy(source, target, {"notes": [*PLUGIN["notes"], Migration(2, "more", "SELECT 1")]})
    source.write(lambda c: c.execute("CREATE TABLE theirs (x INTEGER)"))
    assert copy(source, target, PLUGIN).left == ["theirs"]


def test_a_failure_leaves_the_target_empty(source: Database, target: Database) -> None:
    fill(source)
    source.write(lambda c: c.execute("ALTER TABLE seen ADD COLUMN more TEXT"))
    begun: list[str] = []
    with pytest.raises(BadRequest, match=r"seen has other columns in the two databases \(more\)"):
        copy(source, target, PLUGIN, begun.append)
    assert len(begun) > 1
    assert target.read(table_names) == []


def test_a_value_that_does_not_fit_is_told(sqlite_url: str, postgresql_url: str, tmp_path: Path) -> None:
    with (
        closing(open_database(sqlite_url, tmp_path, create=True)) as source,
        closing(open_database(postgresql_url, tmp_path)) as target,
    ):
        migrate(source, PLUGIN)
        source.write(lambda c: c.execute(WRITE, (None, None, None, "a\0b")))
        with pytest.raises(BadRequest, match=r"The table notes cannot be copied: .*NUL"):
            copy(source, target, PLUGIN)
        assert target.read(table_names) == []


def test_what_is_written_meanwhile_is_not_torn_apart(source: Database, target: Database, tmp_path: Path) -> None:
    """Rows that come in while a copy runs are in it whole or not at all: here in two tables, one copied already."""
    fill(source)
    before = contents(source)
    begun: list[str] = []

    def write(step: str) -> None:
        begun.append(step)
        if len(begun) == 3:
            source.write(lambda c: c.execute("INSERT INTO a_leaf (id, note) VALUES ('two', 1)"))
            create_key(source, list_accounts(source)[0].id, "meanwhile", prefix="sk-", length=40)

    copy(source, target, PLUGIN, write)
    assert contents(target) == before
    assert contents(source) != before


def test_rows_that_arrive_otherwise_are_noticed(
    source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(source)
    load = Connection.load

    def spoil(self: Connection, table: str, columns: Any, rows: Any) -> int:
        if table == "usage":
            place = columns.index("model")
            rows = ((*row[:place], "another", *row[place + 1 :]) for row in rows)
        return load(self, table, columns, rows)

    def lose(self: Connection, table: str, columns: Any, rows: Any) -> int:
        return load(self, table, columns, list(rows)[1:] if table == "usage" else rows)

    for fault, said in ((spoil, "rows of the table usage are not the same"), (lose, "Of 2 rows of the table usage, 1")):
        monkeypatch.setattr(Connection, "load", fault)
        with pytest.raises(StoreError, match=said):
            copy(source, target, PLUGIN)
        assert target.read(table_names) == []
