"""What was sent to endpoints, as their owners and operators look at it, and have it sent again."""

from __future__ import annotations

from router.db.transaction import Transaction
from router.errors import Conflict, NotFound
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.webhooks.asking import check_asking
from router.store.webhooks import deliveries as rows
from router.store.webhooks.deliveries import OPERATORS_WEBHOOK, Delivery
from router.store.webhooks.endpoints import find_endpoint

__all__ = ["STATUSES", "Delivery", "get_delivery", "list_deliveries", "send_again"]

STATUSES = ("due", "sent", "failed")
"""What can become of a delivery."""

_LIMIT_MAX = 1_000


def list_deliveries(
    office: Office,
    *,
    webhook_id: str = "",
    account_id: str = "",
    status: str = "",
    before: str = "",
    limit: int = 50,
) -> list[Delivery]:
    """Deliveries without what was sent, newest first.

    Args:
        before: the ID of one: only older ones, for the next page.
    """
    count = max(1, min(limit, _LIMIT_MAX))
    return rows.list_deliveries(
        office.database, webhook_id=webhook_id, account_id=account_id, status=status, before=before, limit=count
    )


def get_delivery(office: Office, delivery_id: str, webhook_id: str = "") -> Delivery:
    """One, with what is sent; of an endpoint where one is given.

    Raises:
        NotFound: there is none.
    """
    return _found(rows.find_delivery(office.database, delivery_id), webhook_id)


def send_again(office: Office, actor: Actor, delivery_id: str, webhook_id: str = "") -> Delivery:
    """Have an event sent at once, under the ID that it has, and for as long as a new one.

    Raises:
        NotFound: there is none.
        Conflict: its endpoint is off.
        RateLimited: its owners asked for too many.
    """

    def again(transaction: Transaction) -> Change[Delivery]:
        row = _found(rows.find_delivery(transaction, delivery_id), webhook_id)
        endpoint = find_endpoint(transaction, row.webhook_id)
        if row.webhook_id != OPERATORS_WEBHOOK and (endpoint is None or endpoint.status != "active"):
            raise Conflict("Nothing is sent to this webhook while it is off: switch it on first.", code="webhook_off")
        if endpoint is not None:
            check_asking(transaction, office, actor, "resend", endpoint)
        rows.retry_delivery(transaction, row.id, office.clock())
        return Change(_found(rows.find_delivery(transaction, row.id), ""), row.id, {"webhook": row.webhook_id})

    return write(office, actor, "webhooks resend", again)


def _found(row: Delivery | None, webhook_id: str) -> Delivery:
    if row is None or (webhook_id and row.webhook_id != webhook_id):
        raise NotFound("There is no such delivery.", code="delivery_not_found", param="delivery")
    return row
