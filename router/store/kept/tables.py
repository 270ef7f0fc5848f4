"""The tables of what is kept of calls; a migration that was released never changes."""

from __future__ import annotations

__all__ = ["RESPONSES", "UNITS"]

UNITS = """
ALTER TABLE usage ADD COLUMN units TEXT;                                    -- JSON: counts beside tokens; NULL: none
"""
UNITS += "".join(  # their sums, as in router.money.usage.Units
    f"ALTER TABLE usage_hours ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0;\n"
    for name in ("images", "milliseconds", "characters", "searches", "requests")
)
"""Counts beside tokens."""

RESPONSES = """
CREATE TABLE responses (
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    id           TEXT NOT NULL,
    previous_id  TEXT NOT NULL,             -- empty: none
    created_at   DOUBLE PRECISION NOT NULL,
    expires_at   DOUBLE PRECISION NOT NULL,
    input        TEXT NOT NULL,             -- JSON list: the items that the request added
    response     TEXT NOT NULL,             -- JSON object, as its client was sent it
    bytes        BIGINT NOT NULL,           -- of both
    PRIMARY KEY (account_id, id)
);
CREATE INDEX responses_expiry ON responses (expires_at);

CREATE TABLE response_items (
    account_id   TEXT NOT NULL,
    item_id      TEXT NOT NULL,
    response_id  TEXT NOT NULL,
    PRIMARY KEY (account_id, item_id, response_id)
);
CREATE INDEX response_items_response ON response_items (account_id, response_id);
"""
"""Answers of ``/v1/responses``."""
