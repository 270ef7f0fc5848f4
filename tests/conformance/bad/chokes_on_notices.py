"""A payment method that reads a notice before it is proved, and takes it for UTF-8."""

from __future__ import annotations

import json

from router import BadRequest, PaymentOffer, PaymentStarted, VerifiedNotice, hookimpl


class Bad:
    requires_hooks = "0.2"

    @hookimpl
    def payment_offer(self, context, account):
        return PaymentOffer("Bad", "redirect", "USD")

    @hookimpl
    def payment_start(self, context, topup, return_url):
        return PaymentStarted(topup.id, return_url)

    @hookimpl
    def payment_event(self, context, notice):
        told = json.loads(notice.body.decode())
        if notice.headers.get("x-signature") != "good":
            raise BadRequest("The signature is not ours.")
        return VerifiedNotice(told["id"], "paid")


plugin = Bad()
