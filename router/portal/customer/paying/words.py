"""What paying is called, and what went wrong, in the words of who reads the page."""

from __future__ import annotations

from collections.abc import Mapping

from router.errors import NotFound, RouterError
from router.office.payments.refunds import MANUAL
from router.office.payments.topups import TopUpRow, show_topup
from router.portal.customer.own import nothing_here
from router.portal.web.requests import PageRequest

__all__ = ["own_topup", "said_of", "titles_of"]


def titles_of(request: PageRequest) -> Mapping[str, str]:
    """Method -> what customers call it; one that is not on is called by its own name."""
    states = request.office.payments.states(request.account_id)
    found = {one.name: one.offer.title for one in states if one.offer is not None}
    return {**found, MANUAL: request.text("Paid to the operator")}


def own_topup(request: PageRequest) -> TopUpRow:
    """The top-up that the path names.

    Raises:
        NotFound: there is none, or it is not this workspace's.
    """
    try:
        return show_topup(request.office, request.account_id, request.params["topup_id"])
    except NotFound:
        raise nothing_here(request) from None


def said_of(request: PageRequest, error: RouterError) -> str:
    """What an error of the office says, in the reader's language where that is known; what methods say as they do."""
    settings, currency, text = request.office.settings.payments, request.site.brand.currency, request.text
    least, most, daily = (
        request.language.price(nano or 0, currency)
        for nano in (settings.least_nano, settings.most_nano, settings.most_per_day_nano)
    )
    no_rate = text("There is no exchange rate for this way to pay at the moment. Try another one.")
    not_now = text("This way to pay does not work at the moment. Try another one.")
    known = {
        "topups_off": text("Top-ups are turned off at the moment. Try again later."),
        "account_suspended": text("This workspace is suspended: nothing can be paid in."),
        "amount_too_small": text("The least is %(amount)s.", amount=least),
        "amount_too_large": text("The most at once is %(amount)s.", amount=most),
        "daily_limit": text("At most %(amount)s can be paid in within 24 hours.", amount=daily),
        "automatic_per_day": text("It was charged as often as you allow within 24 hours."),
        "means_not_found": text("What was saved can no longer be charged."),
        "no_rate": no_rate,
        "stale_rate": no_rate,
        "method_failed": not_now,
        "address_changed": not_now,
        "code_refused": text("This code was used already, or is none."),
        "too_many_attempts": text("Too many codes were tried. Wait a while, then try again."),
    }
    return known.get(error.code or "", error.message)
