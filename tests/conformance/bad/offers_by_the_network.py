"""A payment method that asks its service for the offer, and so keeps every page waiting for it."""

from __future__ import annotations

import contextlib
import urllib.request

from router import PaymentOffer, PaymentStarted, hookimpl


class Bad:
    requires_hooks = "0.2"

    @hookimpl
    def payment_offer(self, context, account):
        with contextlib.suppress(OSError):
            urllib.request.urlopen("http://127.0.0.1:9/offer", timeout=1)
        return PaymentOffer("Bad", "redirect", "USD")

    @hookimpl
    def payment_start(self, context, topup, return_url):
        return PaymentStarted(topup.id, return_url)


plugin = Bad()
