"""Prepaid: a call claims the most that it can cost before the provider sees it, and pays what it used."""

from __future__ import annotations

from collections.abc import Sequence

from router import BALANCE, Claim, Outcome, Quote, hookimpl

__all__ = ["plugin"]


class Prepaid:
    """The billing policy ``prepaid``."""

    @hookimpl
    def billing_claims(self, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano, refusal="balance")]

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano for _ in claims]


plugin = Prepaid()
