"""What is done to one account: credit, correction, tier, price list, limits, keys, notes, and its suspension."""

from __future__ import annotations

from dataclasses import fields as fields_of
from typing import Any

from marshmallow import fields, validate

from router.office.accounts import resume_account, set_price_list, set_tier, suspend_account
from router.office.actor import Actor
from router.office.audit import state_of
from router.office.console.finding import add_note, price_lists
from router.office.credits import adjust_credit, grant_credit
from router.office.keys import KeyRow, disable_key, enable_key, get_key, revoke_key
from router.office.limits import MONEY, Limits, Subject, list_tiers, set_limits, shown_limit, written_limits
from router.portal.operator.accounts import account_of
from router.portal.operator.actions import (
    ActionField,
    ConsoleAction,
    Reason,
    ReasonForm,
    action,
    expected,
    once_field,
    reference_of,
)
from router.portal.operator.frame import nothing_there
from router.portal.web.fields import Amount
from router.portal.web.pages import PageRoutes
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_ONE = "/ops/accounts/<account_id>"
_KEY = f"{_ONE}/keys/<key_id>"
_NONE = "none"
_LIMITS = {
    "requests_per_minute": "Requests a minute",
    "tokens_per_minute": "Tokens a minute",
    "concurrent": "Calls at a time",
    "spend_per_day": "Spending a day",
    "spend_per_month": "Spending a month",
}


class _CreditForm(ReasonForm):
    """Credit that is given."""

    amount = Amount(required=True, error_messages={"required": "Write an amount such as 12.50."})
    once = fields.String(load_default="")


class _CorrectionForm(_CreditForm):
    """A correction of the balance."""

    direction = fields.String(required=True, validate=validate.OneOf(("add", "take")))


class _ChoiceForm(ReasonForm):
    """A choice among names; empty for none."""

    chosen = fields.String(load_default="")


class _SuspendForm(ReasonForm):
    """A suspension; ``now``: whether running calls end, too."""

    now = fields.Boolean(load_default=False)


class _NoteForm(ReasonForm):
    """A note, which is its own reason."""

    reason = Reason(load_default="")
    text = fields.String(required=True, error_messages={"required": "Write the note."})


def _standing(request: PageRequest) -> tuple[str, str, list[tuple[str, str]]]:
    """The account's name, its page, and what it has now."""
    shown = account_of(request)
    money, currency = shown.balance, shown.currency
    facts = [
        ("Account", f"{shown.account.name} ({shown.account.id})"),
        ("Balance", request.language.price(money.balance, currency)),
        ("Held by running calls", request.language.price(money.held, currency)),
    ]
    return shown.account.name, f"/ops/accounts/{shown.account.id}", facts


