"""The host's first tables: migrations 1 to 12, as they were released.

Times are Unix seconds (double precision); IDs and enumerations are text; JSON is text. The types are those that both
engines read alike: SQLite maps ``DOUBLE PRECISION`` to REAL, ``BIGINT`` to INTEGER, and keeps ``BOOLEAN`` as 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.types.records import Migration

__all__ = ["EARLY_MIGRATIONS"]

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

_SERIAL = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_BYTES = {"sqlite": "BLOB", "postgresql": "BYTEA"}
_HOUR = {"sqlite": "CAST(created_at / 3600 AS INTEGER)", "postgresql": "CAST(FLOOR(created_at / 3600) AS BIGINT)"}

_LEDGER = """
ALTER TABLE accounts ADD COLUMN tier TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN price_list TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN budget_nano BIGINT CHECK (budget_nano >= 0);
ALTER TABLE api_keys ADD COLUMN budget_period TEXT NOT NULL DEFAULT ''
    CHECK (budget_period IN ('', 'day', 'week', 'month'));
ALTER TABLE api_keys ADD COLUMN idempotent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE api_keys ADD COLUMN origin TEXT NOT NULL DEFAULT '';    -- of a rotated key: the first in its line
INSERT INTO meta (name, value) VALUES ('access_version', 1);    -- grows with keys, accounts and limits

CREATE TABLE balances (                     -- what the transfers of an account come to, and what its calls hold
    account_id  TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    credits     BIGINT NOT NULL DEFAULT 0 CHECK (credits >= 0),
    debits      BIGINT NOT NULL DEFAULT 0 CHECK (debits >= 0),
    held        BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
    CHECK (debits + held <= credits)
);
INSERT INTO balances (account_id) SELECT id FROM accounts;

CREATE TABLE transfers (                    -- never changed, never deleted: a mistake is corrected by another
    seq           {serial},
    reference     TEXT NOT NULL UNIQUE,     -- makes it happen once: req:<request ID>, grant:<reference>, ...
    kind          TEXT NOT NULL,
    debit         TEXT NOT NULL,            -- an account's ID, or @revenue, @grants, @adjustments, @shortfall, ...
    credit        TEXT NOT NULL,
    amount_nano   BIGINT NOT NULL CHECK (amount_nano > 0),
    balance_nano  BIGINT NOT NULL CHECK (balance_nano >= 0),    -- of the customer's account in it, afterwards
    about         TEXT,                     -- the reference that it corrects
    reason        TEXT NOT NULL,
    created_at    DOUBLE PRECISION NOT NULL,
    CHECK (debit <> credit)
);
CREATE INDEX transfers_debit ON transfers (debit, seq);
CREATE INDEX transfers_credit ON transfers (credit, seq) WHERE kind <> 'usage';
CREATE INDEX transfers_about ON transfers (about) WHERE about IS NOT NULL;

CREATE TABLE holds (                        -- calls under way
    id           TEXT NOT NULL PRIMARY KEY, -- the request's
    account_id   TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    owner        TEXT NOT NULL,             -- a worker
    model        TEXT NOT NULL,
    route        TEXT NOT NULL,
    streamed     BOOLEAN NOT NULL,
    amount_nano  BIGINT NOT NULL CHECK (amount_nano >= 0),      -- of the account's balance
    claims       TEXT NOT NULL,             -- JSON list of [bucket, amount, window_start]
    created_at   DOUBLE PRECISION NOT NULL,
    expires_at   DOUBLE PRECISION NOT NULL
);

CREATE TABLE buckets (
    id            TEXT NOT NULL PRIMARY KEY,
    window_start  BIGINT NOT NULL,              -- Unix milliseconds; 0: no window
    used          BIGINT NOT NULL CHECK (used >= 0),
    held          BIGINT NOT NULL CHECK (held >= 0)
);
"""

_CHARGES = """
ALTER TABLE usage ADD COLUMN cache_write_tokens BIGINT NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0);
ALTER TABLE usage ADD COLUMN clamped BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE usage ADD COLUMN charge_nano BIGINT NOT NULL DEFAULT 0 CHECK (charge_nano >= 0);
ALTER TABLE usage ADD COLUMN shortfall_nano BIGINT NOT NULL DEFAULT 0 CHECK (shortfall_nano >= 0);
ALTER TABLE usage ADD COLUMN cost_nano BIGINT CHECK (cost_nano >= 0);      -- NULL: not known
ALTER TABLE usage ADD COLUMN rate_nano BIGINT NOT NULL DEFAULT 0;           -- balance currency for one USD
DROP INDEX usage_key;

