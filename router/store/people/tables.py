"""The tables of people and of what a portal keeps; a migration that was released never changes.

Secrets are never kept as they are: of one-time links, sessions and recovery codes there is a SHA-256 in hexadecimal, of
passwords an argon2id hash, and the secrets of authenticators are sealed with the master key.
"""

from __future__ import annotations

__all__ = ["PEOPLE", "PORTAL"]

PEOPLE = """
CREATE TABLE people (
    id           TEXT NOT NULL PRIMARY KEY,                 -- pers_...
    email        TEXT NOT NULL,                             -- as it was typed: where mail goes
    email_key    TEXT NOT NULL UNIQUE,                      -- the same for comparing
    name         TEXT NOT NULL,
    password     TEXT NOT NULL,                             -- argon2id; '': none, logs in by mailed link
    locale       TEXT NOT NULL,                             -- '': as the browser says
    zone         TEXT NOT NULL,                             -- IANA name
    theme        TEXT NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    status       TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    operator     BOOLEAN NOT NULL,
    verified_at  DOUBLE PRECISION,                          -- NULL: the address is not proved yet
    created_at   DOUBLE PRECISION NOT NULL,
    seen_at      DOUBLE PRECISION                           -- to the hour
);

CREATE TABLE members (
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    person_id   TEXT NOT NULL REFERENCES people (id),
    role        TEXT NOT NULL CHECK (role IN ('owner', 'developer', 'viewer')),
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (account_id, person_id)
);
CREATE INDEX members_person ON members (person_id);

CREATE TABLE web_sessions (
    hash        TEXT NOT NULL PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,                       -- sess_...: what lists and the audit log show
    person_id   TEXT NOT NULL REFERENCES people (id),
    account_id  TEXT NOT NULL,                              -- the workspace that is looked at; '': none
    complete    BOOLEAN NOT NULL,                           -- false: the second factor is still to come
    created_at  DOUBLE PRECISION NOT NULL,
    seen_at     DOUBLE PRECISION NOT NULL,                  -- to the minute
    expires_at  DOUBLE PRECISION NOT NULL,
    stepped_at  DOUBLE PRECISION,                           -- when who they are was last proved anew
    address     TEXT NOT NULL,
    agent       TEXT NOT NULL
);
CREATE INDEX web_sessions_person ON web_sessions (person_id);

CREATE TABLE tickets (
    hash        TEXT NOT NULL PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,                       -- tick_...: what lists show
    purpose     TEXT NOT NULL,                              -- verify, login, reset, invite, email, operator, step
    person_id   TEXT NOT NULL,                              -- whose; '': nobody's yet
    email       TEXT NOT NULL,                              -- to which it was sent
    account_id  TEXT NOT NULL,                              -- of an invitation
    role        TEXT NOT NULL,                              -- of an invitation
    made_by     TEXT NOT NULL,                              -- of an invitation: the person
    browser     TEXT NOT NULL,                              -- hash of a cookie of the browser that asked
    created_at  DOUBLE PRECISION NOT NULL,
    expires_at  DOUBLE PRECISION NOT NULL
);
CREATE INDEX tickets_person ON tickets (person_id, purpose);
CREATE INDEX tickets_account ON tickets (account_id, purpose);

CREATE TABLE factors (
    id          TEXT NOT NULL PRIMARY KEY,                  -- fact_...
    person_id   TEXT NOT NULL REFERENCES people (id),
    kind        TEXT NOT NULL CHECK (kind IN ('totp', 'recovery', 'passkey')),
    name        TEXT NOT NULL,
    secret      TEXT NOT NULL,                              -- totp: sealed; recovery: hash; passkey: its public key
    handle      TEXT NOT NULL,                              -- passkey: the credential's ID; else ''
    counter     BIGINT NOT NULL,                            -- totp: the last time step used; passkey: its sign counter
    confirmed   BOOLEAN NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    used_at     DOUBLE PRECISION
);
CREATE INDEX factors_person ON factors (person_id, kind);
CREATE INDEX factors_handle ON factors (handle);

CREATE TABLE security_events (
    id         TEXT NOT NULL PRIMARY KEY,                   -- evnt_...
    person_id  TEXT NOT NULL,
    at         DOUBLE PRECISION NOT NULL,
    kind       TEXT NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    detail     TEXT NOT NULL                                -- JSON object
);
CREATE INDEX security_events_person ON security_events (person_id, at);

CREATE TABLE attempts (                                     -- what is counted to slow down who guesses
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    at       DOUBLE PRECISION NOT NULL
);
CREATE INDEX attempts_subject ON attempts (action, subject, at);

ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'model';         -- or 'management', 'hidden'
ALTER TABLE api_keys ADD COLUMN made_by TEXT NOT NULL DEFAULT '';           -- the person; '': an operator or a key
"""
"""Who logs in, and how."""

