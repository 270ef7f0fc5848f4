"""What the gateway finds by itself to tell endpoints of, and what is forgotten of what was told."""

from __future__ import annotations

from router.charging.limit_rules import limit_rules
from router.db.connection import Connection
from router.db.transaction import Transaction
from router.office.office import Office
from router.office.webhooks.events import event_body, queue_event
from router.store.webhooks.deliveries import forget_deliveries
from router.store.webhooks.due_events import DueEvent, fallen_balances, used_budgets
from router.store.webhooks.endpoints import find_endpoint
from router.types.periods import PERIODS, window_of

__all__ = ["queue_what_is_due", "tidy_deliveries"]

_AT_MOST = 200  # of each kind in one run: the next one goes on
_FORGOTTEN_AFTER_S = 30 * 86_400.0


def queue_what_is_due(office: Office) -> int:
    """Write events of balances that have fallen and of budgets that are nearly used; how many.

    Each is told once: of a balance until a transfer has raised it above what is low again, of a budget for its period,
    its amount and each of 50, 80 and 100 %.
    """
    database = office.database
    timezone = limit_rules(office.settings).timezone
    starts = [window_of(period, office.clock(), timezone).start or 0.0 for period in PERIODS]
    found = [("balance.low", one) for one in fallen_balances(database, limit=_AT_MOST)]
    found += [("budget.used", one) for one in used_budgets(database, starts, limit=_AT_MOST)]
    return sum(_queue(office, type, one) for type, one in found)


def tidy_deliveries(office: Office) -> None:
    """Forget events that are done with after a month, but for causes that hold on: else they would be told again."""
    before = office.clock() - _FORGOTTEN_AFTER_S
    office.database.write(lambda connection: forget_deliveries(connection, before))


def _queue(office: Office, type: str, due: DueEvent) -> bool:
    def queue(connection: Connection) -> bool:
        transaction = Transaction(connection, office.database.place)
        endpoint = find_endpoint(transaction, due.webhook_id)
        if endpoint is None:
            return False
        body = event_body(office, type, {"account": due.account_id, **due.values})
        return bool(queue_event(transaction, office, endpoint, type, due.cause, body))

    return office.database.write(queue)
