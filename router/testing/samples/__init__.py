"""What a payment plugin shows of itself, so that its rules can drive it without the service behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.types.payments import PaymentNotice, TopUp

__all__ = ["PaymentSamples"]


def _no_reference(topup: TopUp) -> str:
    return ""


def _no_notices(topup: TopUp) -> Sequence[PaymentNotice]:
    return ()


@dataclass(frozen=True)
class PaymentSamples:
    """Settings by which a payment plugin works, and notices as its service would send them.

    A distribution offers them by an entry point of the plugin's name in the group ``router.payments``. Nothing of them
    is ever used by a gateway.

    Attributes:
        settings: as ``[plugins.NAME]`` has them, with secrets made up for this.
        reference: the service's own reference of a top-up, as ``payment_start`` would give it.
        paid: signed notices, each of which says that the top-up was paid in full: its amount and currency.
        forged: the same, not signed as they should be: without, with another secret, or over another body.
    """

    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reference: Callable[[TopUp], str] = _no_reference
    paid: Callable[[TopUp], Sequence[PaymentNotice]] = _no_notices
    forged: Callable[[TopUp], Sequence[PaymentNotice]] = _no_notices