PORTAL = """
CREATE TABLE signups (                                      -- every verdict on free credit, with its reasons
    id          TEXT NOT NULL PRIMARY KEY,                  -- sign_...
    canonical   TEXT NOT NULL,                              -- keyed hash of the unaliased address; kept when closed
    domain      TEXT NOT NULL,
    network     TEXT NOT NULL,                              -- /24 or /64
    person_id   TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    at          DOUBLE PRECISION NOT NULL,
    verdict     TEXT NOT NULL,                              -- given, waits, refused, none
    reasons     TEXT NOT NULL,                              -- JSON list
    credit_nano BIGINT NOT NULL,
    decided_by  TEXT NOT NULL                               -- '': by rule
);
CREATE INDEX signups_canonical ON signups (canonical);
CREATE INDEX signups_network ON signups (network, at);
CREATE INDEX signups_at ON signups (at);

CREATE TABLE pow_used (
    signature   TEXT NOT NULL PRIMARY KEY,
    expires_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE switches (                                     -- what an operator turned off at run time
    name        TEXT NOT NULL PRIMARY KEY,                  -- signup, free_credit, topup
    off         BOOLEAN NOT NULL,
    reason      TEXT NOT NULL,
    changed_at  DOUBLE PRECISION NOT NULL
);

CREATE TABLE blocks (
    kind        TEXT NOT NULL,                              -- domain, address, network
    value       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (kind, value)
);

CREATE TABLE account_notes (
    id          TEXT NOT NULL PRIMARY KEY,                  -- note_...
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    text        TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL
);
CREATE INDEX account_notes_account ON account_notes (account_id, created_at);

CREATE TABLE notices (
    id          TEXT NOT NULL PRIMARY KEY,                  -- noti_...
    person_id   TEXT NOT NULL REFERENCES people (id),
    account_id  TEXT NOT NULL,
    type        TEXT NOT NULL,
    subject     TEXT NOT NULL,                              -- what it is about: an ID
    period      TEXT NOT NULL,                              -- within which it is told once
    detail      TEXT NOT NULL,                              -- JSON object: what its text names
    created_at  DOUBLE PRECISION NOT NULL,
    read_at     DOUBLE PRECISION,
    UNIQUE (person_id, type, subject, period)
);
CREATE INDEX notices_person ON notices (person_id, created_at);

CREATE TABLE notice_settings (
    person_id       TEXT NOT NULL REFERENCES people (id),
    type            TEXT NOT NULL,
    in_app          BOOLEAN NOT NULL,
    mail            BOOLEAN NOT NULL,
    threshold_nano  BIGINT,                                 -- of a low balance
    PRIMARY KEY (person_id, type)
);

CREATE TABLE outbox (
    id          TEXT NOT NULL PRIMARY KEY,                  -- mail_...
    person_id   TEXT NOT NULL,                              -- '': nobody who is known
    recipient   TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    subject     TEXT NOT NULL,
    text        TEXT NOT NULL,                              -- emptied once it is sent: it holds a link that logs in
    html        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('due', 'sent', 'failed', 'bounced')),
    tries       INTEGER NOT NULL,
    error       TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    due_at      DOUBLE PRECISION NOT NULL,
    sent_at     DOUBLE PRECISION
);
CREATE INDEX outbox_due ON outbox (status, due_at);
CREATE INDEX outbox_recipient ON outbox (recipient, created_at);
"""
"""What a portal decides, tells and sends."""
