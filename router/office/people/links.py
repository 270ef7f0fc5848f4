"""One-time links: made and mailed, and used up, in the transaction of what they do."""

from __future__ import annotations

from collections.abc import Mapping

from router.db.transaction import Transaction
from router.errors import NotFound
from router.office.office import Office
from router.office.people.outbox import queue_mail
from router.office.people.people import check_active
from router.office.people.records import Visit
from router.office.people.rules.attempts import by_address, by_client, by_site
from router.store.people.attempts import Tally
from router.store.people.people import PersonRow, find_person_row
from router.store.people.tickets import TicketRow, hash_of, issue_ticket, show_ticket, take_ticket

__all__ = ["LASTS_S", "TEXT_MAX", "mail_tallies", "mail_ticket", "take", "take_theirs", "ticket_over"]

LASTS_S: Mapping[str, int] = {
    "verify": 86_400,
    "login": 900,
    "reset": 3_600,
    "invite": 7 * 86_400,
    "email": 3_600,
    "operator": 86_400,
    "step": 900,
}
"""Purpose of a link -> how long it works."""

TEXT_MAX = 200
"""Characters of a text that is looked up; ours are shorter."""


def take(transaction: Transaction, office: Office, text: str, purpose: str) -> TicketRow:
    """Use a link up, in the transaction of what it does.

    Raises:
        NotFound: it was used, has run out, or was replaced by a newer one (code ``ticket_over``).
    """
    row = take_ticket(transaction.connection, hash_of(text[:TEXT_MAX]), (purpose,), office.clock())
    if row is None:
        raise ticket_over()
    return row


def take_theirs(transaction: Transaction, office: Office, text: str, purpose: str) -> tuple[TicketRow, PersonRow]:
    """The same of a link that was sent to a person, who is kept from others until the transaction ends.

    Raises:
        NotFound: as ``take``; also where the person has another address by now.
        Forbidden: the person is suspended (``person_suspended``).
    """
    shown = show_ticket(transaction, hash_of(text[:TEXT_MAX]), office.clock())
    if shown is None:
        raise ticket_over()
    person = find_person_row(transaction, id=shown.row.person_id, lock=True)  # before the link: as all others do
    ticket = take(transaction, office, text, purpose)
    if person is None or person.status == "closed":
        raise ticket_over()
    if purpose != "email" and ticket.email != person.email:
        raise ticket_over()
    check_active(person)
    return ticket, person


def mail_ticket(
    transaction: Transaction,
    office: Office,
    purpose: str,
    person: PersonRow,
    visit: Visit,
    *,
    mail: str = "",
    email: str = "",
    values: Mapping[str, str] | None = None,
) -> None:
    """Send a person a link, in the transaction that it belongs to.

    Args:
        purpose: of the link, one of ``LASTS_S``.
        mail: of the mail, where that is another.
        email: where it goes, where that is not the person's address.
        values: what the mail needs besides.
    """
    recipient, lasts_s = email or person.email, LASTS_S[purpose]
    _, text = issue_ticket(
        transaction.connection,
        purpose,
        office.clock(),
        lasts_s=lasts_s,
        person_id=person.id,
        email=recipient,
        browser=visit.browser,
    )
    told = {"ticket": text, "lasts_s": str(lasts_s), "zone": person.zone, **(values or {})}
    queue_mail(
        transaction, office, recipient, mail or purpose, person.locale or visit.locale, told, person_id=person.id
    )


def mail_tallies(visit: Visit, email: str, *, proof_ok: bool, also: str = "") -> tuple[Tally, ...]:
    """What is counted when somebody asks for a mail.

    Args:
        also: what is counted upon the address besides.
    """
    tallies = [by_address("mail", email), by_client("mail", visit.address), by_site("mail")]
    if not proof_ok:
        tallies.append(by_client("unproved", visit.address))
    return (*tallies, *([by_address(also, email)] if also else []))


def ticket_over() -> NotFound:
    """What is said of a link that does not count any more."""
    return NotFound(
        "This link was used before, has run out, or was replaced by a newer one: ask for another.", code="ticket_over"
    )
