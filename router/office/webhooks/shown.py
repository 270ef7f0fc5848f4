"""Webhooks and what was sent, as commands and APIs show them; never a secret."""

from __future__ import annotations

from typing import Any

from router.office.webhooks.endpoints import EndpointRow, low_text
from router.office.webhooks.events import EVENTS
from router.office.webhooks.sent import Delivery
from router.types.periods import iso_time

__all__ = ["delivery_value", "endpoint_value"]


def endpoint_value(row: EndpointRow) -> dict[str, Any]:
    """An endpoint as JSON."""
    return {
        "id": row.id,
        "account": row.account_id,
        "url": row.url,
        "about": row.about or None,
        "events": list(row.events or EVENTS),
        "low": low_text(row) or None,
        "status": row.status,
        "failing_since": iso_time(row.failing_since),
        "old_secret_until": iso_time(row.old_until) if row.old_secret else None,
        "dropped": row.dropped,
        "created_at": iso_time(row.created_at),
        "made_by": row.made_by,
    }


def delivery_value(row: Delivery) -> dict[str, Any]:
    """A delivery as JSON."""
    return {
        "id": row.id,
        "webhook": row.webhook_id,
        "event": row.event_id,
        "type": row.type,
        "status": row.status,
        "tries": row.tries,
        "code": row.code,
        "error": row.error or None,
        "created_at": iso_time(row.created_at),
        "tried_at": iso_time(row.tried_at),
        "next_at": iso_time(row.due_at) if row.status == "due" else None,
    }
