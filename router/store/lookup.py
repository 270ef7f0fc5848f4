"""A key as the line needs it: everything that bears on it, from one statement, so that version and content agree."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from router.db.ids import clean_text
from router.db.transaction import Runner
from router.store.limits import StoredLimits, read_limits
from router.types.keys import Budget, Key

__all__ = ["FoundKey", "find_hash", "find_key", "find_own_key", "first_hidden"]

_FIND = """
SELECT k.id, k.account_id, k.name, k.status, k.expires_at, k.scope, k.budget_nano, k.budget_period, k.idempotent,
    k.origin, k.kind, a.status AS account_status, a.tier, a.price_list,
    (SELECT value FROM meta WHERE name = 'access_version') AS version,
    (SELECT limits FROM limits WHERE subject = 'key:' || CASE k.origin WHEN '' THEN k.id ELSE k.origin END) AS of_key,
    (SELECT limits FROM limits WHERE a.tier <> '' AND subject = 'tier:' || a.tier) AS of_tier,
    (SELECT limits FROM limits WHERE subject = 'account:' || a.id) AS of_account,
    (SELECT limits FROM limits WHERE a.tier <> '' AND subject = 'tier-account:' || a.tier) AS of_tier_account,
    (SELECT limits FROM limits WHERE subject = 'key-owner:' || CASE k.origin WHEN '' THEN k.id ELSE k.origin END)
        AS of_key_owner
FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = ?
"""


class FoundKey(NamedTuple):
    """A key, and the database's limits that bear on it: ``key.limits`` and ``key.account_limits`` are still to be
    made of them and of the configuration's."""

    key: Key
    limits: StoredLimits


def find_key(database: Runner, hash: str) -> FoundKey | None:
    """The key with this hash, whatever its status; None if there is none. A suspended account's is ``disabled``."""
    row = database.read(lambda connection: connection.row(_FIND, (hash,)), whole=False)
    if row is None:
        return None
    limits = StoredLimits(*(read_limits(row[f"of_{whose}"]) for whose in StoredLimits._fields))
    return FoundKey(_key(row), limits)


def find_hash(database: Runner, key_id: str) -> str | None:
    """The hash of the key with this ID; None if there is none."""
    sql = "SELECT hash FROM api_keys WHERE id = ?"
    row = database.read(lambda connection: connection.row(sql, (key_id,)), whole=False)
    return None if row is None else str(row["hash"])


def find_own_key(database: Runner, account: str, name: str, *, managed: bool = False) -> str | None:
    """The ID of the key of an account that has this hash or ID; None if there is none that lists show.

    Args:
        managed: only where it is for calls, and not revoked: what the account's own scripts manage.
    """
    sql = "SELECT id FROM api_keys WHERE (hash = ? OR id = ?) AND account_id = ? AND kind <> 'hidden'"
    if managed:
        sql += " AND kind = 'model' AND status <> 'revoked'"
    name = clean_text(name)
    row = database.read(lambda connection: connection.row(sql, (name, name, account)), whole=False)
    return None if row is None else str(row["id"])


def first_hidden(database: Runner, account_id: str, person_id: str) -> str:
    """The ID of the first hidden key of somebody in an account, as which all theirs are counted; empty for none."""
    sql = "SELECT id FROM api_keys WHERE account_id = ? AND kind = 'hidden' AND made_by = ? ORDER BY created_at LIMIT 1"
    rows = database.read(lambda connection: connection.tuples(sql, (account_id, person_id)))
    return str(rows[0][0]) if rows else ""


def _key(row: dict[str, Any]) -> Key:
    suspended = row["status"] == "active" and row["account_status"] != "active"
    return Key(
        row["id"],
        row["account_id"],
        row["name"],
        "disabled" if suspended else row["status"],
        row["expires_at"],
        tuple(json.loads(row["scope"])),
        None if row["budget_nano"] is None else Budget(row["budget_nano"], row["budget_period"]),
        tier=row["tier"],
        price_list=row["price_list"],
        idempotent=bool(row["idempotent"]),
        version=row["version"],
        origin=row["origin"],
        kind=row["kind"],
    )
