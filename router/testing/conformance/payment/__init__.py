"""The rules for payment methods: offers (Y01 on), addresses (Y10), garbage and secrets (Y20 on), credits (Y30 on)."""

from __future__ import annotations

from router.testing.conformance.payment import offered, refused, credited  # isort: skip
from router.testing.conformance.payment.bench import PAYMENT

__all__ = ["PAYMENT", "credited", "offered", "refused"]