def _grant(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    amount = ActionField("amount", f"Amount in {request.site.brand.currency}", required=True, mode="decimal")
    says = ("It is booked as a grant, at once and for good. A mistake is corrected by a correction.",)
    return ConsoleAction(f"Give credit to {name}", "Give it", back, says, facts, (amount,), once_field())


@action(PAGES, f"{_ONE}/grant", _grant, said="granted", schema=_CreditForm)
def grant(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Give credit."""
    account_id = request.params["account_id"]
    reference = reference_of(values["once"])
    grant_credit(request.office, actor, account_id, values["amount"], reason=values["reason"], reference=reference)


def _adjust(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    asked = (
        ActionField(
            "direction", "What to do", options=(("add", "Add to the balance"), ("take", "Take from the balance"))
        ),
        ActionField("amount", f"Amount in {request.site.brand.currency}", required=True, mode="decimal"),
    )
    says = ("Never below what the account has available: what running calls hold stays theirs.",)
    return ConsoleAction(
        f"Correct the balance of {name}", "Correct it", back, says, facts, asked, once_field(), bad=True
    )


@action(PAGES, f"{_ONE}/adjust", _adjust, said="adjusted", schema=_CorrectionForm)
def adjust(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Correct a balance."""
    amount = values["amount"] if values["direction"] == "add" else -values["amount"]
    account_id, reference = request.params["account_id"], reference_of(values["once"])
    adjust_credit(request.office, actor, account_id, amount, reason=values["reason"], reference=reference)


def _tier(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    account = account_of(request).account
    names = sorted({one.written.subject.name for one in list_tiers(request.office)})
    options = (("", "none: the limits of everybody"), *((one, one) for one in names))
    chosen = ActionField("chosen", "Tier", options=options)
    says = ("The tier's limits hold from the next call on.",)
    facts.append(("Tier now", account.tier or _NONE))
    typed = {"chosen": account.tier}
    return ConsoleAction(
        f"Tier of {name}", "Set the tier", back, says, facts, (chosen,), typed=typed, state=state_of(account.tier)
    )


@action(PAGES, f"{_ONE}/tier", _tier, said="account_changed", schema=_ChoiceForm)
def change_tier(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Put an account into a tier."""
    set_tier(request.office, actor, request.params["account_id"], values["chosen"], expected=expected(request))


def _price_list(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    account = account_of(request).account
    options = (("", "none: the prices of everybody"), *((one, one) for one in price_lists(request.office)))
    chosen = ActionField("chosen", "Price list", options=options, hint="A list exists once a price is set for it.")
    facts.append(("Price list now", account.price_list or _NONE))
    says = ("Calls are charged by it from the next one on; models that it leaves out are charged as for everybody.",)
    typed = {"chosen": account.price_list}
    state = state_of(account.price_list)
    return ConsoleAction(
        f"Price list of {name}", "Set the price list", back, says, facts, (chosen,), typed=typed, state=state
    )


@action(PAGES, f"{_ONE}/price-list", _price_list, said="account_changed", schema=_ChoiceForm)
def change_price_list(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Charge an account by a price list."""
    account_id = request.params["account_id"]
    set_price_list(request.office, actor, account_id, values["chosen"], expected=expected(request))


class _LimitsForm(ReasonForm):
    """The limits of an account: an empty field is no limit."""

    requests_per_minute = fields.Integer(load_default=None, validate=validate.Range(0))
    tokens_per_minute = fields.Integer(load_default=None, validate=validate.Range(0))
    concurrent = fields.Integer(load_default=None, validate=validate.Range(0))
    spend_per_day = Amount(load_default=None)
    spend_per_month = Amount(load_default=None)


def _limits(request: PageRequest) -> ConsoleAction:
    name, back, _ = _standing(request)
    known = {one.subject: one.limits for one in written_limits(request.office) if one.where == "database"}
    held = known.get(Subject("account", request.params["account_id"]), Limits())
    names = [one.name for one in fields_of(Limits)]
    typed = {one: str(shown_limit(one, value)) for one in names if (value := getattr(held, one)) is not None}
    currency = request.site.brand.currency
    asked = [
        ActionField(
            one,
            _LIMITS[one] + (f", {currency}" if one in MONEY else ""),
            mode="decimal" if one in MONEY else "numeric",
        )
        for one in names
    ]
    says = (
        "These hold for the account's keys together. An empty field leaves it to the tier, or to the limits of "
        "everybody; 0 refuses every call.",
    )
    state = state_of(held)
    return ConsoleAction(
        f"Limits of {name}", "Set the limits", f"{back}/limits", says, (), asked, typed=typed, state=state
    )


@action(PAGES, f"{_ONE}/set-limits", _limits, said="limits_set", schema=_LimitsForm)
def change_limits(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Set an account's limits."""
    changes = {one.name: values[one.name] for one in fields_of(Limits)}
    subject = Subject("account", request.params["account_id"])
    set_limits(request.office, actor, subject, changes, expected=expected(request))


def _suspend(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    says = ("All its keys are refused within a second, until it is resumed. Its money and its people stay.",)
    now = ActionField("now", "End the calls that are under way, too", kind="check")
    return ConsoleAction(f"Suspend {name}", "Suspend it", back, says, facts, (now,), bad=True)


@action(PAGES, f"{_ONE}/suspend", _suspend, said="account_suspended", schema=_SuspendForm)
def suspend(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Refuse an account's keys."""
    suspend_account(request.office, actor, request.params["account_id"], now=values["now"])


def _resume(request: PageRequest) -> ConsoleAction:
    name, back, facts = _standing(request)
    return ConsoleAction(f"Resume {name}", "Resume it", back, ("Its keys are accepted again.",), facts)


@action(PAGES, f"{_ONE}/resume", _resume, said="account_resumed")
def resume(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Accept an account's keys again."""
    resume_account(request.office, actor, request.params["account_id"])


def _note(request: PageRequest) -> ConsoleAction:
    name, back, _ = _standing(request)
    text = ActionField("text", "Note", hint="Operators see it, customers never do. It stays as it is.", required=True)
    return ConsoleAction(f"Note on {name}", "Keep the note", f"{back}/notes", fields=(text,), reasoned=False)


@action(PAGES, f"{_ONE}/note", _note, said="note_kept", schema=_NoteForm)
def keep_note(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Keep a note."""
    add_note(request.office, actor, request.params["account_id"], values["text"])


def _its_key(request: PageRequest) -> KeyRow:
    row = get_key(request.office, request.params["key_id"])
    if row.account_id != request.params["account_id"]:
        raise nothing_there("such key of this account")
    return row


def _key_action(request: PageRequest, verb: str, says: str, *, bad: bool) -> ConsoleAction:
    row = _its_key(request)
    facts = [("Key", f"{row.name} ({row.id}, \u2026{row.hint})"), ("Status", row.status)]
    back = f"/ops/accounts/{row.account_id}/keys"
    return ConsoleAction(f"{verb} {row.name}", f"{verb} it", back, (says,), facts, bad=bad)


@action(
    PAGES,
    f"{_KEY}/disable",
    lambda request: _key_action(request, "Disable", "It is refused within a second, until it is enabled.", bad=True),
    said="key_disabled",
)
def stop_key(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Refuse a key for now."""
    disable_key(request.office, actor, _its_key(request).id, now=True)


@action(
    PAGES,
    f"{_KEY}/enable",
    lambda request: _key_action(request, "Enable", "It is accepted again.", bad=False),
    said="key_enabled",
)
def start_key(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Accept a key again."""
    enable_key(request.office, actor, _its_key(request).id)


@action(
    PAGES,
    f"{_KEY}/revoke",
    lambda request: _key_action(request, "Revoke", "It is refused for good, and its running calls end.", bad=True),
    said="key_revoked",
)
def end_key(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Refuse a key for good."""
    revoke_key(request.office, actor, _its_key(request).id, now=True)
