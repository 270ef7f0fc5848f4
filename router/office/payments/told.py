"""What methods told and say of themselves, for operators to look at."""

from __future__ import annotations

from router.errors import RouterError
from router.office.office import Office
from router.office.payments.means import waiting_means
from router.office.payments.methods import PaymentMethods
from router.store.payments import facts as rows
from router.store.payments.facts import FactRow, NoticeRow
from router.types.payments import HealthLine

__all__ = ["FactRow", "NoticeRow", "count_refused", "facts_of_topup", "health_of", "list_events", "list_facts"]


_WAITING = "{count} were taken back by their owners, and are not removed there yet: it is tried for three days"


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


def health_of(office: Office, methods: PaymentMethods, name: str) -> list[HealthLine]:
    """What a method says of itself, that it does not answer among it, and what it has still to forget."""
    state = methods.state(name)
    if state.offer is None:
        return [HealthLine("set-up", ok=False, text=state.problem or "it offers nothing")]
    waiting = waiting_means(office, name)
    rest = [HealthLine("saved means", ok=False, text=_WAITING.format(count=len(waiting)))] if waiting else []
    if not methods.has(name, "payment_health"):
        return [HealthLine("set-up", ok=True, text="it has nothing to look at"), *rest]
    try:
        return [*methods.ask(name, "payment_health"), *rest]
    except RouterError as error:
        return [HealthLine("answer", ok=False, text=error.in_full), *rest]
