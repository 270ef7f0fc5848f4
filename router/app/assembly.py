"""Everything that serving, and the command line, need of one configuration: the list of its parts."""

from __future__ import annotations

from router.app.alert_parts import AlertParts
from router.app.catalogue_parts import CatalogueParts
from router.app.ledger_parts import LedgerParts
from router.app.line_parts import LineParts
from router.app.payment_parts import PaymentParts
from router.app.readiness_parts import ReadinessParts
from router.app.webhook_parts import WebhookParts

__all__ = ["Assembly"]


class Assembly(ReadinessParts, AlertParts, LineParts, LedgerParts, PaymentParts, WebhookParts, CatalogueParts):
    """One configuration, opened: its parts, each before those that it stands on.

    A new part is a class of its own, and a name in this list.
    """