CREATE TABLE usage_hours (                  -- sums, so that charts and reports never read rows
    account_id         TEXT NOT NULL,
    hour               BIGINT NOT NULL,     -- Unix seconds of its start
    key_id             TEXT NOT NULL,
    model              TEXT NOT NULL,
    provider           TEXT NOT NULL,
    calls              BIGINT NOT NULL,
    errors             BIGINT NOT NULL,
    prompt_tokens      BIGINT NOT NULL,
    cached_tokens      BIGINT NOT NULL,
    completion_tokens  BIGINT NOT NULL,
    reasoning_tokens   BIGINT NOT NULL,
    charge_nano        BIGINT NOT NULL,
    cost_nano          BIGINT NOT NULL,     -- of the calls whose cost is known
    uncosted           BIGINT NOT NULL,     -- calls that were charged, and whose cost is not known
    PRIMARY KEY (account_id, hour, key_id, model, provider)
);
INSERT INTO usage_hours
SELECT account_id, {hour} * 3600, key_id, model, provider, COUNT(*),
    SUM(CASE WHEN ending IN ('ok', 'disconnect') THEN 0 ELSE 1 END),
    SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens), SUM(reasoning_tokens), 0, 0, 0
FROM usage GROUP BY 1, 2, 3, 4, 5;
"""

_OPERATIONS = """
CREATE TABLE limits (
    subject  TEXT NOT NULL PRIMARY KEY,     -- key:ID, account:ID, tier:NAME (each of its keys), tier-account:NAME
    limits   TEXT NOT NULL                  -- JSON object: fields of router.types.Limits that are set
);

CREATE TABLE prices (
    list        TEXT NOT NULL,              -- empty: what holds for everybody
    model       TEXT NOT NULL,              -- a public ID, or provider/model
    price       TEXT NOT NULL,              -- JSON object: fields of router.types.Price, in the balance currency
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (list, model)
);

