"""Saved means, and what is charged by itself when the balance falls below a threshold."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, NotFound
from router.money.amounts import format_nano
from router.office.payments.automatic import why_waiting
from router.office.payments.means import (
    end_automatic,
    forget_means,
    list_means,
    set_automatic,
    show_automatic,
)
from router.portal.customer.own import nothing_here
from router.portal.customer.paying.words import said_of, titles_of
from router.portal.web.fields import Amount
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_PER_DAY = (1, 2, 3, 5, 10)
_NUMBER = "Write an amount such as 12.50, without a currency or grouping."


class _AutomaticForm(Schema):
    """When what is charged."""

    means = fields.String(required=True)
    threshold = Amount(required=True, error_messages={"required": _NUMBER})
    amount = Amount(required=True, error_messages={"required": _NUMBER})
    per_day = fields.Integer(load_default=1, validate=validate.OneOf(_PER_DAY))


@PAGES.get("/app/topup/automatic", "owner")
def automatic_page(request: PageRequest) -> PageReply:
    """What is saved, and what is charged by itself."""
    return _show(request, None)


@PAGES.post("/app/topup/automatic", "owner", step_up=True)
def keep(request: PageRequest) -> PageReply:
    """Charge by itself from now on."""
    form = load_form(_AutomaticForm(), request.form)
    if not form.ok:
        return _show(request, form, 422)
    values = form.values
    try:
        set_automatic(
            request.office,
            request.actor,
            request.account_id,
            values["means"],
            threshold_nano=values["threshold"],
            amount_nano=values["amount"],
            per_day=values["per_day"],
        )
    except BadRequest as error:
        return _show(request, form.refuse(_said(request, error), ()), 422, error.param or "")
    except NotFound:
        raise nothing_here(request) from None
    return request.redirect("/app/topup/automatic", said="automatic_set")


@PAGES.post("/app/topup/automatic/end", "owner")
def end(request: PageRequest) -> PageReply:
    """Charge nothing by itself any more."""
    end_automatic(request.office, request.actor, request.account_id)
    return request.redirect("/app/topup/automatic", said="automatic_ended")


@PAGES.post("/app/topup/means/<means_id>/forget", "owner")
def forget(request: PageRequest) -> PageReply:
    """Never charge these means again."""
    try:
        forget_means(request.office, request.actor, request.account_id, request.params["means_id"])
    except NotFound:
        raise nothing_here(request) from None
    return request.redirect("/app/topup/automatic", said="means_forgotten")


def _show(request: PageRequest, form: Form | None, status: int = 200, wrong: str = "") -> PageReply:
    kept = show_automatic(request.office, request.account_id)
    if form is None:
        form = empty_form(per_day="1")
        if kept is not None:
            form = empty_form(
                means=kept.means_id,
                threshold=format_nano(kept.threshold_nano),
                amount=format_nano(kept.amount_nano),
                per_day=str(kept.per_day),
            )
    if wrong and form.errors.get(""):
        form.errors[wrong] = form.errors.pop("")
    states = request.office.payments.states(request.account_id)
    return request.render(
        "customer/automatic.html",
        status=status,
        form=form,
        means=list_means(request.office, request.account_id),
        kept=kept,
        waits=_waits(request),
        titles=titles_of(request),
        saves=any(one.offer is not None and one.offer.saves_means for one in states),
        per_day=_PER_DAY,
    )


def _waits(request: PageRequest) -> str:
    """Why nothing is charged just now though the balance is below the threshold; empty where nothing keeps it."""
    error = why_waiting(request.office, request.office.payments, request.account_id)
    return "" if error is None else said_of(request, error)


def _said(request: PageRequest, error: BadRequest) -> str:
    """The bounds in the reader's language."""
    settings, currency = request.office.settings.payments, request.site.brand.currency
    if error.param == "amount":
        least = request.language.price(settings.least_nano, currency)
        if settings.most_at_once_nano is not None:
            most = request.language.price(settings.most_at_once_nano, currency)
            return request.text("From %(least)s to %(most)s.", least=least, most=most)
        return request.text("At least %(amount)s.", amount=least)
    if error.param == "threshold":
        return request.text("It must be above zero.")
    return error.message
