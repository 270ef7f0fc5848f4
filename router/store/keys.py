"""API keys. A key's text is shown once, when it is made; only its SHA-256 and its last four characters are kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypedDict

from router.db.access_version import bump_access, end_calls
from router.db.connection import Connection
from router.db.counting import recount_key
from router.db.ids import check_name, checked_text, has_checksum, new_id
from router.db.transaction import Runner
from router.errors import BadRequest, NotFound
from router.i18n.worded import worded
from router.money.amounts import format_nano
from router.store.accounts import OPERATORS, keep_operators
from router.types.keys import AMOUNT_MAX, KEY_KINDS, Budget
from router.types.periods import PERIODS

__all__ = [
    "LISTED",
    "KeyChanges",
    "KeyRow",
    "change_key",
    "create_key",
    "disable_key",
    "enable_key",
    "get_key",
    "hash_key",
    "list_keys",
    "revoke_key",
    "rotate_key",
]

LISTED = tuple(kind for kind in KEY_KINDS if kind != "hidden")
"""The kinds of keys that lists show."""

_LENGTH = 43  # 256 bits of letters and digits


@dataclass(frozen=True, slots=True)
class KeyRow:
    """All that is kept of a key.

    Attributes:
        id: ``key_...``.
        account_id: whose it is; ``router.store.accounts.OPERATORS`` of an operator's.
        name: the operator's label.
        hash: SHA-256 of the key's text, hexadecimal.
        hint: the last four characters.
        status: ``active``, ``disabled`` or ``revoked`` (for good).
        created_at: Unix seconds.
        expires_at: Unix seconds; None never.
        replaced_by: the ID of the key that ``rotate_key`` made in its place.
        scope: model IDs that it may use; empty for all.
        budget_nano: the most that it may spend; None for what the account has.
        budget_period: of the budget: empty for ever, ``day``, ``week`` or ``month``.
        idempotent: whether it may send ``Idempotency-Key``.
        origin: the ID of the first key, where this one took another's place by rotation; else empty.
        checked: whether its text ends with a checksum, as that of every new key does.
        kind: what it is for, one of ``KEY_KINDS``.
        made_by: the ID of the person who made it; empty for an operator, a key, or the gateway.
    """

    id: str
    account_id: str
    name: str
    hash: str
    hint: str
    status: str
    created_at: float
    expires_at: float | None = None
    replaced_by: str | None = None
    scope: tuple[str, ...] = ()
    budget_nano: int | None = None
    budget_period: str = ""
    idempotent: bool = False
    origin: str = ""
    checked: bool = False
    kind: str = "model"
    made_by: str = ""

    @property
    def budget(self) -> Budget | None:
        """The budget; None where there is none."""
        return None if self.budget_nano is None else Budget(self.budget_nano, self.budget_period)

    @property
    def counted_as(self) -> str:
        """The ID under which budget and limits are counted."""
        return self.origin or self.id


class KeyChanges(TypedDict, total=False):
    """What ``change_key`` changes: the fields that are given.

    Attributes:
        name: the operator's label.
        scope: model IDs, or ``provider/*``; empty for all.
        expires_at: Unix seconds; None never.
        budget: None takes it away.
        idempotent: whether the key may send ``Idempotency-Key``.
        status: ``active`` or ``disabled``.
    """

    name: str
    scope: Sequence[str]
    expires_at: float | None
    budget: Budget | None
    idempotent: bool
    status: str


_NAMES = tuple(field.name for field in fields(KeyRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text


_CHANGEABLE = ("name", "status", "expires_at", "replaced_by", "scope", "budget_nano", "budget_period", "idempotent")
_UPDATE = f"UPDATE api_keys SET {', '.join(f'{name} = ?' for name in _CHANGEABLE)} WHERE id = ?"  # noqa: S608


def hash_key(text: str) -> str:
    """SHA-256 of a key's text, hexadecimal. Keys are random, so a slow hash would protect nothing more."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def create_key(
    database: Runner,
    account_id: str,
    name: str,
    *,
    prefix: str = "sk-",
    length: int = _LENGTH,
    expires_at: float | None = None,
    scope: Sequence[str] = (),
    budget: Budget | None = None,
    idempotent: bool = False,
    kind: str = "model",
    made_by: str = "",
    origin: str = "",
    seed: bytes = b"",
) -> tuple[KeyRow, str]:
    """Make a key: its row, and its text, which cannot be had again.

    Args:
        prefix: what the text begins with (``[gateway] key_prefix``).
        length: random letters and digits behind it.
        expires_at: Unix seconds; None never.
        scope: model IDs, or ``provider/*``, that it may use; empty for all.
        budget: the most that it may spend; None for what the account has.
        idempotent: whether it may send ``Idempotency-Key``.
        kind, made_by, origin: as ``KeyRow`` has them.
        seed: what its text is made of, as ``router.db.ids.checked_text`` takes it; empty for chance.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is empty, too long or holds control characters, the expiry is past, or the budget is none.
    """
    changes: KeyChanges = {"scope": scope, "expires_at": expires_at, "budget": budget, "idempotent": idempotent}
    told: dict[str, Any] = {"kind": kind, "made_by": made_by, "origin": origin}
    blank = KeyRow("", account_id, check_name(name, "a key's name"), "", "", "active", 0.0, **told)
    row, text = _new_key(blank, prefix, length, seed)
    row = _changed(row, changes)

    def insert(connection: Connection) -> KeyRow:
        if kind == "operator":
            keep_operators(connection)
        ours = account_id == OPERATORS
        known = connection.row("SELECT 1 AS one FROM accounts WHERE id = ?", (account_id,)) is not None
        if not known or ours is not (kind == "operator"):
            raise NotFound(
                f"There is no account {account_id[:40]!r}. `router accounts list` shows all.", code="account_not_found"
            )
        _insert(connection, row)
        return row

    return database.write(insert), text


def get_key(database: Runner, key_id: str) -> KeyRow:
    """Raises:
    NotFound: there is no such key.
    """
    return database.read(lambda connection: _get(connection, key_id))


def list_keys(
    database: Runner,
    account_id: str | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
    kinds: Collection[str] = LISTED,
    statuses: Collection[str] = (),
    offset: int = 0,
) -> list[KeyRow]:
    """All keys, or one account's, oldest first.

    Args:
        after: only those behind the one with this ID.
        limit: how many at most; None for all.
        kinds: only of these.
        statuses: only of these; empty for all.
        offset: how many are left out before.

    Raises:
        NotFound: there is no key ``after``.
    """
    filters = {
        "account_id = ?": account_id,
        "(created_at, id) > (SELECT created_at, id FROM api_keys WHERE id = ?)": after,
    }
    given = {condition: value for condition, value in filters.items() if value is not None}
    among = {"kind": kinds, "status": statuses}
    one_of = [f"{name} IN ({', '.join('?' * len(values))})" for name, values in among.items() if values]
    where = " AND ".join([*one_of, *given])
    page = f"LIMIT ? OFFSET {offset:d}" if limit is not None else ""
    sql = f"SELECT {_COLUMNS} FROM api_keys WHERE {where} ORDER BY created_at, id {page}"  # noqa: S608 - constant texts
    params: list[Any] = [*kinds, *statuses, *given.values(), *([] if limit is None else [limit])]
    if after is not None:
        get_key(database, after)
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, params))]


def change_key(database: Runner, key_id: str, changes: KeyChanges) -> KeyRow:
    """Change what a key may do; the next call meets it.

    Raises:
        NotFound: there is no such key.
        BadRequest: it is revoked, the expiry is past, or the budget is none.
    """
    return _change(database, key_id, lambda row: _changed(row, changes), recount="budget" in changes)


def disable_key(database: Runner, key_id: str, *, now: bool = False) -> KeyRow:
    """Refuse the key until it is enabled again.

    Args:
        now: whether its calls that are under way end, too.

    Raises:
        NotFound: there is no such key.
        BadRequest: it is revoked.
    """
    return _change(database, key_id, lambda row: replace(row, status="disabled"), ended=now)


def enable_key(database: Runner, key_id: str) -> KeyRow:
    """Undo ``disable_key``. Raises as that does."""
    return _change(database, key_id, lambda row: replace(row, status="active"))


def revoke_key(database: Runner, key_id: str, *, now: bool = False) -> KeyRow:
    """Refuse the key for good. Harmless when it is revoked already.

    Args:
        now: whether its calls that are under way end, too.

    Raises:
        NotFound: there is no such key.
    """

    def revoke(connection: Connection) -> KeyRow:
        row = replace(_get(connection, key_id, lock=True), status="revoked")
        _update(connection, row)
        if now:
            end_calls(connection, row.id, row.status)
        return row

    return database.write(revoke)


def rotate_key(
    database: Runner, key_id: str, *, grace_s: float, prefix: str = "sk-", length: int = _LENGTH
) -> tuple[KeyRow, str]:
    """Make a new key in place of an old one, which goes on working for ``grace_s`` seconds (0: it is revoked at once).

    The new key has the old one's account, name, expiry, scope, budget and limits; both are counted as one key.

    Raises:
        NotFound: there is no such key.
        BadRequest: the old key is not active, has expired or has been rotated already, or ``grace_s`` is negative.
    """
    if not grace_s >= 0:
        raise BadRequest("The grace period must be 0 seconds or more.")

    def rotate(connection: Connection) -> tuple[KeyRow, str]:
        old = _get(connection, key_id, lock=True)
        now = time.time()
        if old.status != "active" or old.replaced_by or (old.expires_at is not None and old.expires_at <= now):
            gone = worded("Key %(key)s is not active, or was rotated already: create a new key instead.", key=old.id)
            raise BadRequest(gone)
        row, text = _new_key(replace(old, origin=old.counted_as), prefix, length)
        _insert(connection, row)
        ends_at = min(now + grace_s, old.expires_at if old.expires_at is not None else now + grace_s)
        status = "active" if grace_s else "revoked"
        _update(connection, replace(old, status=status, expires_at=ends_at, replaced_by=row.id))
        return row, text

    return database.write(rotate)


def _new_key(like: KeyRow, prefix: str, length: int, seed: bytes = b"") -> tuple[KeyRow, str]:
    """A key of its own text and ID, in all else like another."""
    text = checked_text(prefix, length, seed)
    row = replace(
        like, id=new_id("key"), hash=hash_key(text), hint=text[-4:], created_at=time.time(), checked=has_checksum(text)
    )
    return row, text


def _changed(row: KeyRow, changes: KeyChanges) -> KeyRow:
    if "name" in changes:
        row = replace(row, name=check_name(changes["name"], "a key's name"))
    if "scope" in changes:
        row = replace(row, scope=_scope_of(changes["scope"]))
    if "expires_at" in changes:
        expires_at = changes["expires_at"]
        if expires_at is not None and not expires_at > time.time():
            raise BadRequest("A key's expiry must lie in the future.")
        row = replace(row, expires_at=expires_at)
    if "budget" in changes:
        row = _with_budget(row, changes["budget"])
    status = changes.get("status", row.status)
    return replace(row, idempotent=changes.get("idempotent", row.idempotent), status=status)


def _scope_of(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, in the order given."""
    return tuple(dict.fromkeys(check_name(model_id, "a model ID") for model_id in names))


def _with_budget(row: KeyRow, budget: Budget | None) -> KeyRow:
    if budget is None:
        return replace(row, budget_nano=None, budget_period="")
    if type(budget.amount_nano) is not int or not 0 <= budget.amount_nano <= AMOUNT_MAX:
        raise BadRequest(worded("A key's budget must be from 0 to %(most)s.", most=format_nano(AMOUNT_MAX)))
    if budget.period not in ("", *PERIODS):
        raise BadRequest(f"The period of a budget is one of {', '.join(PERIODS)}, or none.")
    return replace(row, budget_nano=budget.amount_nano, budget_period=budget.period)


def _insert(connection: Connection, row: KeyRow) -> None:
    connection.execute(_INSERT, tuple(_columns(row).values()))


def _columns(row: KeyRow) -> dict[str, Any]:
    return asdict(row) | {"scope": json.dumps(row.scope)}


def _row(columns: dict[str, Any]) -> KeyRow:
    read = {"scope": tuple(json.loads(columns["scope"])), "idempotent": bool(columns["idempotent"])}
    read["checked"] = bool(columns["checked"])
    return KeyRow(**(columns | read))


def _get(connection: Connection, key_id: str, *, lock: bool = False) -> KeyRow:
    sql = f"SELECT {_COLUMNS} FROM api_keys WHERE id = ?"  # noqa: S608 - constant text
    if lock and connection.engine == "postgresql":
        sql += " FOR UPDATE"
    row: dict[str, Any] | None = connection.row(sql, (key_id,))
    if row is None:
        shown = key_id[:40] if key_id.startswith("key_") else "of that kind"  # what was given may be a key's text
        raise NotFound(
            f"There is no key {shown}: give its ID (key_...), as `router keys list` shows it.", code="key_not_found"
        )
    return _row(row)


def _change(
    database: Runner,
    key_id: str,
    change: Callable[[KeyRow], KeyRow],
    *,
    recount: bool = False,
    ended: bool = False,
) -> KeyRow:
    def write(connection: Connection) -> KeyRow:
        row = _get(connection, key_id, lock=True)
        if row.status == "revoked":
            raise BadRequest(worded("Key %(key)s is revoked, which is for good: create a new key instead.", key=row.id))
        row = change(row)
        _update(connection, row)
        if recount:
            recount_key(connection, key_id)
        if ended:
            end_calls(connection, row.id, row.status)
        return row

    return database.write(write)


def _update(connection: Connection, row: KeyRow) -> None:
    connection.execute(_UPDATE, (*(_columns(row)[name] for name in _CHANGEABLE), row.id))
    bump_access(connection)
