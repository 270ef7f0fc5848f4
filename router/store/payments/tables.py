"""The tables of payments; a migration that was released never changes.

Amounts in a charge currency are decimal text of whole minor units: 10 ether in wei is beyond 64 bits. What can charge
somebody's means is sealed with the master key.
"""

from __future__ import annotations

__all__ = ["PAYMENTS"]

PAYMENTS = """
CREATE TABLE topups (
    id              TEXT NOT NULL PRIMARY KEY,              -- top_...
    method          TEXT NOT NULL,                          -- the plugin
    account_id      TEXT NOT NULL REFERENCES accounts (id),
    person_id       TEXT NOT NULL,                          -- who began it; '': nobody, such as a deposit
    state           TEXT NOT NULL CHECK (state IN
        ('started', 'pending', 'paid', 'part_refunded', 'refunded', 'disputed', 'expired', 'failed')),
    amount          TEXT NOT NULL,                          -- charged, the fee with it, in minor units
    currency        TEXT NOT NULL,
    decimals        INTEGER NOT NULL,
    rate_nano       BIGINT NOT NULL,                        -- balance currency for one unit of it, frozen
    credit_nano     BIGINT NOT NULL CHECK (credit_nano >= 0),
    reference       TEXT NOT NULL,                          -- the method's own; '': not known yet
    payment         TEXT NOT NULL,                          -- a second one, which refunds are told by; ''
    form            TEXT NOT NULL,                          -- of the form that began it; '': none
    url             TEXT NOT NULL,                          -- where who pays is led; ''
    note            TEXT NOT NULL,                          -- what is to be said of it
    address         TEXT NOT NULL,                          -- of a deposit
    confirmations   INTEGER NOT NULL,
    wanted          INTEGER NOT NULL,
    detail          TEXT NOT NULL,                          -- JSON, the method's
    save_means      BOOLEAN NOT NULL,
    means_id        TEXT NOT NULL,                          -- charged by saved means: an automatic one; ''
    refunded        TEXT NOT NULL,                          -- minor units taken for refunds
    refunded_nano   BIGINT NOT NULL,
    told_total      TEXT NOT NULL,                          -- the most that was told to be refunded in all
    disputed_nano   BIGINT NOT NULL,                        -- taken by disputes
    created_at      DOUBLE PRECISION NOT NULL,
    changed_at      DOUBLE PRECISION NOT NULL,
    paid_at         DOUBLE PRECISION,
    expires_at      DOUBLE PRECISION                        -- NULL: never
);
CREATE INDEX topups_account ON topups (account_id, created_at);
CREATE INDEX topups_created ON topups (created_at, id);
CREATE INDEX topups_open ON topups (method, created_at) WHERE state IN ('started', 'pending');
CREATE INDEX topups_payment ON topups (method, payment) WHERE payment <> '';
CREATE UNIQUE INDEX topups_reference ON topups (method, reference) WHERE reference <> '';
CREATE UNIQUE INDEX topups_form ON topups (account_id, form) WHERE form <> '';

CREATE TABLE payment_facts (                                -- each fact about money that a method told, once
    method      TEXT NOT NULL,
    kind        TEXT NOT NULL,                              -- paid, refund, refund_failed, dispute_opened, ...
    reference   TEXT NOT NULL,
    topup_id    TEXT NOT NULL,                              -- '': not known yet
    payment     TEXT NOT NULL,                              -- by which it will be found
    amount      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    body        TEXT NOT NULL,                              -- JSON: the fact as it was told
    state       TEXT NOT NULL CHECK (state IN ('booked', 'waiting', 'refused')),
    why         TEXT NOT NULL,                              -- it was refused, or waits
    made        TEXT NOT NULL,                              -- the transfer; '': none
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (method, kind, reference)
);
CREATE INDEX payment_facts_topup ON payment_facts (topup_id);
CREATE INDEX payment_facts_state ON payment_facts (state, created_at) WHERE state <> 'booked';

CREATE TABLE payment_events (                               -- notices that were looked at
    method      TEXT NOT NULL,
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (method, id)
);
CREATE INDEX payment_events_created ON payment_events (created_at);

CREATE TABLE payment_addresses (
    method      TEXT NOT NULL,
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    number      BIGINT NOT NULL,                            -- by which it was derived
    address     TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (method, account_id)
);
CREATE UNIQUE INDEX payment_addresses_number ON payment_addresses (method, number);
CREATE UNIQUE INDEX payment_addresses_address ON payment_addresses (method, address);

CREATE TABLE payment_watches (
    method        TEXT NOT NULL PRIMARY KEY,
    cursor        TEXT NOT NULL,                            -- JSON, the method's
    delayed       TEXT NOT NULL,                            -- why it is behind; '': it is not
    stepped_at    DOUBLE PRECISION NOT NULL,
    compared_at   DOUBLE PRECISION NOT NULL,
    differences   TEXT NOT NULL                             -- JSON list of lines
);

CREATE TABLE payment_means (
    id            TEXT NOT NULL PRIMARY KEY,                -- mean_...
    method        TEXT NOT NULL,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    token         TEXT NOT NULL,                            -- sealed
    token_hash    TEXT NOT NULL,
    label         TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    created_at    DOUBLE PRECISION NOT NULL,
    forgotten_at  DOUBLE PRECISION
);
CREATE UNIQUE INDEX payment_means_token ON payment_means (method, account_id, token_hash);
CREATE INDEX payment_means_fingerprint ON payment_means (fingerprint) WHERE fingerprint <> '';

CREATE TABLE automatic_topups (
    account_id      TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    means_id        TEXT NOT NULL REFERENCES payment_means (id),
    threshold_nano  BIGINT NOT NULL,
    amount_nano     BIGINT NOT NULL,
    per_day         INTEGER NOT NULL,
    below           BOOLEAN NOT NULL,                       -- this crossing has its top-up already
    problem         TEXT NOT NULL,                          -- why it stopped; '': it did not
    changed_at      DOUBLE PRECISION NOT NULL
);

CREATE TABLE topup_refunds (                                -- those that the operator asked for
    id           TEXT NOT NULL PRIMARY KEY,                 -- rfd_...
    topup_id     TEXT NOT NULL REFERENCES topups (id),
    amount       TEXT NOT NULL,                             -- minor units
    state        TEXT NOT NULL CHECK (state IN ('asked', 'done', 'failed')),
    reference    TEXT NOT NULL,                             -- the method's; '': not told yet
    reason       TEXT NOT NULL,
    problem      TEXT NOT NULL,
    created_at   DOUBLE PRECISION NOT NULL,
    changed_at   DOUBLE PRECISION NOT NULL
);
CREATE INDEX topup_refunds_topup ON topup_refunds (topup_id);
CREATE INDEX topup_refunds_asked ON topup_refunds (created_at) WHERE state = 'asked';

CREATE TABLE account_freezes (                              -- accounts that are suspended by disputes
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    reference   TEXT NOT NULL,                              -- the dispute
    suspended   BOOLEAN NOT NULL,                           -- it was this that suspended the account
    created_at  DOUBLE PRECISION NOT NULL,
    ended_at    DOUBLE PRECISION,
    PRIMARY KEY (account_id, reference)
);

CREATE TABLE credit_lots (                                  -- what an account was given, and what is left of it
    reference    TEXT NOT NULL PRIMARY KEY,                 -- the transfer
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    kind         TEXT NOT NULL CHECK (kind IN ('paid', 'granted', 'lent')),
    amount_nano  BIGINT NOT NULL,
    left_nano    BIGINT NOT NULL CHECK (left_nano >= 0),    -- when credit_marks was written
    expires_at   DOUBLE PRECISION,                          -- NULL: never
    created_at   DOUBLE PRECISION NOT NULL,
    place        BIGINT NOT NULL                            -- the transfer's seq
);
CREATE INDEX credit_lots_account ON credit_lots (account_id, place);
CREATE INDEX credit_lots_expiring ON credit_lots (expires_at) WHERE expires_at IS NOT NULL AND left_nano > 0;

CREATE TABLE credit_marks (                                 -- up to where an account's use was taken from its lots
    account_id  TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    credits     BIGINT NOT NULL,
    debits      BIGINT NOT NULL
);
"""
