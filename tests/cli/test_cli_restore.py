"""``router db restore``: what it refuses, what it keeps, and that it can be killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from router.jobs.workers import leave, register
from router.store.accounts import list_accounts
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow

KILLED = """
import os, signal, sys
name, method = sys.argv.pop(1), None
module, _, attribute = name.rpartition(".")
import importlib, pathlib
owner = pathlib.Path if module == "Path" else importlib.import_module(module)
setattr(owner, attribute, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
from router.cli.main import cli
cli()
"""


def backup_of_one(router, tmp_path: Path) -> Path:
    """A backup with one account; the database has a second one."""
    copy = tmp_path / "copy.db"
    told = router.json("db", "backup", str(copy), "--verify")
    assert told == {"file": str(copy), "bytes": copy.stat().st_size, "failed": []}
    router.json("accounts", "create", "later")
    return copy


def names(router, **options) -> list[str]:
    return sorted(row["name"] for row in router.json("accounts", "list", **options))


def test_a_backup_is_restored_and_the_old_one_kept(router, tmp_path: Path) -> None:
    copy, path = backup_of_one(router, tmp_path), router.folder / "router.db"
    with closing(open_database("sqlite:///router.db", router.folder)) as served:
        assert len(list_accounts(served)) == 2
        assert "is in use" in router.refused("db", "restore", str(copy), "--replace")
    for name, content in {"bad.db": b"no database" * 1000, "empty.db": b""}.items():
        (tmp_path / name).write_bytes(content)
        said = router.refused("db", "restore", str(tmp_path / name), "--replace")
        assert "no backup of a gateway's database" in said
    assert "is there already: --replace" in router.refused("db", "restore", str(copy))
    assert "is the database itself" in router.refused("db", "restore", str(path), "--replace")
    assert len(names(router)) == 2
    (router.folder / "router.db-wal").write_bytes(b"of another file")
    before = copy.read_bytes()
    kept = Path(router.json("db", "restore", str(copy), "--replace")["replaced"])
    assert names(router) == ["default"]
    assert router.json("audit", "show")[0]["action"] == "db restore"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert copy.read_bytes() == before
    with closing(open_database(f"sqlite:///{kept}", router.folder)) as old:
        assert len(list_accounts(old)) == 2
    assert not list(router.folder.glob("*.restoring*"))


def test_a_damaged_database_is_replaced_and_its_log_gone(router, tmp_path: Path) -> None:
    copy, path = backup_of_one(router, tmp_path), router.folder / "router.db"
    path.write_bytes(b"ruined" * 5000)
    path.with_name("router.db-wal").write_bytes(b"log")
    path.with_name("router.db-journal").write_bytes(b"journal")
    kept = Path(router.json("db", "restore", str(copy), "--replace")["replaced"])
    assert kept.read_bytes() == b"ruined" * 5000
    assert not path.with_name("router.db-journal").exists()
    assert names(router) == ["default"]
    path.unlink()
    assert router.json("db", "restore", str(copy))["replaced"] is None
    assert names(router) == ["default"]


@pytest.mark.parametrize("where", ["os.link", "Path.replace", "router.store.moving.restoring.forget_generation"])
def test_a_restore_that_is_killed_leaves_the_old_database(router, tmp_path: Path, where: str) -> None:
    copy = backup_of_one(router, tmp_path)
    command = [sys.executable, "-c", KILLED, where, "db", "restore", str(copy), "--replace"]
    ended = subprocess.run(command, env={**os.environ, "ROUTER_CONFIG": str(router.config)}, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert names(router) == ["default", "later"]
    assert router.json("ledger", "verify")["ok"] is True
    router.json("db", "restore", str(copy), "--replace")
    assert names(router) == ["default"]


def made_older(copy: Path) -> None:
    """A backup of before migration 21, as far as it is needed."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DROP INDEX usage_failed")
        connection.execute("DELETE FROM schema_migrations WHERE owner = 'router' AND number = 21")


