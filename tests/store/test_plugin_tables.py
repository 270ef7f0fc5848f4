"""A plugin's own tables: what a statement names, and that it is read and written like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.db.database import Database
from router.db.plugin_tables import PluginTables, foreign_tables
from router.office.entries import note_of_plugin
from router.store.audit import broken_entries, list_audit
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.plugin_context import PluginConnection
from router.types.records import Migration

OWN = [
    "SELECT * FROM acme_a, acme_b AS b WHERE x IN (SELECT y FROM acme_c)",
    "INSERT INTO acme_a (x) VALUES (?) ON CONFLICT (x) DO UPDATE SET x = 1",
    "INSERT OR REPLACE INTO acme_a SELECT x, y FROM acme_b",
    "UPDATE acme_a SET x = extract(day FROM y) WHERE x IS DISTINCT FROM y",
    "SELECT 'FROM holds', \"from\" FROM acme_a ORDER BY holds, usage -- FROM holds",
    "SELECT * FROM acme_a /* , holds */ JOIN acme_b ON acme_a.x = acme_b.x, acme_c",
    "WITH found AS (SELECT 1 FROM acme_a), other AS (SELECT 2 FROM found) SELECT * FROM found JOIN other ON 1 = 1",
    "CREATE TABLE IF NOT EXISTS acme_a (x TEXT REFERENCES acme_b(x)); CREATE UNIQUE INDEX acme_i ON acme_a (x);",
    "ALTER TABLE acme_a ADD COLUMN b TEXT; DROP INDEX IF EXISTS acme_i",
    "SELECT x FROM acme_a FOR UPDATE",
    "DELETE FROM acme_a WHERE x = ? RETURNING x",
]
FOREIGN = [
    ("SELECT * FROM acme_a, holds", "holds"),
    ("SELECT * FROM acme_a WHERE x = (SELECT id FROM usage)", "usage"),
    ("SELECT * FROM acme_a JOIN accounts ON 1 = 1", "accounts"),
    ('DELETE FROM "balances"', "balances"),
    ("UPDATE ONLY balances SET credits = 9", "balances"),
    ("INSERT INTO api_keys (id) VALUES (1)", "api_keys"),
    ("CREATE TABLE acme_a (x TEXT REFERENCES accounts(id))", "accounts"),
    ("CREATE INDEX acme_i ON transfers (seq)", "transfers"),
    ("CREATE INDEX mine ON acme_a (x)", "mine"),
    ("CREATE TRIGGER acme_t AFTER INSERT ON holds BEGIN SELECT 1; END", "holds"),
    ("SELECT * FROM main.acme_a", "main.acme_a"),
    ("WITH found AS (SELECT 1 FROM holds) SELECT * FROM found", "holds"),
    ("SELECT * FROM (SELECT * FROM holds) AS acme_x", "holds"),
]


@pytest.mark.parametrize("sql", OWN)
def test_own_tables_are_the_plugin_s_to_name(sql: str) -> None:
    assert foreign_tables("acme", sql) == ""


@pytest.mark.parametrize(("sql", "name"), FOREIGN)
def test_another_s_table_is_named(sql: str, name: str) -> None:
    assert f"may not touch {name!r}" in foreign_tables("acme", sql)


@pytest.mark.parametrize("word", ["COMMIT", "rollback", "PRAGMA", "ATTACH", "SAVEPOINT"])
def test_the_transaction_is_the_host_s(word: str) -> None:
    assert f"may not run {word.upper()}" in foreign_tables("acme", f"SELECT 1 FROM acme_a; {word} x")


def test_a_name_with_a_dash_has_tables_with_a_low_line() -> None:
    assert foreign_tables("my-acme", "SELECT * FROM my_acme_a") == ""
    assert "begin with 'my_acme_'" in foreign_tables("my-acme", "SELECT * FROM acme_a")


NOTE = note_of_plugin("acme-")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url, Path("/"), create=True)
    migrate(opened, {"acme": [Migration(1, "a", "CREATE TABLE acme_a (x BIGINT PRIMARY KEY)")]})
    yield opened
    opened.close()


def test_what_is_written_is_read_and_what_fails_is_undone(database: Database) -> None:
    tables = PluginTables("acme", lambda: database, NOTE)

    def twice(connection: PluginConnection) -> None:
        connection.execute("INSERT INTO acme_a (x) VALUES (?)", (2,))
        connection.execute("INSERT INTO acme_a (x) VALUES (?)", (2,))

    assert tables.write(lambda connection: connection.execute("INSERT INTO acme_a (x) VALUES (?)", (1,))) == 1
    with pytest.raises(Exception, match=r"(?i)unique"):
        tables.write(twice)
    assert tables.read(lambda connection: connection.rows("SELECT x FROM acme_a")) == [{"x": 1}]
    assert tables.read(lambda connection: connection.row("SELECT x FROM acme_a WHERE x = ?", (2,))) is None
    assert tables.read(lambda connection: connection.engine) == database.engine
    with pytest.raises(ValueError, match="may not touch 'accounts'"):
        tables.read(lambda connection: connection.rows("SELECT id FROM accounts"))


def test_a_plugin_writes_the_audit_log_in_its_own_transaction(database: Database) -> None:
    tables = PluginTables("acme", lambda: database, NOTE)

    def change(connection: PluginConnection) -> None:
        connection.execute("INSERT INTO acme_a (x) VALUES (?)", (7,))
        told = {"key": "acme-0123456789abcdefghijklmnop", "many": 3, "empty": ""}
        connection.audit("add", "seven", told, actor="pers_ada", kind="operator")
        connection.audit("count")

    def undone(connection: PluginConnection) -> None:
        connection.audit("lost", "eight")
        raise RuntimeError

    tables.write(change)
    with pytest.raises(RuntimeError):
        tables.write(undone)
    second, first = list_audit(database, limit=9)
    assert (first.action, first.subject, first.actor, first.kind) == ("acme add", "seven", "pers_ada", "operator")
    assert dict(first.detail) == {"key": "***", "many": 3}
    assert (second.action, second.actor, second.kind) == ("acme count", "acme", "system")
    assert database.read(broken_entries) == []


@pytest.mark.parametrize(
    ("action", "subject", "detail", "kind", "said"),
    [
        ("Keys Revoke", "", {}, "", "small letters"),
        ("x" * 41, "", {}, "", "small letters"),
        ("add", "s" * 201, {}, "", "200 characters"),
        ("add", "", {"body": {"deep": 1}}, "", "texts and numbers"),
        ("add", "", {f"n{n}": n for n in range(21)}, "", "20 texts"),
        ("add", "", {}, "root", "an actor is one of"),
    ],
)
def test_an_entry_that_may_not_be_written(
    sqlite_url: str, action: str, subject: str, detail: dict[str, object], kind: str, said: str
) -> None:
    opened = open_database(sqlite_url, Path("/"), create=True)
    migrate(opened)
    tables = PluginTables("acme", lambda: opened, NOTE)
    with pytest.raises(ValueError, match=said):
        tables.write(lambda connection: connection.audit(action, subject, detail, kind=kind))
    with pytest.raises(ValueError, match="more than 100 entries"):
        tables.write(lambda connection: [connection.audit("add") for _ in range(101)])
    with pytest.raises(ValueError, match="not within read"):
        tables.read(lambda connection: connection.audit("add"))
    assert list_audit(opened, limit=9) == []
    opened.close()
