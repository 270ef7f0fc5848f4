"""Keys, as operators work on them. A key's text is in the answer of the operation that makes it, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.errors import BadRequest
from router.money.amounts import format_nano
from router.office import keys as office_keys
from router.office.actor import Actor
from router.office.keys import OPERATORS, KeyEdits, KeyRow, MadeKey
from router.office.names import account_id, key_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.keys import Budget
from router.types.periods import iso_time

__all__ = [
    "create_key",
    "disable_key",
    "enable_key",
    "key_value",
    "limit_key",
    "list_keys",
    "rename_key",
    "revoke_key",
    "rotate_key",
    "show_key",
]


@operation("keys create", "keys:CreateKeyForm", writes=True)
def create_key(
    office: Office,
    actor: Actor,
    *,
    account: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    scope: Sequence[str] | None = None,
    expires_at: float | None = None,
    budget: int | None = None,
    budget_period: str | None = None,
    idempotent: bool | None = None,
) -> OperationAnswer:
    """Make a key; its text is in this answer alone."""
    if (kind == "operator") is not (account is None):
        message = "An operator's key has no account, and every other key one: say account or kind 'operator', not both."
        raise BadRequest(message, code="invalid_value", param="account")
    if budget_period is not None and budget is None:
        raise BadRequest("A period goes with a budget.", code="invalid_value", param="budget_period")
    made = office_keys.create_key(
        office,
        actor,
        OPERATORS if account is None else account_id(office.database, account),
        name or "key",
        kind=kind or "model",
        scope=scope or (),
        expires_at=expires_at,
        budget=None if budget is None else Budget(budget, budget_period or ""),
        idempotent=bool(idempotent),
    )
    return _made(office, made)


@operation("keys list", "keys:KeysForm")
def list_keys(
    office: Office, *, account: str | None = None, after: str | None = None, limit: int | None = None
) -> OperationAnswer:
    """All keys, or one account's, oldest first."""
    name = None if account is None else account_id(office.database, account)
    return OperationAnswer([key_value(row) for row in office_keys.list_keys(office, name, after=after, limit=limit)])


@operation("keys show", "keys:KeyNameForm")
def show_key(office: Office, *, key: str) -> OperationAnswer:
    """One key, what is spent of its budget in the present period, calls under way included, and when that ends."""
    row = office_keys.get_key(office, key_id(office.database, key))
    return OperationAnswer(key_value(row) | _spent(office, row))


@operation("keys rename", "keys:RenameKeyForm", writes=True)
def rename_key(office: Office, actor: Actor, *, key: str, name: str) -> OperationAnswer:
    """Call a key otherwise."""
    changed = office_keys.change_key(office, actor, key_id(office.database, key), {"name": name})
    return OperationAnswer(key_value(changed.row))


@operation("keys limit", "keys:LimitKeyForm", writes=True)
def limit_key(office: Office, actor: Actor, *, key: str, **edits: Any) -> OperationAnswer:
    """Change what a key may do; what is not named stays."""
    changes = KeyEdits()
    if "budget" in edits:
        changes["budget_nano"] = edits["budget"]
    if "budget_period" in edits:
        changes["budget_period"] = edits["budget_period"]
    if "scope" in edits:
        changes["scope"] = edits["scope"] or ()
    if "expires_at" in edits:
        changes["expires_at"] = edits["expires_at"]
    if edits.get("idempotent") is not None:
        changes["idempotent"] = edits["idempotent"]
    changed = office_keys.change_key(office, actor, key_id(office.database, key), changes)
    warnings = [*changed.warnings, *_warnings(office, changed.row)]
    return OperationAnswer(key_value(changed.row) | _spent(office, changed.row), warnings)


@operation("keys disable", "keys:EndKeyForm", writes=True)
def disable_key(office: Office, actor: Actor, *, key: str, now: bool | None = None) -> OperationAnswer:
    """Refuse a key until it is enabled again."""
    row = office_keys.disable_key(office, actor, key_id(office.database, key), now=bool(now))
    return OperationAnswer(key_value(row))


@operation("keys enable", "keys:KeyNameForm", writes=True)
def enable_key(office: Office, actor: Actor, *, key: str) -> OperationAnswer:
    """Accept a disabled key again."""
    return OperationAnswer(key_value(office_keys.enable_key(office, actor, key_id(office.database, key))))


@operation("keys revoke", "keys:EndKeyForm", writes=True)
def revoke_key(office: Office, actor: Actor, *, key: str, now: bool | None = None) -> OperationAnswer:
    """Refuse a key for good."""
    row = office_keys.revoke_key(office, actor, key_id(office.database, key), now=bool(now))
    return OperationAnswer(key_value(row))


@operation("keys rotate", "keys:RotateKeyForm", writes=True)
def rotate_key(office: Office, actor: Actor, *, key: str, grace_s: float | None = None) -> OperationAnswer:
    """Make a new key in place of an old one, which goes on working for a day, or as long as is said."""
    grace_s = _GRACE_S if grace_s is None else grace_s
    made = office_keys.rotate_key(office, actor, key_id(office.database, key), grace_s=grace_s)
    answer, old = _made(office, made), made.replaced
    if old is None:
        return answer
    works = f"works until {iso_time(old.expires_at)}" if old.status == "active" else "is revoked"
    return OperationAnswer(answer.value, answer.warnings, [f"The old key {works}."])


_GRACE_S = 86_400.0


def key_value(row: KeyRow) -> dict[str, Any]:
    """A key as JSON, without its text, which nobody has."""
    return {
        "id": row.id,
        "account": None if row.account_id == OPERATORS else row.account_id,
        "name": row.name,
        "kind": row.kind,
        "hint": row.hint,
        "status": office_keys.status_of(row),
        "created_at": iso_time(row.created_at),
        "expires_at": iso_time(row.expires_at),
        "scope": list(row.scope),
        "replaced_by": row.replaced_by,
        "budget": None if row.budget_nano is None else format_nano(row.budget_nano),
        "budget_period": row.budget_period or None,
        "idempotent": row.idempotent,
    }


def _made(office: Office, made: MadeKey) -> OperationAnswer:
    value = {"id": made.row.id, "api_key": made.text, **key_value(made.row)}
    return OperationAnswer(value, [*made.warnings, *_warnings(office, made.row)])


def _spent(office: Office, row: KeyRow) -> dict[str, Any]:
    spent = office_keys.spent_of(office, row)
    if spent is None:
        return {"spent": None}
    return {
        "spent": format_nano(spent.used_nano + spent.held_nano),
        "budget_resets_at": iso_time(spent.begins_again),
    }


def _warnings(office: Office, row: KeyRow) -> list[str]:
    if row.budget is not None and not office.settings.gateway.bills:
        return ['[gateway] billing is "none": nothing is charged, so a budget counts nothing']
    return []
