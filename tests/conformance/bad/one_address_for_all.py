"""A payment method that gives every account the same address."""

from __future__ import annotations

from router import DepositAddress, PaymentOffer, hookimpl


class Bad:
    requires_hooks = "0.2"

    @hookimpl
    def payment_offer(self, context, account):
        return PaymentOffer("Bad", "address", "USDT", 6)

    @hookimpl
    def payment_address(self, context, account, number):
        return DepositAddress("0xbad", [("Bad", ["USDT"])])


plugin = Bad()
