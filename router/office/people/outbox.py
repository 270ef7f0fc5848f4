"""Mails that the office sends: written in the transaction that they tell of, and sent by a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.config.portal import portal_url
from router.db.transaction import Transaction
from router.office.office import Office
from router.store.people.outbox import insert_mail

if TYPE_CHECKING:
    from router.mail.message import Sender

__all__ = ["queue_mail", "sender_of"]


def sender_of(office: Office) -> Sender:
    """Who writes to people: the portal by its name, and where it is found."""
    from router.mail.message import Sender

    settings = office.settings
    name = settings.portal.name or office.dialect.title
    return Sender(name, portal_url(settings.portal, settings.server), settings.gateway.currency)


def queue_mail(
    transaction: Transaction,
    office: Office,
    recipient: str,
    purpose: str,
    language: str,
    values: Mapping[str, str],
    *,
    person_id: str = "",
) -> None:
    """Write a mail as part of a transaction: it is sent if, and soon after, that is committed.

    Args:
        recipient: an address as it was typed.
        purpose: one of ``router.mail.purposes.PURPOSES``.
        language: the code of the person's language; empty for the portal's.
        values: what the purpose needs: its table says which. ``ticket`` is the text of a one-time link, which becomes
            ``/app/t/TICKET`` behind the portal's origin; amounts are given as nano-units (``balance_nano``), times as
            Unix seconds (``at``, ``expires_at``), how long a link works as seconds (``lasts_s``), all as decimal text.
            ``zone`` may name the person's time zone.
        person_id: to whom it is, where that is known.

    Raises:
        ValueError: there is no such purpose, or it needs a value that is not given.
    """
    from router.mail.message import write_mail

    code = language or office.settings.portal.language
    mail = write_mail(sender_of(office), recipient, purpose, code, values, zone=values.get("zone", ""))
    insert_mail(
        transaction,
        office.clock(),
        person_id=person_id,
        recipient=mail.recipient,
        purpose=purpose,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
    )
