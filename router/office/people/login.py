"""Passwords at the log-in: slow for who guesses, and no word of who is known."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import Unauthorized
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.outbox import queue_mail
from router.office.people.people import check_active, least_password, person_of, person_row
from router.office.people.records import Person, Visit
from router.office.people.rules.addresses import email_key
from router.office.people.rules.attempts import admit, by_client, by_login, by_person, by_site
from router.office.people.rules.passwords import check_new_password, hash_password, password_fits
from router.store.people.attempts import Tally, forget_attempt
from router.store.people.events import has_event
from router.store.people.people import PersonRow, find_person_row, update_person
from router.store.people.sessions import delete_sessions
from router.store.people.tickets import delete_tickets

__all__ = ["check_password", "confirm_password", "set_password"]

_QUIET_S = 3600.0
"""Of failed log-ins of one person, one in this time is kept as an event: whoever guesses writes no more."""


def check_password(office: Office, visit: Visit, email: str, password: str) -> Person:
    """Who logs in with an address and a password. A second factor is still to be asked for.

    Raises:
        Unauthorized: there is no such person, or it is another password (code ``wrong_login``).
        RateLimited: too many were tried: upon this address, from this client, or in all (``too_many_attempts``).
        Forbidden: the password is right, and the person suspended (``person_suspended``).
    """
    key = email_key(email)
    tallies = (by_login(key), by_client("login", visit.address), by_site("login"))
    row = _checked(office, visit, tallies, find_person_row(office.database, email_key=key), password)
    check_active(row)
    return person_of(row)


def confirm_password(office: Office, visit: Visit, person_id: str, password: str) -> None:
    """Have somebody who is logged in prove anew who they are; ``step_up`` of the session is next. What others try at
    the log-in is not counted here.

    Raises:
        NotFound: there is no such person.
        Unauthorized: it is another password (code ``wrong_login``).
        RateLimited: too many were tried (``too_many_attempts``).
    """
    tallies = (by_person("password", person_id), by_client("password", visit.address))
    _checked(office, visit, tallies, person_row(office.database, person_id), password)


def set_password(office: Office, actor: Actor, person_id: str, new: str) -> None:
    """Set a password. All log-ins end but the one by which it is done, and all links that were sent.

    Raises:
        NotFound: there is no such person.
        BadRequest: the password is none that does.
    """
    row = person_row(office.database, person_id)
    hash = hash_password(check_new_password(new, least=least_password(office, person_id), email=row.email))

    def change(transaction: Transaction) -> Change[None]:
        row = person_row(transaction, person_id, lock=True)
        check_active(row)
        update_person(transaction, person_id, {"password": hash})
        ended = delete_sessions(transaction.connection, person_id, but=actor.session)
        delete_tickets(transaction.connection, ("login", "reset", "email", "step"), person_id=person_id)
        record_event(transaction, office, person_id, "password_changed", address=actor.address)
        told = {"at": f"{office.clock():.0f}", "address": actor.address, "zone": row.zone}
        queue_mail(transaction, office, row.email, "password_changed", row.locale, told, person_id=person_id)
        return Change(None, person_id, {"sessions_ended": ended})

    write(office, actor, "people password", change)


def _checked(
    office: Office, visit: Visit, tallies: tuple[Tally, ...], row: PersonRow | None, password: str
) -> PersonRow:
    """The person, if it is their password. Counted before it is looked at, so that many at once are many."""
    now = office.clock()
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    fits, better = password_fits(row.password if row is not None else "", password)
    office.database.write(lambda connection: _note(connection, office, visit, tallies, row, now, fits), behind=True)
    if row is None or not fits:
        raise Unauthorized("The address or the password is not right.", code="wrong_login")
    if better:
        update_person(office.database, row.id, {"password": better})
    return row


def _note(
    connection: Connection,
    office: Office,
    visit: Visit,
    tallies: tuple[Tally, ...],
    row: PersonRow | None,
    at: float,
    fits: bool,
) -> None:
    """A log-in that was right is no attempt; of those that were not, the person is told."""
    if fits:
        forget_attempt(connection, tallies, at)
    elif row is not None and not has_event(connection, row.id, "login_failed", since=at - _QUIET_S):
        record_event(Transaction(connection, office.database.place), office, row.id, "login_failed", visit=visit)
