"""A gateway that moves to the other engine and back: it serves on as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.db.database import Database
from router.store.migrating import migrate
from router.store.opening import open_database
from router.testing import Gateway

pytestmark = pytest.mark.slow

MEMORY_MAX_KB = 90_000
ROWS = int(os.environ.get("COPIED_ROWS", "300000"))
MANY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO usage (request_id, created_at, route, account_id, key_id, model, provider, upstream_model, status, ending,
    error_code, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated, latency_ms,
    attempts)
SELECT printf('req_%016d', i), 1700000000 + i * 0.25, 'chat', 'acct_1', 'key_1', 'openai/gpt-4o', 'openai', 'gpt-4o',
    200, 'ok', '', i % 2, i % 900, i % 300, 0, 0, 0, i % 4000, '[]' FROM n
"""
COPYING = """
import resource, sys
from pathlib import Path
from router.store.moving.copying import copy
from router.store.opening import open_database
source, target = (open_database(url, Path.cwd()) for url in sys.argv[1:])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
copy(source, target, {}, lambda step: print(step, file=sys.stderr))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def told(router) -> dict[str, Any]:
    """What customers would notice, were it different."""
    return {
        "keys": router.json("keys", "list"),
        "balance": router.json("accounts", "show", router.first["account"])["balance"],
        "statement": router.json("credits", "statement", router.first["account"]),
        "usage": router.json("usage", "show"),
    }


def call(gateway: Gateway, api_key: str) -> str:
    answer = gateway.client(api_key).chat.completions.with_raw_response.create(
        model="echo/paid", messages=[{"role": "user", "content": "one two"}]
    )
    assert answer.parse().choices[0].message.content == "one two"
    return str(answer.headers["x-request-id"])


def move(gateway: Gateway, router, url: str) -> None:
    before = told(router)
    assert router.json("db", "copy", "--to", url)["failed"] == []
    gateway.configure({"database": {"url": url}})
    assert told(router) == before
    gateway.start()
    made = call(gateway, router.first["api_key"])
    assert gateway.stop() == 0
    after = told(router)
    assert [row["request_id"] for row in after["usage"]] == [made, *(row["request_id"] for row in before["usage"])]
    assert after["balance"] != before["balance"]
    assert router.json("ledger", "verify")["ok"] is True


def test_a_gateway_moves_to_postgresql_and_back(router, tmp_path: Path, postgresql_url: str) -> None:
    router.json("models", "add", "echo/paid", "--provider", "echo", "--model", "echo")
    router.json("models", "price", "echo/paid", "--input", "1", "--output", "2")
    router.json("credits", "grant", router.first["account"], "5", "--reason", "test")
    with Gateway(tmp_path, start=False) as gateway:
        move(gateway, router, postgresql_url)
        move(gateway, router, "sqlite:///back.db")


def filled(folder: Path) -> Database:
    database = open_database("sqlite:///many.db", folder, create=True)
    migrate(database)
    database.write(lambda connection: connection.execute(MANY, (ROWS,)), timeout_s=600)
    return database


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_copy_holds_no_more_than_a_page_of_rows(tmp_path: Path, postgresql_url: str) -> None:
    filled(tmp_path).close()
    for source, target in (("sqlite:///many.db", postgresql_url), (postgresql_url, "sqlite:///back.db")):
        if target.startswith("sqlite"):
            (tmp_path / "back.db").touch()
        command = [sys.executable, "-c", COPYING, source, target]
        copied = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert copied.returncode == 0, copied.stderr
        assert int(copied.stdout) < MEMORY_MAX_KB
        assert f"{ROWS // 100_000 * 100_000:,} rows compared" in copied.stderr
    with closing(open_database("sqlite:///back.db", tmp_path)) as database:
        assert database.read(lambda connection: connection.tuples("SELECT count(*) FROM usage")) == [(ROWS,)]
