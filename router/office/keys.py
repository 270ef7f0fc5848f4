"""API keys. A key's text is given once, by the function that makes it; the audit log never has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

from router.charging.budget import Spent, budget_spent
from router.charging.limit_rules import limit_rules
from router.db.transaction import Runner, Transaction
from router.errors import BadRequest, Conflict
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.limits import limits_warning, shown_limit
from router.office.office import Office
from router.store import keys as table
from router.store.accounts import OPERATORS, get_account
from router.store.keys import LISTED, KeyChanges, KeyRow
from router.store.limits import Subject, list_limits, set_limits
from router.store.lookup import find_key
from router.store.people.proofs import use_form
from router.types.keys import Budget, Limits
from router.types.periods import iso_time
from router.types.records import Key

__all__ = [
    "OPERATORS",
    "KeyEdits",
    "KeyRow",
    "MadeKey",
    "change_key",
    "create_key",
    "disable_key",
    "enable_key",
    "get_key",
    "key_in_force",
    "list_keys",
    "revoke_key",
    "rotate_key",
    "spent_of",
    "status_of",
]


_CALLING = ("model", "hidden")
_OF_CALLS = ("scope", "budget", "budget_nano", "budget_period", "idempotent", "limits")
"""What a key that calls no model has no use for."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key.

    Attributes:
        text: what clients show; kept nowhere.
        replaced: the key that it takes the place of; None for none.
        warnings: what is to be said beside.
    """

    row: KeyRow
    text: str
    replaced: KeyRow | None = None
    warnings: Sequence[str] = ()


class KeyEdits(TypedDict, total=False):
    """What ``change_key`` changes: the fields that are given.

    Attributes:
        name: the key's label.
        scope: model IDs, or ``provider/*``; empty for all.
        expires_at: Unix seconds; None never.
        budget_nano: the most that it may spend; None takes the budget away.
        budget_period: ``day``, ``week``, ``month``; None for ever.
        idempotent: whether the key may send ``Idempotency-Key``.
        disabled: whether it is refused.
        limits: what its account asks of it, a limit's name -> the most, None for none; see ``create_key``.
    """

    name: str
    scope: Sequence[str]
    expires_at: float | None
    budget_nano: int | None
    budget_period: str | None
    idempotent: bool
    disabled: bool
    limits: Mapping[str, int | None]


def create_key(
    office: Office,
    actor: Actor,
    account_id: str,
    name: str,
    *,
    scope: Sequence[str] = (),
    expires_at: float | None = None,
    budget: Budget | None = None,
    idempotent: bool = False,
    kind: str = "model",
    limits: Mapping[str, int | None] | None = None,
    once: str = "",
) -> MadeKey:
    """Make a key of an account.

    Args:
        account_id: of an operator's key ``OPERATORS``, which stands for none.
        scope: model IDs, or ``provider/*``, that it may use; empty for all.
        expires_at: Unix seconds; None never.
        kind: one of ``router.types.keys.KEY_KINDS``.
        limits: what its account asks of it, a field of ``Limits`` -> the most: it lowers what operators give the key,
            and never raises it.
        once: of a form, what it is known by when it is sent again.

    Raises:
        NotFound: there is no such account, or nothing that the scope names; names the nearest.
        Conflict: the form was sent before (``form_sent_before``).
        BadRequest: a bad name, an expiry that is past, a budget or limit that is none, terms of calls for a key
            without.
    """
    prefix, length = office.key_prefix, office.key_length
    shelf = office.shelf if scope else None
    terms: dict[str, Any] = {"expires_at": expires_at, "scope": scope, "budget": budget, "idempotent": idempotent}
    if kind not in _CALLING:
        _refuse_terms(f"A {kind} key", [name for name in _OF_CALLS if (terms | {"limits": limits}).get(name)])
    made_by = actor.name if actor.kind == "person" else ""

    def create(transaction: Transaction) -> Change[MadeKey]:
        if not use_form(transaction.connection, actor.name, once, office.clock()):
            raise Conflict("This form was sent before, and the key was made then.", code="form_sent_before")
        warnings = shelf.within(transaction).check_scope(scope) if shelf is not None else []
        row, text = table.create_key(
            transaction, account_id, name, prefix=prefix, length=length, kind=kind, made_by=made_by, **terms
        )
        account = None if kind == "operator" else account_id
        asked = _ask_limits(transaction, row, limits or {})
        warnings += _unenforced(office, limits or {})
        detail = {"account": account, "name": row.name, "kind": "" if kind == "model" else kind, **_told(row), **asked}
        return Change(MadeKey(row, text, warnings=warnings), row.id, detail)

    return write(office, actor, "keys create", create)


def list_keys(
    office: Office,
    account_id: str | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
    kinds: Collection[str] = LISTED,
    statuses: Collection[str] = (),
    offset: int = 0,
) -> list[KeyRow]:
    """Keys, oldest first.

    Args:
        account_id: only this account's.
        after: the ID of the last one of the page before; None for the first page.
        limit: how many at most; None for all.
        kinds, statuses, offset: as in ``router.store.keys.list_keys``.

    Raises:
        NotFound: there is no such account, or no key ``after``.
    """
    if account_id is not None:
        get_account(office.database, account_id)
    return table.list_keys(
        office.database, account_id, after=after, limit=limit, kinds=kinds, statuses=statuses, offset=offset
    )


def get_key(office: Office, key_id: str) -> KeyRow:
    """Raises:
    NotFound: there is no such key.
    """
    return table.get_key(office.database, key_id)


def key_in_force(office: Office, key_id: str) -> Key:
    """A key as calls meet it: one whose account is suspended is disabled.

    Raises:
        NotFound: there is no such key.
    """
    row = table.get_key(office.database, key_id)
    found = find_key(office.database, row.hash)
    return found.key if found else Key(row.id, row.account_id, row.name, "revoked")  # deleted meanwhile


def status_of(row: KeyRow) -> str:
    """The status that a call would meet: an active key whose time is over is ``expired``."""
    over = row.expires_at is not None and row.expires_at <= time.time()
    return "expired" if over and row.status == "active" else row.status


def spent_of(office: Office, row: KeyRow) -> Spent | None:
    """What is gone of a key's budget in the present period; None where it has none."""
    if row.budget is None:
        return None
    timezone = limit_rules(office.settings).timezone
    return budget_spent(office.database, row.counted_as, row.budget, at=time.time(), timezone=timezone)


def change_key(office: Office, actor: Actor, key_id: str, edits: KeyEdits) -> MadeKey:
    """Change what a key may do, from the next call on; the key, without a text.

    Raises:
        NotFound: there is no such key, or nothing that the scope names; names the nearest.
        BadRequest: it is revoked, an expiry that is past, a budget that is none, a period without a budget, a bad name,
            or terms of calls for a key that makes none.
    """
    shelf = office.shelf if edits.get("scope") else None

    def change(transaction: Transaction) -> Change[MadeKey]:
        warnings = shelf.within(transaction).check_scope(edits["scope"]) if shelf is not None else []
        row = table.change_key(transaction, key_id, _changes(transaction, key_id, edits))
        asked = _ask_limits(transaction, row, edits.get("limits", {}))
        warnings += _unenforced(office, edits.get("limits", {}))
        return Change(MadeKey(row, "", warnings=warnings), key_id, {**_edited(row, edits), **asked})

    return write(office, actor, "keys rename" if set(edits) == {"name"} else "keys limit", change)


def disable_key(office: Office, actor: Actor, key_id: str, *, now: bool = False) -> KeyRow:
    """Refuse a key until it is enabled again.

    Args:
        now: whether its calls that are under way end, too.

    Raises:
        NotFound: there is no such key.
        BadRequest: it is revoked.
    """
    return _switch(office, actor, "keys disable", key_id, partial(table.disable_key, now=now), now=now)


def enable_key(office: Office, actor: Actor, key_id: str) -> KeyRow:
    """Accept a disabled key again. Raises as ``disable_key``."""
    return _switch(office, actor, "keys enable", key_id, table.enable_key)


def revoke_key(office: Office, actor: Actor, key_id: str, *, now: bool = False) -> KeyRow:
    """Refuse a key for good. Harmless when it is revoked already.

    Args:
        now: whether its calls that are under way end, too.

    Raises:
        NotFound: there is no such key.
    """
    return _switch(office, actor, "keys revoke", key_id, partial(table.revoke_key, now=now), now=now)


def rotate_key(office: Office, actor: Actor, key_id: str, *, grace_s: float) -> MadeKey:
    """Make a new key in place of an old one, which goes on working for ``grace_s`` seconds.

    Raises:
        NotFound: there is no such key.
        BadRequest: it is not active, has expired or was rotated already, or ``grace_s`` is negative.
    """
    prefix, length = office.key_prefix, office.key_length

    def rotate(transaction: Transaction) -> Change[MadeKey]:
        row, text = table.rotate_key(transaction, key_id, grace_s=grace_s, prefix=prefix, length=length)
        made = MadeKey(row, text, replaced=table.get_key(transaction, key_id))
        return Change(made, key_id, {"grace_s": grace_s, "made": row.id})

    return write(office, actor, "keys rotate", rotate)


def _switch(
    office: Office,
    actor: Actor,
    action: str,
    key_id: str,
    change: Callable[[Runner, str], KeyRow],
    *,
    now: bool = False,
) -> KeyRow:
    return write(office, actor, action, lambda transaction: Change(change(transaction, key_id), key_id, {"now": now}))


def _changes(transaction: Runner, key_id: str, edits: KeyEdits) -> KeyChanges:
    changes = KeyChanges()
    row = table.get_key(transaction, key_id)
    if row.kind not in _CALLING:
        _refuse_terms(f"Key {row.id} is a {row.kind} key, which", [name for name in _OF_CALLS if edits.get(name)])
    if "name" in edits:
        changes["name"] = edits["name"]
    if "budget_nano" in edits or "budget_period" in edits:
        changes["budget"] = _budget(row, edits)
    if "scope" in edits:
        changes["scope"] = edits["scope"]
    if "expires_at" in edits:
        changes["expires_at"] = edits["expires_at"]
    if "idempotent" in edits:
        changes["idempotent"] = edits["idempotent"]
    if "disabled" in edits:
        changes["status"] = "disabled" if edits["disabled"] else "active"
    return changes


def _ask_limits(transaction: Transaction, row: KeyRow, limits: Mapping[str, int | None]) -> dict[str, Any]:
    """Keep what its account asks of a key; what changes, for the audit log."""
    if not limits:
        return {}
    subject = Subject("key-owner", row.counted_as)
    before = list_limits(transaction).get(subject, Limits())
    changed = {name: value for name, value in limits.items() if value != getattr(before, name, None)}
    if changed:
        set_limits(transaction, subject, changed)
    told = {name: "none" if value is None else shown_limit(name, value) for name, value in changed.items()}
    return {"limits": told} if told else {}


def _unenforced(office: Office, limits: Mapping[str, int | None]) -> list[str]:
    warning = limits_warning(office, Limits(**limits))
    return [warning] if warning else []


def _refuse_terms(what: str, given: Sequence[str]) -> None:
    if given:
        named = ", ".join(name.removesuffix("_nano").replace("_", " ") for name in given)
        raise BadRequest(
            f"{what} calls no model: leave out what only calls have ({named}).",
            code="no_terms_of_calls",
            param=given[0].removesuffix("_nano"),
        )


def _budget(row: KeyRow, edits: KeyEdits) -> Budget | None:
    """The budget after a change of its amount, its period or both."""
    amount_nano = edits.get("budget_nano", row.budget_nano)
    if amount_nano is None:
        if "budget_period" in edits:
            raise BadRequest(f"Key {row.id} has no budget that a period could belong to: give an amount as well.")
        return None
    return Budget(amount_nano, edits.get("budget_period", row.budget_period) or "")


def _told(row: KeyRow) -> dict[str, Any]:
    """What a key may do, for the audit log."""
    return {
        "scope": row.scope,
        "expires_at": iso_time(row.expires_at),
        "budget": None if row.budget_nano is None else format_nano(row.budget_nano),
        "budget_period": row.budget_period,
        "idempotent": row.idempotent,
    }


def _edited(row: KeyRow, edits: KeyEdits) -> dict[str, Any]:
    """The same of what was changed; what is no more is ``none``, ``any`` or ``never``."""
    told = _told(row)
    detail: dict[str, Any] = {"name": row.name} if "name" in edits else {}
    if "budget_nano" in edits or "budget_period" in edits:
        detail["budget"] = told["budget"] or "none"
        detail["budget_period"] = told["budget_period"]
    if "scope" in edits:
        detail["scope"] = told["scope"] or "any"
    if "expires_at" in edits:
        detail["expires_at"] = told["expires_at"] or "never"
    if "idempotent" in edits:
        detail["idempotent"] = "yes" if row.idempotent else "no"
    if "disabled" in edits:
        detail["status"] = row.status
    return detail
