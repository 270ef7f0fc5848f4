"""What methods told, for operators to look at."""

from __future__ import annotations

from router.office.office import Office
from router.store.payments import facts as rows
from router.store.payments.facts import FactRow, NoticeRow

__all__ = ["FactRow", "NoticeRow", "count_refused", "facts_of_topup", "list_events", "list_facts"]


def list_facts(office: Office, *, state: str = "", method: str = "", kind: str = "", limit: int = 50) -> list[FactRow]:
    """The newest facts, newest first.

    Args:
        state: ``booked``, ``waiting`` or ``refused``; empty for all.
    """
    return rows.list_facts(office.database, state=state, method=method, kind=kind, limit=limit)


def facts_of_topup(office: Office, topup_id: str) -> list[FactRow]:
    """The facts of a top-up, in the order in which they were told."""
    return office.database.read(lambda connection: rows.facts_of(connection, topup_id))


def list_events(office: Office, *, method: str = "", limit: int = 50) -> list[NoticeRow]:
    """The newest notices, newest first."""
    return rows.list_events(office.database, method=method, limit=limit)


def count_refused(office: Office) -> int:
    """How many facts were refused, and wait for an operator to look at."""
    return rows.count_facts(office.database, "refused")
