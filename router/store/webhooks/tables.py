"""The tables of webhooks; a migration that was released never changes. Secrets are sealed with the master key."""

from __future__ import annotations

__all__ = ["WEBHOOKS"]

WEBHOOKS = """
CREATE TABLE webhooks (                                     -- where events of an account are sent
    id              TEXT NOT NULL PRIMARY KEY,              -- hook_...
    account_id      TEXT NOT NULL REFERENCES accounts (id),
    url             TEXT NOT NULL,
    about           TEXT NOT NULL,                          -- what its owner calls it; ''
    events          TEXT NOT NULL,                          -- JSON list; empty: all
    status          TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'failed')),
    secret          TEXT NOT NULL,                          -- sealed
    old_secret      TEXT NOT NULL,                          -- sealed, and good until old_until; '': none
    old_until       DOUBLE PRECISION,
    low_nano        BIGINT,                                 -- a balance is low below this; NULL: not by amount
    low_percent     INTEGER,                                -- or below this share of the last top-up; NULL: not
    dropped         INTEGER NOT NULL,                       -- events for which there was no room
    failing_since   DOUBLE PRECISION,                       -- of the first failure since the last success
    created_at      DOUBLE PRECISION NOT NULL,
    made_by         TEXT NOT NULL                           -- who made it: the ID of a person or a key
);
CREATE INDEX webhooks_account ON webhooks (account_id, created_at);

CREATE TABLE webhook_deliveries (                           -- one event for one endpoint
    id              TEXT NOT NULL PRIMARY KEY,              -- whd_...
    webhook_id      TEXT NOT NULL,                          -- 'operators': what [webhooks] url says
    account_id      TEXT NOT NULL,                          -- '': no account's
    event_id        TEXT NOT NULL,                          -- evt_...: what receivers know it by, each time it is sent
    type            TEXT NOT NULL,
    cause           TEXT NOT NULL,                          -- told once for each
    body            TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('due', 'sent', 'failed')),
    tries           INTEGER NOT NULL,
    code            INTEGER,                                -- HTTP status of the last answer; NULL: none came
    error           TEXT NOT NULL,
    created_at      DOUBLE PRECISION NOT NULL,
    due_at          DOUBLE PRECISION NOT NULL,
    tried_at        DOUBLE PRECISION,
    UNIQUE (webhook_id, cause)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE status = 'due';
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (account_id) WHERE status = 'due';
CREATE INDEX webhook_deliveries_shown ON webhook_deliveries (webhook_id, created_at);
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (created_at);
"""
