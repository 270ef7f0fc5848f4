"""Limits of keys, accounts and tiers, as operators work on them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from router.errors import BadRequest
from router.office import limits as office_limits
from router.office.actor import Actor
from router.office.limits import LimitInForce, Subject, WrittenLimits
from router.office.names import account_id, key_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.periods import iso_time

__all__ = ["list_limits", "list_tiers", "set_limits"]


@operation("limits list", "limits:LimitsOfForm")
def list_limits(office: Office, *, key: str | None = None, account: str | None = None) -> OperationAnswer:
    """All limits that are set, or those in force for a key or an account."""
    if key is not None and account is not None:
        raise BadRequest("Give a key or an account, not both.", code="invalid_value", param="key")
    if key is None and account is None:
        return OperationAnswer([_row(one) for one in office_limits.written_limits(office)])
    key = None if key is None else key_id(office.database, key)
    account = None if account is None else account_id(office.database, account)
    return OperationAnswer([_holding(one) for one in office_limits.limits_in_force(office, key=key, account=account)])


@operation("limits set", "limits:SetLimitsForm", writes=True)
def set_limits(
    office: Office,
    actor: Actor,
    *,
    key: str | None = None,
    account: str | None = None,
    tier: str | None = None,
    per_account: bool | None = None,
    clear: bool | None = None,
    **changes: int | None,
) -> OperationAnswer:
    """Set limits; those that are not named stay, null takes one away, and 0 refuses every call."""
    subject = _subject(office, key, account, tier, bool(per_account))
    if bool(clear) == bool(changes):
        raise BadRequest("Say which limits to set, or to clear all of them.", code="invalid_value", param="clear")
    if clear:
        now = office_limits.clear_limits(office, actor, subject)
    else:
        now = office_limits.set_limits(office, actor, subject, changes)
    warning = office_limits.limits_warning(office, now.limits)
    return OperationAnswer(_row(now), [warning] if warning else [])


@operation("limits tiers", "form:NothingForm")
def list_tiers(office: Office) -> OperationAnswer:
    """Every tier, its limits, where they are written and how many accounts have it."""
    found = office_limits.list_tiers(office)
    return OperationAnswer(
        [_row(one.written) | {"tier": one.written.subject.name, "accounts": one.accounts} for one in found]
    )


def _subject(office: Office, key: str | None, account: str | None, tier: str | None, per_account: bool) -> Subject:
    if [key, account, tier].count(None) != 2:
        raise BadRequest("Limits are of one key, one account or one tier: name one of them.", code="invalid_value")
    if per_account and tier is None:
        raise BadRequest("Limits per account go with a tier.", code="invalid_value", param="per_account")
    if key is not None:
        return Subject("key", key_id(office.database, key))
    if account is not None:
        return Subject("account", account_id(office.database, account))
    return Subject("tier-account" if per_account else "tier", tier or "")


def _holding(one: LimitInForce) -> dict[str, Any]:
    value = office_limits.shown_limit(one.name, one.value)
    row = {"counted": one.counted, "limit": one.name, "value": value, "source": one.source}
    return row if one.resets_at is None else row | {"resets_at": iso_time(one.resets_at)}


def _row(written: WrittenLimits) -> dict[str, Any]:
    subject = written.subject
    values = {name: office_limits.shown_limit(name, value) for name, value in asdict(written.limits).items()}
    return {"kind": subject.kind, "name": subject.name, "subject": _called(subject), "where": written.where, **values}


def _called(subject: Subject) -> str:
    words = {
        "default": "each key",
        "default-account": "each account",
        "tier": f"each key of tier {subject.name}",
        "tier-account": f"each account of tier {subject.name}",
        "key-owner": f"key {subject.name}, by its account",
    }
    return words.get(subject.kind, f"{subject.kind} {subject.name}")
