"""The host's own tables, as numbered migrations. A migration that was released never changes: add another.

Times are Unix seconds (double precision); IDs and enumerations are text; JSON is text. The types are those that both
engines read alike: SQLite maps ``DOUBLE PRECISION`` to REAL, ``BIGINT`` to INTEGER, and keeps ``BOOLEAN`` as 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.types import Migration

__all__ = ["MIGRATIONS", "OWNER"]

OWNER = "router"
"""The owner of the host's migrations in ``schema_migrations``."""

_ACCOUNTS_AND_KEYS = """
CREATE TABLE accounts (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE api_keys (
    id           TEXT NOT NULL PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE,      -- SHA-256 of the key, hexadecimal: its text is not kept
    hint         TEXT NOT NULL,             -- its last four characters
    status       TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'revoked')),
    created_at   DOUBLE PRECISION NOT NULL,
    expires_at   DOUBLE PRECISION,          -- NULL: never
    replaced_by  TEXT REFERENCES api_keys (id),
    scope        TEXT NOT NULL              -- JSON list of model IDs; empty: all
);
CREATE INDEX api_keys_account ON api_keys (account_id, created_at);
"""

_CATALOGUE = """
CREATE TABLE models (
    public_id   TEXT NOT NULL PRIMARY KEY,
    provider    TEXT,                       -- NULL, with model: the row only switches a plugin's model on or off
    model       TEXT,
    kind        TEXT NOT NULL,
    enabled     BOOLEAN NOT NULL,
    source      TEXT NOT NULL CHECK (source IN ('operator', 'override')),
    card        TEXT NOT NULL,              -- JSON object
    created_at  DOUBLE PRECISION NOT NULL,
    CHECK ((source = 'override') = (provider IS NULL) AND (source = 'override') = (model IS NULL))
);

CREATE TABLE aliases (
    alias       TEXT NOT NULL PRIMARY KEY,
    target      TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE fallbacks (
    model       TEXT NOT NULL PRIMARY KEY,
    targets     TEXT NOT NULL,              -- JSON list of model IDs, best first
    created_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE meta (
    name   TEXT NOT NULL PRIMARY KEY,
    value  BIGINT NOT NULL
);
INSERT INTO meta (name, value) VALUES ('catalogue_version', 1);
"""

_USAGE = """
CREATE TABLE usage (
    request_id         TEXT NOT NULL PRIMARY KEY,   -- makes writing a row again harmless
    created_at         DOUBLE PRECISION NOT NULL,
    route              TEXT NOT NULL,
    account_id         TEXT NOT NULL,               -- empty: not known; no foreign key, so history outlives accounts
    key_id             TEXT NOT NULL,
    model              TEXT NOT NULL,
    provider           TEXT NOT NULL,
    upstream_model     TEXT NOT NULL,
    status             INTEGER NOT NULL,
    ending             TEXT NOT NULL,
    error_code         TEXT NOT NULL,
    streamed           BOOLEAN NOT NULL,
    prompt_tokens      BIGINT NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens  BIGINT NOT NULL CHECK (completion_tokens >= 0),
    cached_tokens      BIGINT NOT NULL CHECK (cached_tokens >= 0),
    reasoning_tokens   BIGINT NOT NULL CHECK (reasoning_tokens >= 0),
    estimated          BOOLEAN NOT NULL,
    latency_ms         BIGINT NOT NULL,
    first_token_ms     BIGINT,
    attempts           TEXT NOT NULL                -- JSON list
);
CREATE INDEX usage_account ON usage (account_id, created_at);
CREATE INDEX usage_key ON usage (key_id, created_at);
CREATE INDEX usage_time ON usage (created_at);
"""

_PROVIDER_KEYS = """
CREATE TABLE provider_keys (
    provider    TEXT NOT NULL,
    endpoint    INTEGER NOT NULL CHECK (endpoint >= 0),     -- from 1; 0: the section itself
    ciphertext  TEXT NOT NULL,                              -- see router/store/sealing.py
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (provider, endpoint)
);
"""

MIGRATIONS: Sequence[Migration] = (
    Migration(1, "accounts and keys", _ACCOUNTS_AND_KEYS),
    Migration(2, "catalogue", _CATALOGUE),
    Migration(3, "usage", _USAGE),
    Migration(4, "provider keys", _PROVIDER_KEYS),
)
"""In order; numbers begin at 1 and have no gap."""
