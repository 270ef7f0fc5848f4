"""What is written on Stripe's objects, so that what comes of them is known as ours, and what it must agree with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_plugins.stripe.currencies import Charged, charged_in

from router import BadRequest, TopUp

__all__ = ["AUTOMATIC", "amount_of", "currency_of", "id_of", "is_ours", "marks_of", "topup_of"]

AUTOMATIC = "automatic"
_TOPUP = "topup"


def marks_of(topup: TopUp, **more: str) -> dict[str, str]:
    """What is written on everything that is made for a top-up."""
    currency = currency_of(topup)
    amount = str(currency.to_stripe(topup.amount))
    return {_TOPUP: topup.id, "account": topup.account, "amount": amount, "currency": currency.code.lower(), **more}


def currency_of(topup: TopUp) -> Charged:
    """The currency of a top-up.

    Raises:
        BadRequest: Stripe does not charge in it, or not to so many decimals.
    """
    try:
        currency = charged_in(topup.currency)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if topup.decimals != currency.decimals:
        raise BadRequest(f"{currency.code} is charged to {currency.decimals} decimals, not to {topup.decimals}.")
    return currency


def topup_of(thing: Mapping[str, Any]) -> str:
    """The top-up that an object was made for; empty for somebody else's."""
    found = (thing.get("metadata") or {}).get(_TOPUP)
    return found if isinstance(found, str) else ""


def is_ours(thing: Mapping[str, Any], **expected: str) -> bool:
    """Whether an object was made for a top-up, with these marks."""
    marks = thing.get("metadata") or {}
    return bool(topup_of(thing)) and all(marks.get(name) == value for name, value in expected.items())


def id_of(value: Any) -> str:
    """The ID of what Stripe gives as an ID, or whole."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def amount_of(thing: Mapping[str, Any], amount: Any) -> tuple[int, str]:
    """An amount of an object in our minor units, and its currency.

    Raises:
        BadRequest: it is no amount, or not in the currency that was asked for.
    """
    code = thing.get("currency")
    wanted = (thing.get("metadata") or {}).get("currency")
    if not isinstance(code, str) or type(amount) is not int or amount < 0:
        raise BadRequest(f"{thing.get('id')}: it has no amount and currency that can be read.")
    if wanted is not None and wanted != code:
        raise BadRequest(f"{thing.get('id')}: {code} was paid, and {wanted} asked for.", code="wrong_currency")
    try:
        currency = charged_in(code)
    except ValueError as error:
        raise BadRequest(f"{thing.get('id')}: {error}") from None
    return currency.from_stripe(amount), currency.code
