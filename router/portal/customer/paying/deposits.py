"""An account's own address for deposits: where to send, what is credited there, and what was seen."""

from __future__ import annotations

import segno
from markupsafe import Markup

from router.errors import BadRequest, NotFound, Unavailable
from router.office.payments.deposits import address_of, find_watch
from router.office.payments.shown import has_address, open_first
from router.portal.customer.own import nothing_here
from router.portal.customer.paying.words import said_of, titles_of
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.types.payments import PaymentOffer

__all__ = ["PAGES"]

PAGES = PageRoutes()

_SHOWN = 20


@PAGES.get("/app/topup/deposit/<method>", "owner")
def deposit_page(request: PageRequest) -> PageReply:
    """The address, where the account has one; else the button that asks for it."""
    offer = _offer(request)
    given = has_address(request.office, request.account_id, request.params["method"])
    return _show(request, offer, given=given)


@PAGES.post("/app/topup/deposit/<method>", "owner")
def give(request: PageRequest) -> PageReply:
    """Give the account its address, which stays the same for good."""
    offer, method = _offer(request), request.params["method"]
    try:
        address_of(request.office, request.office.payments, request.account_id, method)
    except (BadRequest, Unavailable) as error:
        return _show(request, offer, given=False, wrong=said_of(request, error), status=error.status)
    return request.redirect(f"/app/topup/deposit/{method}")


def _show(request: PageRequest, offer: PaymentOffer, *, given: bool, wrong: str = "", status: int = 200) -> PageReply:
    office, method, shown = request.office, request.params["method"], None
    if given:
        try:
            shown = address_of(office, request.office.payments, request.account_id, method)
        except (BadRequest, Unavailable) as error:
            wrong, status = said_of(request, error), error.status
    return request.render(
        "customer/deposit.html",
        status=status,
        offer=offer,
        method=method,
        shown=shown,
        qr=_qr(shown.qr or shown.address) if shown is not None else "",
        wrong=wrong,
        watch=find_watch(office, method),
        rows=open_first(office, request.account_id, method, _SHOWN),
        titles=titles_of(request),
    )


def _offer(request: PageRequest) -> PaymentOffer:
    try:
        offer = request.office.payments.offer(request.params["method"], request.account_id)
    except NotFound:
        raise nothing_here(request) from None
    if offer.way != "address":
        raise nothing_here(request)
    return offer


def _qr(text: str) -> Markup:
    """A QR code as SVG that stands in the page: paths alone, nothing of the text."""
    made = segno.make(text, micro=False, error="m")
    return Markup(made.svg_inline(scale=4, border=3, dark="#000", light="#fff", omitsize=True))  # noqa: S704
