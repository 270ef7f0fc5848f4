"""A third party's policies: two free calls an account, then the balance; and calls that come back drop by drop."""

from __future__ import annotations

from collections.abc import Sequence

from router import BALANCE, Claim, Outcome, PolicyContext, Quote, Window, hookimpl

requires_hooks = "0.2"


class Bundle:
    requires_hooks = requires_hooks

    @hookimpl
    def billing_claims(self, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        paid = Claim(BALANCE, quote.charge_nano, refusal="balance")
        return [Claim(f"free:{context.account}", 1, 2, alternatives=(paid,))]

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano if claim.bucket == BALANCE else 1 for claim in claims]

    @hookimpl
    def rate_limit_claims(self, context: PolicyContext) -> Sequence[Claim]:
        return [Claim(f"drops:{context.model}", 1, 5, Window(3600, refill=1), at_once=True, unit="requests")]


plugin = Bundle()
