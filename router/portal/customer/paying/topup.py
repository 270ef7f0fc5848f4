"""Topping up: what there is, by which ways more is paid in, and what a payment costs before anybody pays."""

from __future__ import annotations

import re
import secrets
from email.utils import parseaddr
from typing import Any

from marshmallow import Schema, fields

from router.errors import BadRequest, NotFound, RateLimited, RouterError, Unavailable
from router.office.accounts import show_account
from router.office.payments.codes import try_code
from router.office.payments.means import list_means, show_automatic
from router.office.payments.shown import offered_presets, page_of_topups, show_credit
from router.office.payments.topups import TopUpQuote, begin_topup, check_open, quote_topup
from router.portal.customer.own import nothing_here
from router.portal.customer.paying.words import said_of, titles_of
from router.portal.web.fields import Amount
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest
from router.types.payments import PaymentOffer

__all__ = ["PAGES"]

PAGES = PageRoutes()

_LATEST = 5
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_REFUSALS = (BadRequest, RateLimited, Unavailable)


def _(message: str) -> str:
    """Mark a text for translation: templates write it in the reader's language."""
    return message


class _AmountForm(Schema):
    """How much is to be credited, and by which way it is paid."""

    method = fields.String(required=True)
    amount = Amount(required=True, error_messages={"required": _("Write how much you want to add.")})


class _PayForm(_AmountForm):
    """The same, once it was shown what that costs.

    Attributes:
        form: made for the page that showed it: it begins one payment, however often it is sent.
        charge: what that page said is charged.
    """

    form = fields.String(load_default="")
    charge = fields.String(load_default="")
    save = fields.Boolean(load_default=False)


@PAGES.get("/app/topup", "owner")
def topup_page(request: PageRequest) -> PageReply:
    """The balance, and the ways to pay."""
    return _show(request, empty_form())


@PAGES.get("/app/topup/review", "owner")
def review(request: PageRequest) -> PageReply:
    """What a payment would cost and credit; nothing is begun yet."""
    form = load_form(_AmountForm(), request.query)
    if not form.ok:
        return _show(request, form, 422)
    offer = _offer(request, form.values["method"])
    try:
        check_open(request.office, request.account_id)
        quote = quote_topup(request.office, offer, form.values["amount"])
    except _REFUSALS as error:
        return _refused(request, form, error, "amount")
    return _ask(request, form, offer, quote)


@PAGES.post("/app/topup/pay", "owner")
def pay(request: PageRequest) -> PageReply:
    """Begin a payment, and lead to its page, which leads on to where it is paid."""
    form = load_form(_PayForm(), request.form)
    if not form.ok:
        return _show(request, form, 422)
    values = form.values
    offer = _offer(request, values["method"])
    try:
        check_open(request.office, request.account_id)
        quote = quote_topup(request.office, offer, values["amount"])
        if not _TOKEN.fullmatch(values["form"]) or values["charge"] != _charge(quote):
            return _ask(request, form, offer, quote, changed=True)
        row = begin_topup(
            request.office,
            request.actor,
            request.office.payments,
            request.account_id,
            values["method"],
            values["amount"],
            form=values["form"],
            return_url=f"{request.site.brand.public_url}/app/topup/{{topup}}",
            save_means=values["save"],
            person_id=request.person.id,
        )
    except _REFUSALS as error:
        return _refused(request, form, error, "amount")
    return request.redirect(f"/app/topup/{row.id}", go="1")


@PAGES.post("/app/topup/code/<method>", "owner")
def redeem(request: PageRequest) -> PageReply:
    """Take a code."""
    method, code = request.params["method"], request.form.get("code", "")
    _offer(request, method, "code")
    form = empty_form(method=method, code=code)
    payments = request.office.payments
    try:
        row = try_code(request.office, payments, request.account_id, method, code, address=request.visit.address)
    except _REFUSALS as error:
        return _refused(request, form, error, "code")
    return request.redirect(f"/app/topup/{row.id}")


def _offer(request: PageRequest, method: str, way: str = "redirect") -> PaymentOffer:
    """What a method offers.

    Raises:
        NotFound: there is no such way to pay here.
    """
    try:
        offer = request.office.payments.offer(method, request.account_id)
    except NotFound:
        raise nothing_here(request) from None
    if offer.way != way:
        raise nothing_here(request)
    return offer


def _refused(request: PageRequest, form: Form, error: RouterError, name: str) -> PageReply:
    """The page again, with what is wrong at the field."""
    form.errors.setdefault(name, []).append(said_of(request, error))
    return with_wait(_show(request, form, error.status), error)


def _ask(
    request: PageRequest, form: Form, offer: PaymentOffer, quote: TopUpQuote, *, changed: bool = False
) -> PageReply:
    """What it costs, and the one button that begins it.

    Args:
        changed: it is not what was shown before: the page says so.
    """
    kept = str(form.typed.get("form", ""))
    return request.render(
        "customer/topup_review.html",
        status=409 if changed else 200,
        offer=offer,
        quote=quote,
        method=form.values["method"],
        token=kept if _TOKEN.fullmatch(kept) else secrets.token_urlsafe(16),
        charge=_charge(quote),
        changed=changed,
        terms=request.office.settings.payments.terms,
    )


def _charge(quote: TopUpQuote) -> str:
    return f"{quote.charge} {quote.currency}"


def _show(request: PageRequest, form: Form, status: int = 200) -> PageReply:
    office, account_id = request.office, request.account_id
    states = request.office.payments.states(account_id)
    return request.render(
        "customer/topup.html",
        status=status,
        form=form,
        standing=show_account(office, account_id),
        credit=show_credit(office, account_id),
        write_to=_write_to(request),
        offers=[(one.name, one.offer) for one in states if one.offer is not None],
        closed=_closed(request),
        presets=offered_presets(office),
        payments=office.settings.payments,
        latest=page_of_topups(office, account_id=account_id, limit=_LATEST).rows,
        titles=titles_of(request),
        automatic=_automatic(request),
    )


def _closed(request: PageRequest) -> str:
    """Why nothing can be paid in now; empty where it can."""
    try:
        check_open(request.office, request.account_id)
    except (BadRequest, Unavailable) as error:
        return said_of(request, error)
    return ""


def _automatic(request: PageRequest) -> dict[str, Any]:
    return {
        "means": list_means(request.office, request.account_id),
        "set": show_automatic(request.office, request.account_id),
    }


def _write_to(request: PageRequest) -> str:
    """The operator's address, as mails have it; empty where none are sent."""
    mail = request.office.settings.mail
    return parseaddr(mail.reply_to or mail.sender)[1] if mail.transport == "smtp" else ""
