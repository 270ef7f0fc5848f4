"""The operator's own webhook: whether it is there, and a test of it."""

from __future__ import annotations

from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import Conflict
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.webhooks.events import TEST, event_body, queue_operators
from router.store.webhooks.deliveries import OPERATORS_WEBHOOK

__all__ = ["OPERATORS_WEBHOOK", "send_operators_test"]


def send_operators_test(office: Office, actor: Actor) -> str:
    """Have a test event sent to ``[webhooks] url``, whatever kinds it wants; the ID of its delivery.

    Raises:
        Conflict: there is no such URL, or too much waits.
    """
    if not office.settings.webhooks.tells_operators:
        where = office.settings.where("webhooks.url")
        raise Conflict(f"There is no URL to send it to: set {where}.", code="webhook_off")

    def test(transaction: Transaction) -> Change[str]:
        made = queue_operators(transaction, office, TEST, f"{TEST}/{new_id('evt')}", event_body(office, TEST, {}))
        if not made:
            raise Conflict("Too many events wait already.", code="too_many_waiting")
        return Change(made, OPERATORS_WEBHOOK, {})

    return write(office, actor, "webhooks test", test)
