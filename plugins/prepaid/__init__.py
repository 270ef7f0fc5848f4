"""Prepaid: a call claims the most that it can cost before the provider sees it, and pays what it used."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from router import BALANCE, Claim, Meters, Outcome, Quote, hookimpl

__all__ = ["plugin"]


class Prepaid:
    """The billing policy ``prepaid``."""

    @hookimpl
    def billing_meters(self) -> Meters:
        return _METERS

    @hookimpl
    def billing_claims(self, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano, refusal="balance")]

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano for _ in claims]


class _Charged:
    """The same for the calls of every key."""

    claims = (Claim(BALANCE, 0, refusal="balance"),)
    until = inf

    def amounts(self, quote: Quote) -> Sequence[int]:
        return (quote.charge_nano,)

    def settled(self, outcome: Outcome) -> Sequence[int]:
        return (outcome.charge_nano,)


_METERS = _Charged()
plugin = Prepaid()
