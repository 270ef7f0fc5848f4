"""LiteLLM's teams, users and keys as accounts and keys.

A key's ``token`` there is the SHA-256 of its text, as ``hash`` is here: clients go on with the keys that they have.
There are budgets, no balances: what is left of a budget without a period becomes the account's credit.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.office.importing.litellm_scope import scope_of
from router.office.importing.records import ForeignAccount, ForeignKey, FoundElsewhere, OddRow, end_of, nano_of
from router.store.foreign.litellm import LitellmTables, read_litellm
from router.store.keys import hash_key
from router.types.keys import Budget

__all__ = ["find_in_litellm"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PERIODS = {
    **dict.fromkeys(("1d", "24h", "daily"), "day"),
    **dict.fromkeys(("7d", "1w", "weekly"), "week"),
    **dict.fromkeys(("30d", "31d", "1mo", "monthly"), "month"),
}
_LIMITS = {
    "rpm_limit": "requests_per_minute",
    "tpm_limit": "tokens_per_minute",
    "max_parallel_requests": "concurrent",
}
_OF_PAGES = "litellm-dashboard"
_OTHERS = "keys"
"""The account of keys that are nobody's."""


def find_in_litellm(url: str, base_dir: Path, now: float | None = None) -> FoundElsewhere:
    """What LiteLLM's database has of customers.

    Args:
        now: Unix seconds; the present where None.

    Raises:
        BadRequest, StoreError: as ``read_litellm``.
    """
    return _found(read_litellm(url, base_dir), time.time() if now is None else now)


def _found(tables: LitellmTables, now: float) -> FoundElsewhere:
    found = FoundElsewhere("litellm")
    teams = {row["team_id"]: row for row in tables.teams}
    users = {row["user_id"]: row for row in tables.users}
    budgets = {row["budget_id"]: row for row in tables.budgets}
    for row in tables.teams:
        _add_account(found, f"team:{row['team_id']}", row.get("team_alias") or row["team_id"], row)
    paying = {_account_of(row) for row in tables.keys if row.get("team_id") != _OF_PAGES}
    for row in tables.users:
        if f"user:{row['user_id']}" in paying:
            name = row.get("user_alias") or row.get("user_email") or row["user_id"]
            _add_account(found, f"user:{row['user_id']}", name, row)
    known = {one.source for one in found.accounts} | {one.source for one in found.bad}
    for source in sorted(paying - known):
        kind, _, id = source.partition(":")
        name = "keys without a team or user" if source == _OTHERS else f"{kind} {id}"
        found.accounts.append(ForeignAccount(source, name))
    for row in tables.keys:
        key = {**row, **_shared_budget(row, budgets)}
        owner = teams.get(row["team_id"]) if row.get("team_id") else users.get(row.get("user_id"))
        _add_key(found, _named(row), key, owner, now)
    found.left += [
        OddRow(f"user {id}", "has no key of its own: keys of a team are the team's")
        for id in users
        if f"user:{id}" not in paying
    ]
    return found


def _account_of(row: Mapping[str, Any]) -> str:
    if row.get("team_id"):
        return f"team:{row['team_id']}"
    return f"user:{row['user_id']}" if row.get("user_id") else _OTHERS


def _named(row: Mapping[str, Any]) -> str:
    """A key for messages: by the first digits of its digest, for its token may be its text."""
    token = str(row["token"])
    digest = token if _DIGEST.fullmatch(token) else hash_key(token)
    return f"key {digest[:8]} ({row.get('key_alias') or row.get('key_name') or 'without a name'})"


def _shared_budget(row: Mapping[str, Any], budgets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shared = budgets.get(row.get("budget_id") or "")
    if shared is None:
        return {}
    names = ("max_budget_text", "budget_duration", *_LIMITS)
    return {name: shared[name] for name in names if row.get(name) is None and shared.get(name) is not None}


def _add_account(found: FoundElsewhere, source: str, name: str, row: Mapping[str, Any]) -> None:
    try:
        budget = _budget_of(row)
        limits = _limits_of(row)
        credit = 0
        if budget is not None and budget.period in ("day", "month"):
            limits[f"spend_per_{budget.period}"] = budget.amount_nano
        elif budget is not None and budget.period:
            raise ValueError("an account has no limit for a week: give it one for a day or a month there")
        elif budget is not None:
            credit = budget.amount_nano
    except ValueError as error:
        found.bad.append(OddRow(source, str(error)))
        return
    found.accounts.append(ForeignAccount(source, name, credit, bool(row.get("blocked")), limits))


def _add_key(
    found: FoundElsewhere, source: str, row: Mapping[str, Any], owner: Mapping[str, Any] | None, now: float
) -> None:
    expires = row["expires"]
    if row.get("team_id") == _OF_PAGES:
        found.left.append(OddRow(source, "is a log-in to LiteLLM's own pages"))
    elif expires is not None and expires <= now:
        found.left.append(OddRow(source, "has expired"))
    else:
        try:
            ends_at = None if expires is None else end_of("expires", expires)
            found.keys.append(_key(source, row, owner, ends_at))
        except ValueError as error:
            found.bad.append(OddRow(source, str(error)))


def _key(source: str, row: Mapping[str, Any], owner: Mapping[str, Any] | None, expires_at: float | None) -> ForeignKey:
    token, shown = str(row["token"]), str(row.get("key_name") or "")
    if token.startswith("sk-"):  # versions of long ago
        token, shown = hash_key(token), token
    if not _DIGEST.fullmatch(token):
        raise ValueError("its token is no SHA-256 in hexadecimal: clients' keys would not be found by it")
    scope, note = scope_of(row, owner)
    return ForeignKey(
        source,
        _account_of(row),
        row.get("key_alias") or shown or "key",
        token,
        shown[-4:] if shown else "",
        expires_at,
        scope,
        _budget_of(row),
        bool(row.get("blocked")),
        _limits_of(row),
        note,
    )


def _budget_of(row: Mapping[str, Any]) -> Budget | None:
    """What is left of a budget, or, where it begins anew each period, all of it."""
    if row.get("max_budget_text") is None:
        return None
    most = nano_of(row["max_budget_text"])
    duration = str(row.get("budget_duration") or "")
    if duration and duration not in _PERIODS:
        raise ValueError(f"its budget begins anew each {duration}: here it can be each day, week or month")
    if duration:
        return Budget(max(0, most), _PERIODS[duration])
    return Budget(max(0, most - nano_of(row.get("spend_text") or "0")))


def _limits_of(row: Mapping[str, Any]) -> dict[str, int]:
    limits = {}
    for name, ours in _LIMITS.items():
        value = row.get(name)
        if value is not None and value < 0:
            raise ValueError(f"{name} is below zero")
        if value is not None:
            limits[ours] = int(value)
    return limits
