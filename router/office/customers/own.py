"""What an account's own scripts and pages see and change. Everything is found by the account as well, so that what is
somebody else's is what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from router.charging.budget import budget_spent
from router.charging.key_views import used_by_keys
from router.charging.limit_rules import limit_rules
from router.errors import BadRequest, NotFound
from router.office.customers.standing import read_limits_of_keys
from router.office.keys import list_keys
from router.office.office import Office
from router.office.usage import NamedCall, UsageSum, list_calls, sum_hours
from router.store.keys import KeyRow, get_key
from router.store.lookup import find_own_key
from router.types.keys import KEY_KINDS, Limits

__all__ = [
    "DAYS_MAX",
    "DAY_S",
    "KeyStanding",
    "key_standing",
    "list_own_activity",
    "list_own_calls",
    "list_own_keys",
    "own_key",
    "own_key_id",
]

DAY_S = 86_400
DAYS_MAX = 366
"""How many days sums are asked for at once."""


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A key, and what is gone of what it may spend.

    Attributes:
        used_nano: as ``router.charging.key_views.used_by_keys`` has it.
        remaining_nano: what is left of its budget in the present period; None where it has none.
        asked: the limits that its account asks of it.
        in_force: those that hold for it, whoever set them.
    """

    row: KeyRow
    used_nano: dict[str, int] = field(default_factory=dict)
    remaining_nano: int | None = None
    asked: Limits = field(default_factory=Limits)
    in_force: Limits = field(default_factory=Limits)


def list_own_keys(
    office: Office, account: str, *, offset: int = 0, limit: int = 100, disabled: bool = False
) -> list[KeyStanding]:
    """The account's keys for calls that are not revoked, oldest first, each with what it used.

    Args:
        disabled: whether those that are disabled are among them.
    """
    statuses = ("active", "disabled") if disabled else ("active",)
    rows = list_keys(office, account, kinds=("model",), statuses=statuses, offset=offset, limit=limit)
    return _standings(office, account, rows)


def own_key(office: Office, account: str, hash: str) -> KeyRow:
    """A key of the account that its scripts manage: one for calls that is not revoked, by its hash or ID.

    Raises:
        NotFound: there is none, or it is somebody else's, which is the same.
    """
    key_id = find_own_key(office.database, account, hash, managed=True)
    if key_id is None:
        raise _no_key()
    return get_key(office.database, key_id)


def own_key_id(office: Office, account: str, hash: str) -> str:
    """The ID of any key of the account that lists show, by its hash or ID: what calls are looked for by.

    Raises:
        NotFound: as ``own_key``.
    """
    key_id = find_own_key(office.database, account, hash)
    if key_id is None:
        raise _no_key()
    return key_id


def key_standing(office: Office, row: KeyRow) -> KeyStanding:
    """One key with what it used."""
    return _standings(office, row.account_id, [row])[0]


def list_own_activity(
    office: Office,
    account: str,
    first: date,
    last: date,
    *,
    by: Sequence[str],
    key: str | None = None,
    member: str | None = None,
) -> list[UsageSum]:
    """What the account's calls of some days (UTC) came to, by ``day`` or ``hour`` and whatever else ``by`` names.

    Args:
        first, last: both count.
        by: names of ``GROUPINGS``, or ``member``: whoever made the keys, by their ID; empty for no person.
        key: only this key's, an ID, with those that it took the place of, or that took its.
        member: only those of the keys that this person made, an ID.

    Raises:
        BadRequest: the last day is before the first, or they are too far apart.
    """
    if not 0 <= (last - first).days < DAYS_MAX:
        raise BadRequest(
            f"From {first} to {last} are no 1 to {DAYS_MAX} days: give a last day that is not before the first, and "
            "ask for longer times in parts.",
            code="invalid_value",
            param="to",
        )
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    rows = list_keys(office, account, kinds=KEY_KINDS) if key or member or "member" in by else []
    keys = [row.id for row in rows if member in (None, row.made_by)] if key or member else None
    if key is not None and keys is not None:
        keys = [id for id in _line_of(rows, key) if id in set(keys)]
    kept = [name for name in by if name != "member"]
    summed = list(dict.fromkeys([*kept, "key"])) if "member" in by else kept
    sums = sum_hours(office, by=summed, account=account, keys=keys, since=since, until=until)
    return _by_member(sums, by, {row.id: row.made_by for row in rows}) if "member" in by else sums


def list_own_calls(office: Office, account: str, **filters: Any) -> list[NamedCall]:
    """The account's calls, newest first; ``filters`` are those of ``router.office.usage.list_calls``.

    Raises:
        NotFound: there is no row ``before`` in this account.
    """
    return list_calls(office, account=account, **filters)


def _standings(office: Office, account: str, rows: Sequence[KeyRow]) -> list[KeyStanding]:
    now, timezone = office.clock(), limit_rules(office.settings).timezone
    used = used_by_keys(office.database, sorted({row.counted_as for row in rows}), now, timezone)
    found = []
    for row, limits in zip(rows, read_limits_of_keys(office, account, rows), strict=True):
        remaining = None
        if row.budget is not None:
            spent = budget_spent(office.database, row.counted_as, row.budget, at=now, timezone=timezone)
            remaining = max(0, row.budget.amount_nano - spent.used_nano - spent.held_nano)
        found.append(KeyStanding(row, used[row.counted_as], remaining, limits.asked, Limits(**limits.values)))
    return found


def _line_of(rows: Sequence[KeyRow], key: str) -> list[str]:
    lines = {row.id: row.counted_as for row in rows}
    return [name for name, counted_as in lines.items() if counted_as == lines.get(key)]


def _by_member(sums: Sequence[UsageSum], by: Sequence[str], makers: Mapping[str, str]) -> list[UsageSum]:
    """Sums by key, as sums by whoever made the keys; in the order of their groups."""
    found: dict[tuple[Any, ...], UsageSum] = {}
    for one in sums:
        group = {name: makers.get(one.group["key"], "") if name == "member" else one.group[name] for name in by}
        place = tuple(group.values())
        found[place] = _added(found[place], one) if place in found else replace(one, group=group)
    return [found[place] for place in sorted(found)]


def _added(one: UsageSum, other: UsageSum) -> UsageSum:
    counts = (name.name for name in fields(UsageSum) if name.name != "group")
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in counts})


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _no_key() -> NotFound:
    return NotFound("There is no such key in this account.", code="key_not_found", param="hash")
