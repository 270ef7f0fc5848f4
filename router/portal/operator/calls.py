"""One call as an operator sees it: every attempt, what it cost, and the charge given back."""

from __future__ import annotations

from typing import Any

from router.errors import NotFound
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.credits import refund_call
from router.office.usage import NamedCall, find_calls
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import nothing_there, show
from router.portal.web.fields import Amount
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_ONE = "/ops/calls/<request_id>"


class _RefundForm(ReasonForm):
    """A charge that is given back; an empty amount is all of it."""

    amount = Amount(load_default=None)


@PAGES.get(_ONE, "operator")
def call_page(request: PageRequest) -> PageReply:
    """The calls of a request ID, ours or the client's own."""
    return show(request, "call.html", calls=_calls(request))


def _refund(request: PageRequest) -> ConsoleAction:
    (call, *_) = _calls(request)
    one, currency = call.record, request.site.brand.currency
    facts = [
        ("Account", f"{call.account_name} ({one.account})"),
        ("Charged", f"{format_nano(one.charge_nano, 2)} {currency}"),
    ]
    hint = "Empty gives back all that was not given back before."
    amount = ActionField("amount", f"Amount in {currency} (optional)", hint=hint, mode="decimal")
    says = ("Budgets and spending limits are not given back: they count what was spent.",)
    title = f"Give back the charge of {one.request_id}"
    return ConsoleAction(title, "Give it back", f"/ops/calls/{one.request_id}", says, facts, (amount,))


@action(PAGES, f"{_ONE}/refund", _refund, said="refunded", schema=_RefundForm)
def refund(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Give a charge back."""
    (call, *_) = _calls(request)
    refund_call(request.office, actor, call.record.request_id, values["amount"], reason=values["reason"])


def _calls(request: PageRequest) -> list[NamedCall]:
    try:
        return find_calls(request.office, request.params["request_id"])
    except NotFound:
        raise nothing_there("call with this ID in the database: it may have been pruned, or refused early") from None
