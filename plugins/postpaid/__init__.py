"""Postpaid: a call is let in while the account has anything at all, and pays what it used when it is over.

Nothing is held meanwhile, so calls that run at the same time may together use more than there is. The balance never
goes below zero: what it does not cover is written down as a shortfall.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from router import BALANCE, Claim, Meters, Outcome, Quote, hookimpl

__all__ = ["plugin"]

_EMPTY = "The account has no balance left: add credits."


class Postpaid:
    """The billing policy ``postpaid``. A call that can cost nothing needs no balance."""

    @hookimpl
    def billing_meters(self) -> Meters:
        return _METERS

    @hookimpl
    def billing_claims(self, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, 0, at_least=1 if quote.charge_nano else 0, refusal="balance", message=_EMPTY)]

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano for _ in claims]


class _Charged:
    """The same for the calls of every key that can cost something; one that cannot is asked for."""

    claims = (Claim(BALANCE, 0, at_least=1, refusal="balance", message=_EMPTY),)
    until = inf

    def amounts(self, quote: Quote) -> Sequence[int] | None:
        return (0,) if quote.charge_nano else None

    def settled(self, outcome: Outcome) -> Sequence[int]:
        return (outcome.charge_nano,)


_METERS = _Charged()
plugin = Postpaid()