def test_an_older_backup_is_restored_and_brought_up_when_asked(router, tmp_path: Path) -> None:
    copy = backup_of_one(router, tmp_path)
    made_older(copy)
    run = router("db", "restore", str(copy), "--replace")
    assert run.status == 0 and "lacks 1 migration(s): `router db migrate`" in run.err
    assert router.json("db", "status")["current"] is False
    assert router.json("db", "restore", str(copy), "--replace", "--migrate")["pending"] == 0
    assert router.json("db", "status")["current"] is True


def test_a_newer_backup_is_refused(router, tmp_path: Path) -> None:
    copy = backup_of_one(router, tmp_path)
    for owner in ("router", "voucher"):
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("DELETE FROM schema_migrations WHERE number = 999")
            connection.execute("INSERT INTO schema_migrations VALUES (?, 999, 'of the future', 0)", (owner,))
        said = router.refused("db", "restore", str(copy), "--replace")
        assert f"is of a newer version (migration 999 of {owner}" in said
    assert len(names(router)) == 2


def test_postgresql_is_backed_up_and_restored(bare, postgresql_url: str, tmp_path: Path) -> None:
    env = {"ROUTER__DATABASE__URL": postgresql_url}
    first = bare.json("init", "--dir", str(bare.folder), env=env)
    bare.json("credits", "grant", first["account"], "5", "--reason", "r", env=env)
    copy = tmp_path / "copy.db"
    assert bare.json("db", "backup", str(copy), "--verify", env=env)["failed"] == []
    assert [one.name for one in tmp_path.glob("copy.db*")] == ["copy.db"]
    bare.json("accounts", "create", "later", env=env)
    assert bare.json("db", "partition", env=env) == {"months": 3}
    assert "in months already" in bare.refused("db", "partition", env=env)

    with closing(open_database(postgresql_url, bare.folder)) as served:
        worker = register(served, time.time())
        assert "is served by" in bare.refused("db", "restore", str(copy), "--replace", env=env)
        assert "is served by" in bare.refused("db", "partition", env=env)
        leave(served, worker)
        served.write(lambda connection: connection.execute("CREATE TABLE theirs (x INTEGER)"))
    assert "has tables already: --replace" in bare.refused("db", "restore", str(copy), env=env)
    made_older(copy)
    assert "lacks 1 migration(s)" in bare.refused("db", "restore", str(copy), "--replace", env=env)
    assert names(bare, env=env) == ["default", "later"]

    restored = bare.json("db", "restore", str(copy), "--replace", "--migrate", env=env)
    assert names(bare, env=env) == ["default"]
    assert bare.json("ledger", "verify", env=env)["ok"] is True
    assert next(entry["action"] for entry in bare.json("audit", "show", env=env)) == "db restore"
    bare.json("credits", "grant", first["account"], "1", "--reason", "after", env=env)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        kept = connection.execute(f"SELECT count(*) FROM {restored['replaced']}.accounts WHERE id LIKE 'acct%'")
        assert kept.fetchone() == (2,)
        connection.execute(f"SELECT request_id FROM {restored['replaced']}.usage_before")
        assert connection.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
        connection.execute(f"DROP SCHEMA {restored['replaced']} CASCADE")

    there = {"ROUTER__DATABASE__URL": "sqlite:///there.db"}  # the same file on the other engine
    assert bare.json("db", "restore", str(copy), "--migrate", env=there)["replaced"] is None
    assert names(bare, env=there) == ["default"]


def test_a_restore_that_fails_leaves_postgresql_as_it_was(bare, postgresql_url: str, tmp_path: Path) -> None:
    env = {"ROUTER__DATABASE__URL": postgresql_url}
    bare.json("init", "--dir", str(bare.folder), env=env)
    copy = tmp_path / "copy.db"
    bare.json("db", "backup", str(copy), env=env)
    bare.json("accounts", "create", "later", env=env)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE accounts SET name = 'a' || char(0) || 'b'")
    assert "cannot be copied" in bare.refused("db", "restore", str(copy), "--replace", env=env)
    assert names(bare, env=env) == ["default", "later"]
    with psycopg.connect(postgresql_url) as server:
        schemas = server.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'replaced%'")
        assert schemas.fetchone() == (0,)
    with closing(open_database(postgresql_url, bare.folder)) as database:
        assert migrate(database) == []
    assert json.loads(bare("ledger", "verify", "--json", env=env).out)["ok"] is True
