"""``router db``, ``router serve`` and the generated reference."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from router.app.start import assemble
from router.cli.processes import serve as serve_module
from router.cli.reference import render
from router.errors import StoreError
from router.jobs.workers import leave, register
from router.server.protocol import EXIT_WAITING
from router.store.accounts import create_account
from router.store.opening import open_database
from router.testing import Gateway

pytestmark = pytest.mark.slow


def test_status_and_migrate(router) -> None:
    assert router.json("db", "status")["current"] is True
    assert router.json("db", "migrate") == {"applied": []}
    (router.folder / "router.db").unlink()
    applied = router.json("db", "migrate")["applied"]
    for owner in {step["owner"] for step in applied}:  # the host, and plugins with tables of their own
        numbers = [step["number"] for step in applied if step["owner"] == owner]
        assert numbers == list(range(1, len(numbers) + 1))
    assert router.json("accounts", "list") == []
    assert "Nothing was pending." in router("db", "migrate").out


def test_status_names_what_is_pending(router) -> None:
    with sqlite3.connect(router.folder / "router.db") as connection:
        connection.execute("DROP TABLE provider_keys")
        connection.execute("DELETE FROM schema_migrations WHERE title = 'provider keys'")
    connection.close()
    status = router.json("db", "status")
    assert status["current"] is False
    assert len(status["pending"]) == 1
    assert "router db migrate" in router("db", "status").err


def test_a_step_back_brings_the_log_into_the_tables(router) -> None:
    account = router.json("accounts", "create", "One")["id"]
    router.json("credits", "grant", account, "5", "--reason", "r")
    path = router.folder / "router.db"
    hold = [f"req_{1:016}", account, "key_1", "wrk_1", "m", "chat", False, 7, "[]", 1.0, 2.0]
    effects = [[[account, 5 * 10**9, 0, 7, _head(path, account)]], [], [hold], [], [], [], {"refused_claims": 2}]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO ledger_log (seq, effects) VALUES (1, ?)", (json.dumps(effects),))
    undone = [router.json("db", "step-back")["undone"]["title"] for _ in range(14)]
    assert undone == [
        "what providers call their answers",
        "alerts",
        "webhooks, and what is to be sent to them",
        "what nodes tell each other",
        "what all accounts' calls come to by hour",
        "prices with the moment from which they hold",
        "payments, and kinds of credit",
        "calls that did not end well",
        "transfers that no call made",
        "people, and what a portal keeps",
        "who acted, in which session, from where",
        "kept responses",
        "units beside tokens",
        "the ledger's log",
    ]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT held FROM balances WHERE account_id = ?", (account,)).fetchall() == [(7,)]
        assert connection.execute("SELECT amount_nano FROM holds").fetchall() == [(7,)]
        assert connection.execute("SELECT value FROM counters WHERE name = 'refused_claims'").fetchall() == [(2,)]
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name LIKE 'ledger_%'").fetchall()
    applied = [step["title"] for step in router.json("db", "migrate")["applied"]]
    assert applied == undone[::-1]
    assert [row["action"] for row in router.json("audit", "show")][:5] == ["db migrate", *["db step-back"] * 4]
    assert all(check["ok"] for check in router.json("ledger", "verify")["checks"])


def _head(path: Path, account: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        head: str = connection.execute("SELECT head FROM balances WHERE account_id = ?", (account,)).fetchone()[0]
    return head


def test_backup(router, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert router.json("db", "backup", str(copy)) == {"file": str(copy), "bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert "exists already" in router.refused("db", "backup", str(copy))
    assert "FILE is empty" in router.refused("db", "backup", "", status=2)
    assert "is a directory" in router.refused("db", "backup", str(tmp_path), status=2)
    assert "cannot be written" in router.refused("db", "backup", str(tmp_path / "none" / "copy.db"))


def test_a_copy_takes_the_tables_of_plugins_that_are_off_along(router, tmp_path: Path) -> None:
    states = {one["name"]: one["state"] for one in router.json("plugins", "list")}
    assert states["cache"] == states["latency"] == "off"
    copied = router.json("db", "copy", "--to", f"sqlite:///{tmp_path / 'copy.db'}")
    assert copied["failed"] == [] and "cache_answers" in copied["tables"]
    assert router.json("db", "status")["current"] is True


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:///", "postgresql://user:p%zz@/x"])
def test_a_bad_url_is_refused_without_its_password(router, url: str) -> None:
    router.config.write_text(f'[database]\nurl = "{url}"\n')
    said = router.refused("db", "status")
    assert "p%zz" not in said


def test_postgresql(bare, postgresql_url: str) -> None:
    env = {"ROUTER__DATABASE__URL": postgresql_url}
    first = bare.json("init", "--dir", str(bare.folder), env=env)
    assert not (bare.folder / "router.db").exists()
    key = bare.json("keys", "create", "--account", first["account"], env=env)
    assert bare.json("keys", "revoke", key["id"], env=env)["status"] == "revoked"
    assert bare.json("db", "status", env=env)["engine"] == "postgresql"
    copy = bare.folder / "copy.db"
    assert bare.json("db", "backup", str(copy), "--verify", env=env)["failed"] == []
    there = {"ROUTER__DATABASE__URL": f"sqlite:///{copy}"}
    assert bare.json("keys", "list", env=there) == bare.json("keys", "list", env=env)
    assert bare.json("usage", "show", env=env) == []


def test_serve_hands_over_what_is_configured(router, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def serve_workers(path, host, port, workers, grace_s, on_ready, **_) -> int:
        calls.append((path, host, port, workers, grace_s))
        on_ready("http://127.0.0.1:1")
        return 0

    monkeypatch.setattr(serve_module, "serve_workers", serve_workers)
    router("config", "set", "server.port", "9000")
    router("config", "set", "server.workers", "3")
    run = router("serve", "--json")
    assert run.value["url"] == "http://127.0.0.1:1"
    assert "serves at http://127.0.0.1:1" in run.err
    router("serve", "--host", "::1", "--port", "0", "--workers", "2")
    assert calls == [
        (str(router.config), "127.0.0.1", 9000, 3, 35.0),
        (str(router.config), "::1", 0, 2, 35.0),
    ]


def test_serve_migrates_first_and_makes_no_database(router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_module, "serve_workers", lambda *_, **__: 0)
    with sqlite3.connect(router.folder / "router.db") as connection:
        connection.execute("DROP TABLE provider_keys")
        connection.execute("DELETE FROM schema_migrations WHERE title = 'provider keys'")
    connection.close()
    assert "applied migration" in router("serve").err
    assert router.json("db", "status")["current"] is True
    (router.folder / "router.db").unlink()
    assert "router init" in router.refused("serve")


def test_a_database_that_takes_no_writes(bare, switched_database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a switch-over: not ready, no reason to give up for good, and the start waits until it is over."""
    url, switch = switched_database
    env = {"ROUTER__DATABASE__URL": url}
    bare.json("init", "--dir", str(bare.folder), env=env)
    assembly = assemble(bare.config, env)
    try:
        assembly.jobs.beat()
        assert assembly.problems() == []
        switch(False)
        with pytest.raises(StoreError, match="takes no writes"):
            assembly.jobs.beat()
        assert assembly.problems() == ["the database takes no writes"]
        worker = [sys.executable, "-m", "router.server.worker", "--listen-fd=0", "--control-fd=1"]
        ended = subprocess.run(
            [*worker, f"--config={bare.config}"], env={**os.environ, **env}, stderr=subprocess.PIPE, text=True
        )
        assert ended.returncode == EXIT_WAITING, ended.stderr
        assert "takes no writes" in ended.stderr and "Traceback" not in ended.stderr

        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            switch(len(pauses) == 2)

        monkeypatch.setattr(serve_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
        monkeypatch.setattr(serve_module, "serve_workers", lambda *_, **__: 0)
        run = bare("serve", env=env)
        assert (run.status, pauses) == (0, [1, 2])
        assert run.err.count("The gateway waits for it") == 2
        assembly.jobs.beat()
        assert assembly.problems() == []
        switch(False)
        assert "takes no writes" in bare.refused("serve", env={**env, "ROUTER__DATABASE__WAIT_S": "0"})
    finally:
        assembly.close()


def test_a_file_that_was_copied_over_is_noticed_at_the_start(router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_module, "serve_workers", lambda *_, **__: 0)
    path, wal = router.folder / "router.db", router.folder / "router.db-wal"
    raw, log = router.folder / "raw.db", router.folder / "log"
    assert router("serve").status == 0
    shutil.copy(path, raw)
    assert router("serve").status == 0
    with closing(open_database("sqlite:///router.db", router.folder)) as served:
        create_account(served, "in the log")
        shutil.copy(wal, log)  # what a crash leaves
        crashed = path.read_bytes()
    path.write_bytes(crashed)
    shutil.copy(log, wal)
    assert router("serve").status == 0  # a crash is no copy
    assert len(router.json("accounts", "list")) == 2
    shutil.copy(raw, path)
    shutil.copy(log, wal)
    said = router.refused("serve")
    assert "was copied over" in said and "router.db-wal" in said
    wal.unlink()
    assert router("serve").status == 0
    assert len(router.json("accounts", "list")) == 1


def test_a_database_moves_to_postgresql_and_back(router, postgresql_url: str) -> None:
    account = router.first["account"]
    router.json("credits", "adjust", account, "-1", "--reason", "test")
    router.json("limits", "set", "--account", account, "--concurrent", "2")
    there = {"ROUTER__DATABASE__URL": postgresql_url}
    copied = router.json("db", "copy", "--to", "env:OTHER", env={"OTHER": postgresql_url})
    assert (copied["failed"], copied["tables"]["transfers"], copied["tables"]["api_keys"]) == ([], 2, 1)
    assert "is not empty" in router.refused("db", "copy", "--to", postgresql_url)

    (entry,) = router.json("audit", "show", "--action", "db copy", env=there)
    assert "router.db" in entry["subject"] and postgresql_url not in json.dumps(entry)
    assert router.json("keys", "list", env=there) == router.json("keys", "list")
    router.json("credits", "grant", account, "2", "--reason", "after", env=there)
    statement = router.json("credits", "statement", account, env=there)
    back = {"ROUTER__DATABASE__URL": "sqlite:///back.db"}
    assert router.json("db", "copy", "--to", "sqlite:///back.db", env=there)["failed"] == []
    assert router.json("credits", "statement", account, env=back) == statement
    assert router.json("ledger", "verify", env=back)["ok"] is True
    assert router.json("db", "status", env=back)["current"] is True
    assert len(router.json("audit", "show", "--action", "db copy", env=back)) == 2


def test_no_copy_is_made_of_a_database_that_is_served(router) -> None:
    with closing(open_database("sqlite:///router.db", router.folder)) as served:
        worker = register(served, time.time())
        said = router.refused("db", "copy", "--to", "sqlite:///copy.db")
        assert f"(process {os.getpid()})" in said
        leave(served, worker)
    assert not (router.folder / "copy.db").exists()
    assert "--to is empty" in router.refused("db", "copy", "--to", "env:NOT_SET")
    assert router("db", "copy", "--to", "sqlite:///copy.db").status == 0


def test_an_empty_database_is_served_only_when_that_was_said(
    router, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_module, "serve_workers", lambda *_, **__: 0)
    env = {"ROUTER__DATABASE__URL": postgresql_url}
    said = router.refused("serve", env=env)
    assert "is empty" in said and "`router db migrate`" in said and "ROUTER__DATABASE__URL" in said
    assert router.json("db", "migrate", env=env)["applied"]
    assert router("serve", env=env).status == 0


def test_a_newer_database_is_not_written_by_an_older_versions_commands(router) -> None:
    with closing(sqlite3.connect(router.folder / "router.db")) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('router', 999, 'of the future', 0)")
    for command in (["accounts", "create", "x"], ["credits", "grant", router.first["account"], "1", "--reason", "x"]):
        assert "migration 999" in router.refused(*command)
    assert len(router.json("accounts", "list")) == 1


def test_a_real_call_through_a_real_gateway(tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        answer = gateway.router(
            "chat", "echo/echo", "hello there", "--stream", "--url", gateway.url, "--api-key", gateway.api_key
        )
        assert answer["text"] == "hello there"
        assert answer["request_id"].startswith("req_")
    rows = gateway.router("usage", "show")
    assert [(row["request_id"], row["status"], row["model"]) for row in rows] == [
        (answer["request_id"], 200, "echo/echo")
    ]


def test_the_reference_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text(encoding="utf-8") == render(), "run `make docs`"
