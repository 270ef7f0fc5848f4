"""One top-up: how it stands, waited for until the ledger has it, and its receipt."""

from __future__ import annotations

from router.office.accounts import available_nano, get_account
from router.office.payments.shown import OPEN, fee_of
from router.office.payments.topups import TopUpRow, look_at
from router.portal.customer.own import nothing_here
from router.portal.customer.paying.words import own_topup, titles_of
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_LOOKS = 30
"""How often the page asks for itself, every two seconds."""

_ASK_EVERY = 5
"""The method itself is asked by each of so many looks."""


@PAGES.get("/app/topup/<topup_id>", "owner")
def one_topup(request: PageRequest) -> PageReply:
    """Where a payment leads back to: the method is asked once how it stands."""
    row = look_at(request.office, request.office.payments, own_topup(request))
    follow = request.query.get("go") == "1" and row.state == "started" and bool(row.url)
    return _show(request, "customer/topup_one.html", row, 0, follow=follow)


@PAGES.get("/app/topup/<topup_id>/state", "owner")
def state(request: PageRequest) -> PageReply:
    """The part of the page that changes, which it asks for by itself."""
    text = request.query.get("look", "")
    look = min(int(text), _LOOKS) if text.isascii() and text.isdigit() and len(text) < 4 else _LOOKS
    row = own_topup(request)
    if look % _ASK_EVERY == 0:
        row = look_at(request.office, request.office.payments, row)
    return _show(request, "customer/topup_state_swap.html", row, look, follow=False)


@PAGES.get("/app/topup/<topup_id>/receipt", "owner")
def receipt(request: PageRequest) -> PageReply:
    """What was paid, to be printed; of what was granted there is none."""
    row = own_topup(request)
    if not row.is_paid or not row.amount:
        raise nothing_here(request)
    return request.render(
        "customer/receipt.html",
        row=row,
        fee=fee_of(row),
        titles=titles_of(request),
        workspace=get_account(request.office, request.account_id),
        own_text=request.office.settings.payments.receipt,
    )


def _show(request: PageRequest, template: str, row: TopUpRow, look: int, *, follow: bool) -> PageReply:
    return request.render(
        template,
        row=row,
        fee=fee_of(row),
        titles=titles_of(request),
        open=row.state in OPEN,
        look=look + 1 if row.state in OPEN and look < _LOOKS else 0,
        follow=follow,
        available=available_nano(request.office, request.account_id),
    )
