"""How often customers may have events sent by asking for it: each is a request to whatever URL they have set."""

from __future__ import annotations

from typing import Literal

from router.db.transaction import Transaction
from router.office.actor import Actor
from router.office.office import Office
from router.office.people.rules.attempts import admit, by_person
from router.store.webhooks.endpoints import EndpointRow

__all__ = ["check_asking"]


def check_asking(
    transaction: Transaction, office: Office, actor: Actor, what: Literal["test", "resend"], row: EndpointRow
) -> None:
    """Count that somebody asks for an event to be sent. Operators, whose machine it is, are not counted.

    Raises:
        RateLimited: there were too many, for the webhook or its account.
    """
    if actor.kind != "operator":
        tallies = (by_person(f"webhook_{what}", row.id), by_person(f"webhooks_{what}", row.account_id))
        admit(transaction.connection, tallies, office.clock())
