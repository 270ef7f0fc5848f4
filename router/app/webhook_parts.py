"""The part by which events are sent to customers' and operators' URLs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from router.app.office_parts import OfficeParts
from router.jobs.leased import LeasedJob
from router.office.webhooks.delivering import WebhookCourier
from router.office.webhooks.watching import queue_what_is_due, tidy_deliveries

__all__ = ["WebhookParts"]

_SEND_S = 2.0
_LOOK_S = 60.0
_DAY_S = 86_400.0


class WebhookParts(OfficeParts):
    """The jobs of webhooks."""

    @cached_property
    def courier(self) -> WebhookCourier:
        """What brings events to endpoints."""
        return WebhookCourier(self.office)

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        settings = self.settings.webhooks
        if not settings.customers and not settings.tells_operators:
            return
        yield LeasedJob("webhooks", _SEND_S, self.courier.watch)
        yield LeasedJob("webhook_events", _LOOK_S, lambda: queue_what_is_due(self.office))
        yield LeasedJob("webhook_tidying", _DAY_S, lambda: tidy_deliveries(self.office))

    def close(self) -> None:
        if self.made("courier"):
            self.courier.close()
        super().close()
