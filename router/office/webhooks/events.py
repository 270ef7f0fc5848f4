"""Events: what they are called, what they say, and how one is written in the transaction that it tells of."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from router.db.ids import new_id
from router.db.transaction import Transaction
from router.money.amounts import format_nano
from router.office.office import Office
from router.store.webhooks.deliveries import OPERATORS_WEBHOOK, count_waiting, insert_delivery
from router.store.webhooks.endpoints import EndpointRow, count_dropped, live_endpoints
from router.types.periods import iso_time

__all__ = ["EVENTS", "TEST", "event_body", "queue_event", "queue_operators", "tell_account", "tell_operators"]

EVENTS: Mapping[str, str] = {
    "balance.low": "The balance has fallen below what the endpoint calls low.",
    "budget.used": "A key has used 50, 80 or 100 % of its budget.",
    "credit.added": "Credit has arrived: a top-up, a grant, free credit.",
    "credit.expired": "What was left of a grant has expired.",
    "payment.failed": "A top-up or an automatic payment has failed.",
    "payment.refunded": "A payment was refunded, in whole or in part.",
    "payment.disputed": "A payment is disputed: the account is suspended.",
}
"""What customers may be told of: kind -> when."""

TEST = "webhook.test"
"""The kind of an event that somebody asks for, to see it arrive."""

_OF_NOTICES: Mapping[str, str] = {
    "topup": "credit.added",
    "credit_given": "credit.added",
    "credit_expired": "credit.expired",
    "payment_failed": "payment.failed",
    "refund": "payment.refunded",
    "dispute": "payment.disputed",
}
"""A kind of notice -> that of the event which tells programs the same; the gateway finds the others by itself."""
_PLACES_MIN = 2
_log = logging.getLogger("router.webhooks")


def tell_account(
    transaction: Transaction,
    office: Office,
    account_id: str,
    notice: str,
    subject: str,
    period: str,
    values: Mapping[str, str],
) -> None:
    """Write what a notice tells as events, as part of its transaction: to the account's endpoints, and to operators.

    Nothing is written for kinds of notices that programs are not told of.

    Args:
        notice, subject, period, values: as ``notify_members`` has them.
    """
    type = _OF_NOTICES.get(notice)
    if type is None:
        return
    cause = f"{type}/{subject}/{period}"
    told = {"account": account_id, "reference": subject, **values}
    endpoints = [one for one in live_endpoints(transaction, account_id) if one.wants(type)]
    if endpoints:
        event, body = new_id("evt"), event_body(office, type, told)
        for endpoint in endpoints:
            queue_event(transaction, office, endpoint, type, cause, body, event_id=event)
    tell_operators(transaction, office, type, cause, told)


def tell_operators(transaction: Transaction, office: Office, type: str, cause: str, values: Mapping[str, str]) -> bool:
    """Write an event for ``[webhooks] url`` as part of a transaction; whether there was one to write.

    There is none without that URL, where it does not want this kind, where the same cause was told before, and where
    too many wait.

    Args:
        type: the kind, of words and dots: ``provider.failing``.
        cause: any text: for each it is told once.
        values: what it says. Names that end in ``_nano`` are amounts in nano-units, as decimal text.
    """
    settings = office.settings.webhooks
    if not settings.tells_operators or (settings.events and type not in settings.events):
        return False
    return bool(queue_operators(transaction, office, type, cause, event_body(office, type, values)))


def queue_operators(transaction: Transaction, office: Office, type: str, cause: str, body: str) -> str:
    """Write an event for ``[webhooks] url``; its delivery's ID, empty where it was told before or too many wait."""
    most = office.settings.webhooks.waiting
    if count_waiting(transaction, "", most) >= most:
        _log.warning("webhooks: an event for operators (%s) is dropped: %d wait already", type, most)
        return ""
    return insert_delivery(
        transaction,
        office.clock(),
        webhook_id=OPERATORS_WEBHOOK,
        account_id="",
        event_id=new_id("evt"),
        type=type,
        cause=cause,
        body=body,
    )


def queue_event(
    transaction: Transaction,
    office: Office,
    endpoint: EndpointRow,
    type: str,
    cause: str,
    body: str,
    *,
    event_id: str = "",
) -> str:
    """Write an event for one endpoint; the ID of its delivery, empty where it was told before, or dropped for want of
    room, which is counted.
    """
    most = office.settings.webhooks.waiting
    if count_waiting(transaction, endpoint.account_id, most) >= most:
        count_dropped(transaction, endpoint.id)
        return ""
    return insert_delivery(
        transaction,
        office.clock(),
        webhook_id=endpoint.id,
        account_id=endpoint.account_id,
        event_id=event_id or new_id("evt"),
        type=type,
        cause=cause,
        body=body,
    )


def event_body(office: Office, type: str, values: Mapping[str, str]) -> str:
    """An event as it is sent: its kind, when it was, and what it says; amounts as decimal text."""
    data = {}
    for name, text in values.items():
        amount = name.removesuffix("_nano")
        data[amount] = text if amount == name else format_nano(int(text), _PLACES_MIN)
    if len(data) > sum(name in data for name in values):
        data["currency"] = office.settings.gateway.currency
    return json.dumps({"type": type, "timestamp": iso_time(office.clock()), "data": data}, ensure_ascii=False)