CREATE TABLE rates (
    currency    TEXT NOT NULL PRIMARY KEY,
    rate_nano   BIGINT NOT NULL CHECK (rate_nano > 0),          -- units of it for one USD
    source      TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE audit (                        -- what operators did; never changed
    seq         {serial},
    created_at  DOUBLE PRECISION NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    detail      TEXT NOT NULL               -- JSON object
);

CREATE TABLE workers (
    id          TEXT NOT NULL PRIMARY KEY,
    host        TEXT NOT NULL,              -- and boot: process IDs mean nothing elsewhere
    process     BIGINT NOT NULL,
    started     TEXT NOT NULL,              -- of the process, as its kernel tells: process IDs come again
    expires_at  DOUBLE PRECISION NOT NULL   -- of its lease
);

CREATE TABLE leases (                       -- jobs that one of all workers does
    name        TEXT NOT NULL PRIMARY KEY,
    owner       TEXT NOT NULL,
    expires_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE counters (
    name   TEXT NOT NULL PRIMARY KEY,
    value  BIGINT NOT NULL
);

CREATE TABLE idempotency (
    key_id       TEXT NOT NULL,
    reference    TEXT NOT NULL,             -- SHA-256 of the header's value
    body_hash    TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    owner        TEXT NOT NULL,
    status       INTEGER NOT NULL,          -- of the answer; 0: under way
    headers      TEXT NOT NULL,             -- JSON object
    body         {bytes},                   -- NULL: under way, or too large to keep
    created_at   DOUBLE PRECISION NOT NULL,
    expires_at   DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (key_id, reference)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
"""

_EXPLAINED = """
ALTER TABLE usage ADD COLUMN prices TEXT NOT NULL DEFAULT '';               -- JSON: unit prices of the charge; '': none
ALTER TABLE usage ADD COLUMN marks TEXT NOT NULL DEFAULT '';                -- words, separated by blanks, sorted
ALTER TABLE usage ADD COLUMN reported TEXT NOT NULL DEFAULT '';             -- JSON: counts as told, where others hold
ALTER TABLE usage ADD COLUMN reported_model TEXT NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN client_request_id TEXT NOT NULL DEFAULT '';    -- the client's X-Request-ID
"""

_PROGRESS = """
ALTER TABLE holds ADD COLUMN progress TEXT NOT NULL DEFAULT '';    -- JSON: how it would have been settled; '': unknown
"""

_WINDOWS = """
ALTER TABLE buckets ADD COLUMN subject TEXT NOT NULL DEFAULT '';     -- key:ID, account:ID: whose charges it began with
UPDATE buckets SET used = used + held, held = 0 WHERE window_start <> 0;    -- now what is held outlives a window
"""

_CHAINS = """
ALTER TABLE transfers ADD COLUMN hash TEXT NOT NULL DEFAULT '';     -- of it and of the account's one before it
ALTER TABLE balances ADD COLUMN head TEXT NOT NULL DEFAULT '';      -- the hash of its last transfer
ALTER TABLE buckets ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;      -- checksum of what is used; 0: none yet
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE TABLE chains (
    name    TEXT NOT NULL PRIMARY KEY,
    head    TEXT NOT NULL,
    length  BIGINT NOT NULL
);
INSERT INTO chains (name, head, length) VALUES ('audit', '', 0);
"""
_NOT_REPLACED = {
    "sqlite": """
CREATE TRIGGER transfers_no_replace BEFORE INSERT ON transfers
WHEN EXISTS (SELECT 1 FROM transfers WHERE seq = NEW.seq OR reference = NEW.reference)
BEGIN SELECT RAISE(ABORT, 'transfers are never changed: add another'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit are never changed: add another'); END;
""",
    "postgresql": """
CREATE TRIGGER transfers_no_truncate BEFORE TRUNCATE ON transfers EXECUTE FUNCTION transfers_no_delete();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_no_delete();
""",
}

_CHECKSUMS = """
ALTER TABLE api_keys ADD COLUMN checked BOOLEAN NOT NULL DEFAULT FALSE;     -- its text ends with a checksum
CREATE INDEX api_keys_unchecked ON api_keys (id) WHERE NOT checked;
"""

_APPEND_ONLY = {
    "sqlite": """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are never changed: add another'); END;
""",
    "postgresql": """
CREATE FUNCTION {table}_no_{event}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{table} are never changed: add another'; END $$;
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} EXECUTE FUNCTION {table}_no_{event}();
""",
}


def _for_both(sql: str, *append_only: str) -> Mapping[str, str]:
    """A migration's text for each engine: they differ in types, in numbering rows, in rounding and in triggers."""
    texts = {}
    for engine, trigger in _APPEND_ONLY.items():
        kinds = {"{serial}": _SERIAL[engine], "{bytes}": _BYTES[engine], "{hour}": _HOUR[engine]}
        text = sql
        for name, kind in kinds.items():
            text = text.replace(name, kind)
        triggers = (trigger.format(table=table, event=event) for table in append_only for event in ("UPDATE", "DELETE"))
        texts[engine] = text + "".join(triggers)
    return texts


EARLY_MIGRATIONS: Sequence[Migration] = (
    Migration(1, "accounts and keys", _ACCOUNTS_AND_KEYS),
    Migration(2, "catalogue", _CATALOGUE),
    Migration(3, "usage", _USAGE),
    Migration(4, "provider keys", _PROVIDER_KEYS),
    Migration(5, "ledger", _for_both(_LEDGER, "transfers")),
    Migration(6, "charges", _for_both(_CHARGES)),
    Migration(7, "limits, prices, audit, leases", _for_both(_OPERATIONS, "audit")),
    Migration(8, "why a call was charged so", _EXPLAINED),
    Migration(9, "the progress of calls under way", _PROGRESS),
    Migration(10, "windows that calls outlive", _WINDOWS),
    Migration(11, "keys with a checksum", _CHECKSUMS),
    Migration(12, "chained transfers and audit entries", {e: _CHAINS + sql for e, sql in _NOT_REPLACED.items()}),
)
"""In order."""
