"""Other gateways' tables, as their own migrations leave them, in columns that bear on customers; and some rows."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["LITELLM", "NEW_API_KEY", "SK", "fill_litellm", "fill_new_api", "insert"]

SK = "sk-" + "liteLLMkey0123456789"
"""The text of a LiteLLM key."""

NEW_API_KEY = "n" * 44 + "ewAp"
"""A New API token, as its table has it: 48 letters, without the ``sk-`` of the clients."""

_LIMITS = '"tpm_limit" BIGINT, "rpm_limit" BIGINT, "max_parallel_requests" INTEGER, "budget_duration" TEXT'
_MONEY = '"max_budget" DOUBLE PRECISION, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0'
LITELLM = f"""
CREATE TABLE "LiteLLM_BudgetTable" ("budget_id" TEXT NOT NULL PRIMARY KEY, "max_budget" DOUBLE PRECISION,
    "soft_budget" DOUBLE PRECISION, {_LIMITS}, "model_max_budget" JSONB, "budget_reset_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "created_by" TEXT NOT NULL DEFAULT '');
CREATE TABLE "LiteLLM_TeamTable" ("team_id" TEXT NOT NULL PRIMARY KEY, "team_alias" TEXT, "organization_id" TEXT,
    "admins" TEXT[], "members" TEXT[], "metadata" JSONB NOT NULL DEFAULT '{{}}', {_MONEY}, "models" TEXT[], {_LIMITS},
    "blocked" BOOLEAN NOT NULL DEFAULT false);
CREATE TABLE "LiteLLM_UserTable" ("user_id" TEXT NOT NULL PRIMARY KEY, "user_alias" TEXT, "team_id" TEXT,
    "teams" TEXT[] DEFAULT ARRAY[]::TEXT[], "user_role" TEXT, {_MONEY}, "user_email" TEXT, "models" TEXT[], {_LIMITS});
CREATE TABLE "LiteLLM_VerificationToken" ("token" TEXT NOT NULL PRIMARY KEY, "key_name" TEXT, "key_alias" TEXT,
    "expires" TIMESTAMP(3), "models" TEXT[], "user_id" TEXT, "team_id" TEXT, "metadata" JSONB NOT NULL DEFAULT '{{}}',
    "blocked" BOOLEAN, {_MONEY}, {_LIMITS}, "budget_id" TEXT);
"""
_NEW_API = """
CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, password TEXT NOT NULL, display_name TEXT,
    role INTEGER DEFAULT 1, status INTEGER DEFAULT 1, email TEXT, quota INTEGER DEFAULT 0,
    used_quota INTEGER DEFAULT 0, "group" VARCHAR(64) DEFAULT 'default', deleted_at TIMESTAMP);
CREATE TABLE tokens (id INTEGER PRIMARY KEY, user_id INTEGER, "key" CHAR(48) UNIQUE, status INTEGER DEFAULT 1,
    name TEXT, created_time BIGINT, accessed_time BIGINT, expired_time BIGINT DEFAULT -1,
    remain_quota BIGINT DEFAULT 0, unlimited_quota BOOLEAN, model_limits_enabled BOOLEAN, model_limits TEXT,
    allow_ips TEXT DEFAULT '', used_quota BIGINT DEFAULT 0, "group" TEXT DEFAULT '', deleted_at TIMESTAMP);
CREATE TABLE options ("key" VARCHAR(191) PRIMARY KEY, value TEXT);
"""


def insert(connection: Any, table: str, mark: str = "%s", **row: Any) -> None:
    """One row; what is not given is the column's default."""
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join([mark] * len(row))
    connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', tuple(row.values()))


def fill_litellm(url: str) -> None:
    """Two teams, two users, and keys of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(LITELLM)
        insert(connection, "LiteLLM_BudgetTable", budget_id="b1", max_budget=3.5, budget_duration="30d", rpm_limit=7)
        team: dict[str, Any] = {
            "team_alias": "Blue",
            "max_budget": 10.1,
            "spend": 0.3,
            "models": ["gpt-4o"],
            "rpm_limit": 60,
        }
        insert(connection, "LiteLLM_TeamTable", team_id="t1", **team)
        insert(connection, "LiteLLM_TeamTable", team_id="t2", max_budget=50, budget_duration="30d", blocked=True)
        insert(connection, "LiteLLM_UserTable", user_id="u1", user_email="ann@example.com", max_budget=2)
        insert(connection, "LiteLLM_UserTable", user_id="u2", user_email="bob@example.com")
        digest = hashlib.sha256(SK.encode()).hexdigest()
        key: dict[str, Any] = {
            "key_name": "sk-...6789",
            "key_alias": "laptop",
            "team_id": "t1",
            "models": ["all-team-models"],
        }
        insert(connection, "LiteLLM_VerificationToken", token=digest, budget_id="b1", **key)
        insert(connection, "LiteLLM_VerificationToken", token="b" * 64, user_id="u1", max_budget=1, spend=0.25)
        insert(connection, "LiteLLM_VerificationToken", token="c" * 64, team_id="t2", blocked=True, models=["m", "m"])
        insert(connection, "LiteLLM_VerificationToken", token="d" * 64, expires="2020-01-01")
        insert(connection, "LiteLLM_VerificationToken", token="e" * 64, team_id="litellm-dashboard", user_id="u2")
        insert(connection, "LiteLLM_VerificationToken", token="f" * 64)


def fill_new_api(url: str, folder: Path) -> None:
    """Users and tokens, on either engine."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(folder / url.rpartition("/")[2])) as connection, connection:
            connection.executescript(_NEW_API)
            _new_api_rows(connection, "?")
        return
    with psycopg.connect(url) as server:
        server.execute(_NEW_API)
        _new_api_rows(server, "%s")


def _new_api_rows(connection: Any, mark: str) -> None:
    insert(connection, "users", mark, id=1, username="root", password="x", quota=1_234_567)
    insert(connection, "users", mark, id=2, username="off", password="x", quota=-500, status=2)
    insert(connection, "users", mark, id=3, username="gone", password="x", deleted_at="2024-01-01 00:00:00")
    on, off = (True, False)
    first = {"unlimited_quota": on, "model_limits_enabled": off}
    insert(connection, "tokens", mark, id=1, user_id=1, key=NEW_API_KEY, name="laptop", **first)
    limited: dict[str, Any] = {
        "unlimited_quota": off,
        "remain_quota": 250_000,
        "model_limits_enabled": on,
        "model_limits": "a,b",
    }
    insert(connection, "tokens", mark, id=2, user_id=1, key="k" * 48, status=2, expired_time=4_000_000_000, **limited)
    insert(connection, "tokens", mark, id=3, user_id=1, key="l" * 48, status=3, unlimited_quota=on)
    insert(connection, "tokens", mark, id=4, user_id=3, key="m" * 48, unlimited_quota=on)
