"""One-time links: what they are for, and what is done by them. Looking at one uses nothing up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.abuse import is_refused, tell_credit
from router.office.people.events import record_event
from router.office.people.links import TEXT_MAX, mail_tallies, mail_ticket, take_theirs, ticket_over
from router.office.people.outbox import queue_mail
from router.office.people.people import check_verified, least_password, person_of, person_row
from router.office.people.records import Person, TicketView, Visit
from router.office.people.rules.addresses import email_key, parse_email
from router.office.people.rules.attempts import admit, by_person, by_site
from router.office.people.rules.credit import free_credit_of, open_workspace
from router.office.people.rules.passwords import check_new_password, hash_password
from router.store.people.people import PersonRow, find_person_row, update_person
from router.store.people.sessions import delete_sessions
from router.store.people.tickets import (
    delete_tickets,
    hash_of,
    show_ticket,
)

__all__ = [
    "Verified",
    "ask_email_change",
    "change_email",
    "look_at_ticket",
    "resend_verification",
    "reset_password",
    "send_login_link",
    "send_reset",
    "send_step_link",
    "use_login_link",
    "use_step_link",
    "verify_email",
]


@dataclass(frozen=True, slots=True)
class Verified:
    """An address that was proved.

    Attributes:
        same_browser: whether the browser that opened the link is the one that asked for it, and may be logged in.
        credit_nano: the free credit that was given just now; 0 for none.
        account_id: the workspace that was made just now; empty for none.
    """

    person: Person
    same_browser: bool
    credit_nano: int
    account_id: str


def look_at_ticket(office: Office, text: str, purpose: str | None = None) -> TicketView | None:
    """What a link is for, as its page shows it; None where it was used, has run out, or is for something else."""
    shown = show_ticket(office.database, hash_of(text), office.clock()) if len(text) <= TEXT_MAX else None
    if shown is None or purpose not in (None, shown.row.purpose):
        return None
    row = shown.row
    return TicketView(
        row.purpose, row.email, row.account_id, shown.account_name, row.role, shown.made_by_email, row.expires_at
    )


def verify_email(office: Office, actor: Actor, text: str, visit: Visit) -> Verified:
    """Prove an address by the link that was sent there; the first time, that makes a workspace with its free credit.

    All log-ins of before end: whoever had signed up with somebody else's address is out.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        Forbidden: the person is suspended (``person_suspended``).
    """
    free = free_credit_of(office)

    def verify(transaction: Transaction) -> Change[Verified]:
        ticket, row = take_theirs(transaction, office, text, "verify")
        same = bool(visit.browser) and ticket.browser == hash_of(visit.browser)
        if row.verified_at is not None:
            return Change(Verified(person_of(row), same, 0, ""), row.id, {}, made=False)
        update_person(transaction, row.id, {"verified_at": office.clock()})
        delete_sessions(transaction.connection, row.id)
        refused = is_refused(transaction, parse_email(row.email), visit.address)
        settled = open_workspace(transaction, office, row, free, refused=refused)
        record_event(transaction, office, row.id, "verified", visit=visit)
        person = person_of(find_person_row(transaction, id=row.id) or row)
        if settled is not None:
            tell_credit(transaction, office, settled.row)
        credit_nano, account_id = (settled.row.credit_nano, settled.row.account_id) if settled else (0, "")
        detail = {
            "account": account_id,
            "verdict": settled.row.verdict if settled else "",
            "credit": format_nano(credit_nano) if credit_nano else "",
            "made": settled.reference if settled else "",
        }
        return Change(Verified(person, same, credit_nano, account_id), row.id, detail)

    return write(office, actor, "people verify", verify)


def resend_verification(office: Office, actor: Actor, visit: Visit, email: str, *, proof_ok: bool = True) -> None:
    """Send the link that proves an address again, should it be wanted there; nothing is told of whether it is.

    Raises:
        RateLimited: too many were asked for.
    """
    _to_whom(office, actor, visit, email, "people resend", _send_verification, proof_ok=proof_ok, also="verify")


def send_login_link(office: Office, actor: Actor, visit: Visit, email: str, *, proof_ok: bool) -> None:
    """Mail a link that logs in, should somebody have this address; nothing is told of whether anybody has.

    Raises:
        BadRequest: the address is none.
        RateLimited: too many were asked for.
    """
    _to_whom(office, actor, visit, email, "people login-link", _send_login, proof_ok=proof_ok)


def use_login_link(office: Office, actor: Actor, text: str, visit: Visit) -> Person:
    """Who is to be logged in by a link. A second factor is still to be asked for.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        Forbidden: the person is suspended (``person_suspended``).
    """

    def use(transaction: Transaction) -> Change[Person]:
        _, row = take_theirs(transaction, office, text, "login")
        return Change(person_of(row), row.id, {})

    return write(office, actor, "people login", use)


def send_reset(office: Office, actor: Actor, visit: Visit, email: str, *, proof_ok: bool) -> None:
    """Mail a link that sets a new password. As ``send_login_link``."""
    _to_whom(office, actor, visit, email, "people send-reset", _send_reset, proof_ok=proof_ok, also="reset")


def reset_password(office: Office, actor: Actor, text: str, password: str) -> Person:
    """Set a new password by a link. All log-ins end, and all other links that were sent; it logs nobody in.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        BadRequest: the password is none that does.
        Forbidden: the person is suspended (``person_suspended``).
    """
    shown = look_at_ticket(office, text, "reset")
    if shown is None:
        raise ticket_over()
    whose = find_person_row(office.database, email_key=email_key(shown.email))
    least = least_password(office, whose.id if whose else "")
    hash = hash_password(check_new_password(password, least=least, email=whose.email if whose else ""))

    def reset(transaction: Transaction) -> Change[Person]:
        _, row = take_theirs(transaction, office, text, "reset")
        connection = transaction.connection
        update_person(transaction, row.id, {"password": hash})
        ended = delete_sessions(connection, row.id)
        delete_tickets(connection, ("login", "reset", "email", "step"), person_id=row.id)
        record_event(transaction, office, row.id, "password_reset", address=actor.address)
        told = {"at": f"{office.clock():.0f}", "address": actor.address, "zone": row.zone}
        queue_mail(transaction, office, row.email, "password_changed", row.locale, told, person_id=row.id)
        return Change(person_of(row), row.id, {"sessions_ended": ended})

    return write(office, actor, "people reset-password", reset)


def ask_email_change(office: Office, actor: Actor, person_id: str, email: str, visit: Visit | None = None) -> None:
    """Mail a link to a new address, by which it takes the old one's place. Nothing is told of whether it is taken.

    Raises:
        BadRequest: the address is none, or the one that there is (``same_email``).
        NotFound: there is no such person.
        Forbidden: the person's own address is not proved yet (``not_verified``).
        RateLimited: too many were asked for.
    """
    address, here = parse_email(email), visit or Visit(address=actor.address)

    def ask(transaction: Transaction) -> Change[None]:
        row = person_row(transaction, person_id, lock=True)
        check_verified(row)
        if row.email_key == address.key:
            raise BadRequest("That is the address that you have.", code="same_email", param="email")
        tallies = (by_person("email_change", person_id), *mail_tallies(here, address.key, proof_ok=True))
        admit(transaction.connection, tallies, office.clock())
        if find_person_row(transaction, email_key=address.key) is None:
            values = {"email": address.text}
            mail_ticket(transaction, office, "email", row, here, mail="email_change", email=address.text, values=values)
        record_event(transaction, office, row.id, "email_change_asked", visit=here)
        return Change(None, row.id, {})

    write(office, actor, "people ask-email", ask)


def change_email(office: Office, actor: Actor, text: str) -> Person:
    """Let a new address take the old one's place, by the link that was sent there; the old one is told.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        Conflict: somebody has the address by now (``email_taken``).
        Forbidden: the person is suspended (``person_suspended``).
    """

    def change(transaction: Transaction) -> Change[Person]:
        ticket, row = take_theirs(transaction, office, text, "email")
        address = parse_email(ticket.email)
        if find_person_row(transaction, email_key=address.key) is not None:
            raise Conflict("Somebody else has this address by now.", code="email_taken", param="email")
        now = office.clock()
        update_person(transaction, row.id, {"email": address.text, "email_key": address.key})
        delete_tickets(transaction.connection, ("login", "reset", "verify", "email", "step"), person_id=row.id)
        record_event(transaction, office, row.id, "email_changed", address=actor.address)
        told = {"email": address.text, "at": f"{now:.0f}", "address": actor.address, "zone": row.zone}
        queue_mail(transaction, office, row.email, "email_changed", row.locale, told, person_id=row.id)
        return Change(person_of(find_person_row(transaction, id=row.id) or row), row.id, {})

    return write(office, actor, "people change-email", change)


def send_step_link(office: Office, actor: Actor, visit: Visit, person_id: str) -> None:
    """Mail somebody who is logged in a link by which they prove anew who they are.

    Raises:
        NotFound: there is no such person.
        RateLimited: too many were asked for.
    """

    def send(transaction: Transaction) -> Change[None]:
        row = person_row(transaction, person_id, lock=True)
        admit(transaction.connection, (by_person("step_link", person_id), by_site("mail")), office.clock())
        mail_ticket(transaction, office, "step", row, visit)
        return Change(None, row.id, {})

    write(office, actor, "people step-link", send)


def use_step_link(office: Office, actor: Actor, text: str, person_id: str) -> None:
    """Use such a link up; ``step_up`` of the session is next.

    Raises:
        NotFound: the link does not count any more, or is another person's (``ticket_over``).
    """

    def use(transaction: Transaction) -> Change[None]:
        _, row = take_theirs(transaction, office, text, "step")
        if row.id != person_id:
            raise ticket_over()
        return Change(None, row.id, {})

    write(office, actor, "people step", use)


def _to_whom(
    office: Office,
    actor: Actor,
    visit: Visit,
    email: str,
    action: str,
    send: Callable[[Transaction, Office, PersonRow, Visit], bool],
    *,
    proof_ok: bool,
    also: str = "",
) -> None:
    """Send whoever has an address a mail, or nobody: what is counted, and committed, is the same."""
    address = parse_email(email)

    def change(transaction: Transaction) -> Change[None]:
        admit(transaction.connection, mail_tallies(visit, address.key, proof_ok=proof_ok, also=also), office.clock())
        row = find_person_row(transaction, email_key=address.key, lock=True)
        if row is None or row.status != "active":
            return Change(None, "", {}, made=False)
        return Change(None, row.id, {}, made=send(transaction, office, row, visit))

    write(office, actor, action, change)


def _send_login(transaction: Transaction, office: Office, row: PersonRow, visit: Visit) -> bool:
    """Who has not proved the address yet is sent the link that does."""
    mail_ticket(transaction, office, "login" if row.verified_at is not None else "verify", row, visit)
    return True


def _send_verification(transaction: Transaction, office: Office, row: PersonRow, visit: Visit) -> bool:
    if row.verified_at is not None:
        return False
    mail_ticket(transaction, office, "verify", row, visit)
    return True


def _send_reset(transaction: Transaction, office: Office, row: PersonRow, visit: Visit) -> bool:
    mail_ticket(transaction, office, "reset", row, visit)
    return True
