"""``router import`` where columns hold what nobody would put there: each row is told, none stops the command."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg
import pytest
from import_kit import fill_litellm, fill_new_api, insert

pytestmark = pytest.mark.slow

OTHERS = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
CREATE TABLE tokens (id INTEGER PRIMARY KEY, user_id INTEGER, token TEXT);
"""

ODD_TOKENS: dict[int, tuple[dict[str, Any], str]] = {
    20: ({"expired_time": "never"}, "expired_time is 'never'"),
    21: ({"expired_time": 4_000_000_000_000}, "expired_time"),
    22: ({"remain_quota": "some", "unlimited_quota": False}, "remain_quota is 'some'"),
    23: ({"remain_quota": 0.5, "unlimited_quota": False}, "remain_quota is 0.5"),
    24: ({"allow_ips": 7}, "bound to addresses"),
    25: ({"key": b"\xff\xfe" * 24}, "is no text"),
    26: ({"key": None}, "can be guessed"),
    27: ({"status": "on"}, "has the status 'on'"),
    28: ({"name": b"\x00\x01"}, "name is no text"),
}
ODD_USERS: dict[int, tuple[dict[str, Any], str]] = {
    30: ({"quota": "lots"}, "quota is 'lots'"),
    31: ({"quota": float("inf")}, "quota is inf"),
    32: ({"quota": 2**63 - 1}, "above the largest transfer"),
    33: ({"display_name": b"\xff"}, "name is no text"),
    34: ({"display_name": "two\nlines"}, "control characters"),
}


def test_new_api_rows_of_any_kind_are_told(router) -> None:
    fill_new_api("sqlite:///theirs.db", router.folder)
    with closing(sqlite3.connect(router.folder / "theirs.db")) as connection, connection:
        for id, (columns, _) in ODD_TOKENS.items():
            given = {"key": f"{id}" * 24, "unlimited_quota": True} | columns
            insert(connection, "tokens", "?", id=id, user_id=1, **given)
        for id, (columns, _) in ODD_USERS.items():
            insert(connection, "users", "?", **({"id": id, "username": f"u{id}", "password": "x"} | columns))
    run = router("import", "new-api", "sqlite:///theirs.db", "--json")
    assert run.status == 1 and "Traceback" not in run.err
    bad = {row["source"].split(" (")[0]: row["reason"] for row in run.value["bad"]}
    expected = {f"token {id}": words for id, (_, words) in ODD_TOKENS.items()}
    expected |= {f"user:{id}": words for id, (_, words) in ODD_USERS.items()}
    assert bad.keys() == expected.keys()
    assert {source: bad[source] for source, words in expected.items() if words not in bad[source]} == {}
    done = router.json("import", "new-api", "sqlite:///theirs.db", "--skip-bad")
    assert done["applied"] and len(done["bad"]) == len(expected)
    assert router.json("keys", "list") and router.json("ledger", "verify")["ok"] is True


def test_tables_of_the_same_names_are_not_taken_for_new_apis(router) -> None:
    with closing(sqlite3.connect(router.folder / "theirs.db")) as connection, connection:
        connection.executescript(OTHERS)
        insert(connection, "users", "?", id=1, email="a@example.com")
        insert(connection, "tokens", "?", id=1, user_id=1, token="x" * 48)
    said = router.refused("import", "new-api", "sqlite:///theirs.db")
    assert "has no column quota in users: it is not New API's" in said


def test_litellm_rows_of_any_kind_are_told(router, postgresql_url: str) -> None:
    fill_litellm(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        insert(connection, "LiteLLM_VerificationToken", token="0" * 64, team_id="t1", expires="infinity")
        insert(connection, "LiteLLM_VerificationToken", token="1" * 64, team_id="t1", models=[None, "gpt-4o"])
        insert(connection, "LiteLLM_VerificationToken", token="2" * 64, team_id="t1", expires="12000-01-01")
        insert(connection, "LiteLLM_VerificationToken", token="3" * 64, team_id="t1", expires="0044-03-15 BC")
        insert(connection, "LiteLLM_VerificationToken", token="4" * 64, team_id="t1", spend=float("inf"), max_budget=1)
    run = router("import", "litellm", postgresql_url, "--json")
    bad = {row["source"].split(" (")[0]: row["reason"] for row in run.value["bad"]}
    assert run.status == 1 and bad.keys() == {"key 11111111", "key 22222222", "key 44444444"}, run.err
    assert "has expired" in {row["reason"] for row in run.value["left"] if "33333333" in row["source"]}
    done = router.json("import", "litellm", postgresql_url, "--skip-bad")
    assert done["applied"] and any("00000000" in row["source"] for row in done["made"])
    assert router.json("keys", "list")


def test_a_litellm_database_without_a_column_is_told(router, postgresql_url: str) -> None:
    fill_litellm(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute('ALTER TABLE "LiteLLM_VerificationToken" DROP COLUMN team_id')
    assert "has no column team_id" in router.refused("import", "litellm", postgresql_url)
