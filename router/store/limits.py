"""The limits that operators set: of one key, one account, or a tier's; and what an account asks of its own keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from typing import NamedTuple

from router.db.access_version import bump_access
from router.db.connection import Connection
from router.db.counting import recount_account, recount_all, recount_key
from router.db.ids import check_name
from router.db.transaction import Runner
from router.errors import BadRequest, Conflict, NotFound
from router.types.keys import AMOUNT_MAX, Limits

__all__ = [
    "AMOUNT_MAX",
    "SUBJECTS",
    "StoredLimits",
    "Subject",
    "clear_limits",
    "list_limits",
    "read_limits",
    "set_limits",
]

SUBJECTS = ("key", "account", "tier", "tier-account", "key-owner")
_NAMES = tuple(field.name for field in fields(Limits))
_UPSERT = (
    "INSERT INTO limits (subject, limits) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET limits = excluded.limits"
)


class Subject(NamedTuple):
    """Whose limits.

    Attributes:
        kind: ``key``; ``account`` (its keys together); ``tier`` (each key of its accounts); ``tier-account`` (the keys
            of each of its accounts together); ``key-owner`` (of a key, by whoever it belongs to: these only lower what
            the others give).
        name: the ID that the key is counted as, the account's ID, or the tier's name.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class StoredLimits(NamedTuple):
    """The database's limits that bear on one key."""

    key: Limits = Limits()
    tier: Limits = Limits()
    account: Limits = Limits()
    tier_account: Limits = Limits()
    key_owner: Limits = Limits()


def read_limits(text: str | None) -> Limits:
    """Limits from a row's JSON; none where there is no row."""
    stored = json.loads(text) if text else {}
    return Limits(**{name: stored[name] for name in _NAMES if name in stored})


def list_limits(database: Runner) -> dict[Subject, Limits]:
    """All limits, by subject."""
    rows = database.read(lambda connection: connection.tuples("SELECT subject, limits FROM limits ORDER BY subject"))
    return {Subject(*subject.split(":", 1)): read_limits(limits) for subject, limits in rows}


def set_limits(
    database: Runner, subject: Subject, changes: Mapping[str, int | None], *, defined: Collection[str] = ()
) -> Limits:
    """Set some limits of a subject and leave its others; None takes one away. All its limits afterwards.

    Args:
        defined: the tiers that the configuration has.

    Raises:
        Conflict: a tier with members would be no more.
        NotFound: there is no such key or account.
        BadRequest: a limit that there is not, a value below 0 or above ``AMOUNT_MAX``, or a bad name of a tier.
    """
    for name, value in changes.items():
        _check(name, value)
    if subject.kind.startswith("tier"):
        subject = subject._replace(name=check_name(subject.name, "a tier's name"))

    def write(connection: Connection) -> Limits:
        if connection.engine == "postgresql":  # or two that set different limits at once would lose one of them
            connection.execute("LOCK TABLE limits IN SHARE ROW EXCLUSIVE MODE")
        _require(connection, subject)
        limits = replace(_stored(connection, subject), **changes)
        kept = {name: value for name, value in asdict(limits).items() if value is not None}
        if kept:
            connection.execute(_UPSERT, (str(subject), json.dumps(kept)))
        else:
            connection.execute("DELETE FROM limits WHERE subject = ?", (str(subject),))
            _keep_members(connection, subject, defined)
        _changed(connection, subject)
        return limits

    return database.write(write)


def clear_limits(database: Runner, subject: Subject, *, defined: Collection[str] = ()) -> None:
    """Take all limits of a subject away.

    Args:
        defined: the tiers that the configuration has.

    Raises:
        NotFound: it has none.
        Conflict: a tier with members would be no more.
    """

    def clear(connection: Connection) -> None:
        if not connection.execute("DELETE FROM limits WHERE subject = ?", (str(subject),)):
            raise NotFound(
                f"The database has no limits of {subject.kind} {subject.name[:100]!r}. `router limits list` shows all.",
                code="limits_not_found",
            )
        _keep_members(connection, subject, defined)
        _changed(connection, subject)

    database.write(clear)


def _changed(connection: Connection, subject: Subject) -> None:
    """The next call sees it, and what was spent so far in its period."""
    bump_access(connection)
    if subject.kind in ("key", "key-owner"):
        recount_key(connection, subject.name)
    elif subject.kind == "account":
        recount_account(connection, subject.name)
    else:
        recount_all(connection)


def _check(name: str, value: int | None) -> None:
    if name not in _NAMES:
        raise BadRequest(f"There is no limit {name[:40]!r}: the limits are {', '.join(_NAMES)}.")
    if value is not None and (type(value) is not int or not 0 <= value <= AMOUNT_MAX):
        raise BadRequest(f"The limit {name} must be a whole number from 0 to {AMOUNT_MAX}, not {value!r}.")


def _require(connection: Connection, subject: Subject) -> None:
    """Refuse limits of what is not there."""
    if subject.kind not in SUBJECTS:
        raise BadRequest(f"Limits belong to one of {', '.join(SUBJECTS)}, not to {subject.kind[:40]!r}.")
    table = {"key": "api_keys", "key-owner": "api_keys", "account": "accounts"}.get(subject.kind)
    if table and connection.row(f"SELECT 1 FROM {table} WHERE id = ?", (subject.name,)) is None:  # noqa: S608
        what = subject.kind.removesuffix("-owner")
        raise NotFound(
            f"There is no {what} {subject.name[:40]!r}. `router {what}s list` shows all.", code=f"{what}_not_found"
        )


def _keep_members(connection: Connection, subject: Subject, defined: Collection[str]) -> None:
    """Refuse to end a tier that accounts are in: without a word they would have the limits of everybody."""
    if not subject.kind.startswith("tier") or subject.name in defined:
        return
    left = [str(Subject(kind, subject.name)) for kind in ("tier", "tier-account")]
    if connection.row("SELECT 1 AS one FROM limits WHERE subject IN (?, ?)", left) is not None:
        return
    members = connection.tuples("SELECT id FROM accounts WHERE tier = ? ORDER BY id", (subject.name,))
    if members:
        raise Conflict(
            f"{len(members)} account(s) are in the tier {subject.name!r}, {members[0][0]} among them: without limits "
            "there would be no such tier. Put them into another (`router accounts tier ID NAME`), or none, before.",
            code="tier_in_use",
        )


def _stored(connection: Connection, subject: Subject) -> Limits:
    row = connection.row("SELECT limits FROM limits WHERE subject = ?", (str(subject),))
    return read_limits(row["limits"] if row else None)
