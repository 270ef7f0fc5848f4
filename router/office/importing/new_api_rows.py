"""New API's users and tokens as accounts and keys.

Tokens are kept in plain text there, without the ``sk-`` that clients put before them; here only the digest is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from router.errors import BadRequest
from router.money.amounts import NANO, format_nano
from router.office.importing.records import (
    ForeignAccount,
    ForeignKey,
    FoundElsewhere,
    OddRow,
    end_of,
    text_of,
    whole_of,
)
from router.store.foreign.new_api import NewApiTables, read_new_api
from router.store.keys import hash_key
from router.types.keys import Budget

__all__ = ["find_in_new_api"]

_QUOTA_PER_USD = Decimal(500_000)
_ENABLED, _DISABLED, _EXPIRED, _EXHAUSTED = 1, 2, 3, 4
_KEY_LEAST = 16  # of random letters, for a key that nobody guesses


def find_in_new_api(url: str, base_dir: Path, now: float | None = None) -> FoundElsewhere:
    """What New API's database has of customers.

    Args:
        now: Unix seconds; the present where None.

    Raises:
        BadRequest: a unit of quota is no amount; otherwise as ``read_new_api``.
        StoreError: the database does not answer.
    """
    return _found(read_new_api(url, base_dir), time.time() if now is None else now)


def _found(tables: NewApiTables, now: float) -> FoundElsewhere:
    found, per_usd = FoundElsewhere("new-api"), _per_usd(tables.quota_per_unit)
    deleted = {row["id"] for row in tables.users if row.get("deleted_at")}
    there = {row["id"] for row in tables.users}
    for row in tables.users:
        source = f"user:{row['id']}"
        try:
            _add_user(found, source, row, per_usd)
        except ValueError as error:
            found.bad.append(OddRow(source, str(error)))
    for row in tables.tokens:
        source = f"token {row['id']} ({row.get('name') or 'without a name'})"
        if row.get("deleted_at") or row["user_id"] in deleted:
            found.left.append(OddRow(source, "was deleted"))
            continue
        try:
            expires = whole_of("expired_time", row["expired_time"])
            if row["status"] == _EXPIRED or 0 < expires <= now:
                found.left.append(OddRow(source, "has expired"))
                continue
            if row["user_id"] not in there:
                raise ValueError(f"is of user {row['user_id']}, who is not there")
            found.keys.append(_key(source, row, expires, per_usd))
        except ValueError as error:
            found.bad.append(OddRow(source, str(error)))
    return found


def _per_usd(setting: str) -> Decimal:
    try:
        value = Decimal(setting) if setting else _QUOTA_PER_USD
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise BadRequest(f"The option QuotaPerUnit there is {setting[:40]!r}: it must be a number above zero.")
    return value


def _nano(column: str, row: Mapping[str, Any], per_usd: Decimal) -> int:
    quota = whole_of(column, row.get(column))
    return int((Decimal(quota) * NANO / per_usd).to_integral_value(ROUND_FLOOR))


def _add_user(found: FoundElsewhere, source: str, row: Mapping[str, Any], per_usd: Decimal) -> None:
    if row.get("deleted_at"):
        found.left.append(OddRow(source, "was deleted"))
        return
    name = text_of("name", row.get("display_name") or row.get("username")) or f"user {row['id']}"
    credit = _nano("quota", row, per_usd)
    if credit < 0:
        found.left.append(OddRow(source, f"owes {format_nano(-credit)} USD there, which is not taken over"))
    suspended = row.get("status", _ENABLED) != _ENABLED
    found.accounts.append(ForeignAccount(source, name, max(0, credit), suspended))


def _key(source: str, row: Mapping[str, Any], expires: int, per_usd: Decimal) -> ForeignKey:
    text = text_of("key", row["key"]).strip().removeprefix("sk-")
    if len(text) < _KEY_LEAST:
        raise ValueError(f"its key has {len(text)} characters, which can be guessed")
    if str(row.get("allow_ips") or "").strip():
        raise ValueError("is bound to addresses, which a key here cannot be")
    if row["status"] not in (_ENABLED, _DISABLED, _EXHAUSTED):
        raise ValueError(f"has the status {row['status']!r}, which is not known")
    limited = row.get("model_limits_enabled") and row.get("model_limits")
    models = text_of("model_limits", row["model_limits"]) if limited else ""
    return ForeignKey(
        source,
        f"user:{row['user_id']}",
        text_of("name", row.get("name")) or f"token {row['id']}",
        hash_key(f"sk-{text}"),
        text[-4:],
        end_of("expired_time", expires) if expires > 0 else None,
        tuple(name.strip() for name in models.split(",") if name.strip()),
        None if row["unlimited_quota"] else Budget(max(0, _nano("remain_quota", row, per_usd))),
        row["status"] == _DISABLED,
    )
