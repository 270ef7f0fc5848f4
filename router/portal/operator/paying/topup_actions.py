"""What is done about a payment: given back, credited by hand, closed; and payments that came in some other way."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields

from router.errors import BadRequest
from router.money.amounts import NANO, format_nano
from router.office.actor import Actor
from router.office.payments.books import compare_method
from router.office.payments.refunds import ask_refund, record_payment, refundable, settle_topup
from router.office.payments.topups import TopUpRow, cancel_topup
from router.portal.operator.accounts import account_of
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import nothing_there
from router.portal.operator.paying.payments import topup_of
from router.portal.web.fields import Amount
from router.portal.web.pages import PageRoutes
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_ONE = "/ops/payments/<topup_id>"
_NUMBER = re.compile(r"\d{1,100}", re.ASCII)
_NEEDED = "Write an amount such as 12.50."
_REFERENCE = ActionField("reference", "Reference of the payment", hint="It is credited once.", required=True)


class _RefundForm(ReasonForm):
    """A refund; ``left`` is what could be refunded when the page was shown."""

    amount = Amount(required=True, error_messages={"required": _NEEDED})
    left = fields.String(load_default="")


class _SettleForm(ReasonForm):
    """A payment that the operator has seen."""

    reference = fields.String(required=True, error_messages={"required": "Write the payment's reference."})


class _RecordForm(_SettleForm):
    """A payment that came in some other way."""

    amount = Amount(required=True, error_messages={"required": _NEEDED})


def _about(request: PageRequest, row: TopUpRow) -> list[tuple[str, str]]:
    minor, currency = request.language.minor, request.site.brand.currency
    return [
        ("Top-up", f"{row.id}, {row.state.replace('_', ' ')}"),
        ("Account", row.account_id),
        ("Charged", f"{minor(row.amount, row.currency, row.decimals)} by {row.method}"),
        ("Credit", request.language.price(row.credit_nano, currency)),
    ]


def _refund(request: PageRequest) -> ConsoleAction:
    row = topup_of(request)
    left = refundable(row)
    facts = [*_about(request, row), ("Can be refunded", request.language.minor(left, row.currency, row.decimals))]
    amount = ActionField("amount", f"Amount in {row.currency}", required=True, mode="decimal")
    says = (
        "The credit is taken from the account first, then the method is asked to give the money back. What the account "
        "has spent cannot be refunded.",
    )
    return ConsoleAction(
        "Refund a payment",
        "Refund it",
        f"/ops/payments/{row.id}",
        says,
        facts,
        (amount,),
        {"left": str(left)},
        {"amount": format_nano(left, places=row.decimals)},
        bad=True,
    )


@action(PAGES, f"{_ONE}/refund", _refund, said="topup_refunded", schema=_RefundForm)
def refund(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Give back a part of it, or all."""
    row = topup_of(request)
    left = int(values["left"]) if _NUMBER.fullmatch(values["left"]) else -1
    amount, reason = _minor(values["amount"], row), values["reason"]
    ask_refund(request.office, actor, request.office.payments, row.id, amount, reason=reason, left=left)


def _settle(request: PageRequest) -> ConsoleAction:
    row = topup_of(request)
    says = ("It is credited as if its method had told that it was paid. Do this only when you have seen the money.",)
    return ConsoleAction(
        "Credit a top-up by hand", "Credit it", f"/ops/payments/{row.id}", says, _about(request, row), (_REFERENCE,)
    )


@action(PAGES, f"{_ONE}/settle", _settle, said="topup_settled", schema=_SettleForm)
def settle(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Credit it."""
    row = topup_of(request)
    settle_topup(request.office, actor, row.id, reference=values["reference"], reason=values["reason"])


def _close(request: PageRequest) -> ConsoleAction:
    row = topup_of(request)
    says = ("It is no longer waited for. A payment that comes all the same is credited.",)
    return ConsoleAction("Close a top-up", "Close it", f"/ops/payments/{row.id}", says, _about(request, row), bad=True)


@action(PAGES, f"{_ONE}/close", _close, said="topup_closed")
def close(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Wait for it no longer."""
    cancel_topup(request.office, actor, topup_of(request).id)


def _record(request: PageRequest) -> ConsoleAction:
    shown = account_of(request)
    amount = ActionField("amount", f"Amount in {shown.currency}", required=True, mode="decimal")
    says = (
        "For money that came in some other way, such as a bank transfer: it is paid credit, which can be refunded. "
        "Credit that nobody paid for is given by “Give credit”.",
    )
    facts = [
        ("Account", f"{shown.account.name} ({shown.account.id})"),
        ("Balance", request.language.price(shown.balance.balance, shown.currency)),
    ]
    back = f"/ops/accounts/{shown.account.id}"
    return ConsoleAction("Record a payment", "Credit it", back, says, facts, (amount, _REFERENCE))


@action(PAGES, "/ops/accounts/<account_id>/record-payment", _record, said="payment_recorded", schema=_RecordForm)
def record(request: PageRequest, values: dict[str, Any], actor: Actor) -> str:
    """Credit it."""
    account, amount = request.params["account_id"], values["amount"]
    row = record_payment(request.office, actor, account, amount, reference=values["reference"], reason=values["reason"])
    return f"/ops/payments/{row.id}"


def _compare(request: PageRequest) -> ConsoleAction:
    name = request.params["method"]
    if not request.office.payments.has(name, "payment_differences"):
        raise nothing_there("method that can be compared under this name")
    says = ("What was credited is compared with what the method holds. Nothing is booked.",)
    return ConsoleAction(f"Compare {name} with the books", "Compare", f"/ops/payments/methods/{name}", says)


@action(PAGES, "/ops/payments/methods/<method>/compare", _compare, said="compared")
def compare(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Compare now; it is done every hour besides."""
    compare_method(request.office, request.office.payments, request.params["method"])


def _minor(nano: int, row: TopUpRow) -> int:
    """An amount that was typed, in minor units of what was charged.

    Raises:
        BadRequest: it has more decimals than the currency.
    """
    minor, rest = divmod(nano * int(10**row.decimals), NANO)
    if rest:
        raise BadRequest(f"{row.currency} has {row.decimals} decimals.", param="amount")
    return minor
