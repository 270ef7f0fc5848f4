"""What people are shown of what was done with their log-in. Kept for a year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.db.transaction import Transaction
from router.office.office import Office
from router.office.people.records import Visit
from router.store.people.events import EventRow, insert_event, list_event_rows

__all__ = ["KEPT_S", "EventRow", "list_events", "record_event"]

KEPT_S = 365 * 86_400.0


def record_event(
    transaction: Transaction,
    office: Office,
    person_id: str,
    kind: str,
    *,
    address: str = "",
    visit: Visit | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Keep an event, in the transaction of what it tells of.

    Args:
        kind: a stable word (``login``, ``password_changed``).
        address: whence; the visit's where there is one.
        detail: what its text names; anything that JSON holds.
    """
    place, agent = (visit.address, visit.agent) if visit is not None else (address, "")
    insert_event(transaction.connection, person_id, office.clock(), kind, place, agent, detail or {})


def list_events(office: Office, person_id: str, *, before: str = "", limit: int = 50) -> list[EventRow]:
    """Somebody's events, newest first.

    Args:
        before: the ID of the last one of the page before; empty for the first page.
    """
    return list_event_rows(office.database, person_id, before=before, limit=limit)
