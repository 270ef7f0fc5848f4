"""Who runs the gateway: made by the command line, or by whoever has the operator secret while there is nobody yet."""

from __future__ import annotations

from typing import Any

from router.config.operator_secret import is_operator
from router.db.transaction import Transaction
from router.errors import Conflict, Forbidden, NotFound
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.links import LASTS_S, take_theirs
from router.office.people.outbox import queue_mail
from router.office.people.people import check_active, check_verified, list_people, person_of, person_row
from router.office.people.records import Person, Visit
from router.office.people.rules.addresses import EmailAddress, parse_email
from router.office.people.rules.attempts import admit, by_client, by_person, by_site
from router.office.people.signup import new_person
from router.store.people.factors import list_factor_rows
from router.store.people.people import (
    count_operators,
    find_person_row,
    insert_person,
    lock_first_operator,
    lock_operators,
    update_person,
)
from router.store.people.sessions import delete_sessions
from router.store.people.tickets import issue_ticket

__all__ = [
    "claim_operator",
    "has_operators",
    "is_ready",
    "list_operators",
    "make_operator",
    "unmake_operator",
    "use_operator_link",
]


def has_operators(office: Office) -> bool:
    """Whether anybody runs the gateway by the portal."""
    return count_operators(office.database) > 0


def list_operators(office: Office) -> list[Person]:
    """Who runs the gateway, newest first."""
    return list_people(office, limit=1000, operators=True)


def is_ready(office: Office, person: Person) -> bool:
    """Whether an operator has what is asked of one before any page of the console: codes of an app, or a passkey."""
    rows = list_factor_rows(office.database, person.id)
    return person.operator and any(row.confirmed and row.kind != "recovery" for row in rows)


def make_operator(office: Office, actor: Actor, email: str) -> str:
    """Make somebody an operator: once they open the link whose text this gives, which is mailed to them as well.

    Raises:
        BadRequest: the address is none.
        Forbidden: the person is suspended.
    """
    address = parse_email(email)
    return write(office, actor, "operators make", lambda transaction: _asked(transaction, office, address))


def claim_operator(office: Office, actor: Actor, person_id: str, secret: str, visit: Visit) -> Person:
    """Make somebody the first operator, by the secret that ``router init`` showed; who is to be logged in anew then.

    Raises:
        NotFound: there is an operator already (``operator_exists``), or no such person.
        Forbidden: it is another secret (``wrong_secret``), their address is not proved yet (``not_verified``), or they
            are suspended (``person_suspended``).
        RateLimited: too many were tried.
    """
    now, tallies = office.clock(), (by_person("claim", person_id), by_client("claim", actor.address), by_site("claim"))
    if has_operators(office):  # before anything is counted or compared: the secret is of no use any more
        raise _has_one()
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    if not is_operator(office.settings.path, secret.strip()):
        raise Forbidden("This is not the operator secret that `router init` showed.", code="wrong_secret")

    def claim(transaction: Transaction) -> Change[Person]:
        if lock_first_operator(transaction.connection):
            raise _has_one()
        row = person_row(transaction, person_id, lock=True)
        check_active(row)
        check_verified(row)
        update_person(transaction, person_id, {"operator": True})
        delete_sessions(transaction.connection, person_id)
        record_event(transaction, office, person_id, "operator_made", visit=visit)
        return Change(person_of(person_row(transaction, person_id)), person_id, {})

    return write(office, actor, "operators claim", claim)


def use_operator_link(office: Office, actor: Actor, text: str, visit: Visit) -> Person:
    """Make whoever was sent a link an operator, and their address proved; who is to be logged in then.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        Forbidden: the person is suspended (``person_suspended``).
    """

    def use(transaction: Transaction) -> Change[Person]:
        _, row = take_theirs(transaction, office, text, "operator")
        changes: dict[str, Any] = {"operator": True, "verified_at": row.verified_at or office.clock()}
        if row.verified_at is None:
            changes["password"] = ""  # nobody can tell whose it was
        update_person(transaction, row.id, changes)
        delete_sessions(transaction.connection, row.id)
        record_event(transaction, office, row.id, "operator_made", visit=visit)
        return Change(person_of(person_row(transaction, row.id)), row.id, {})

    return write(office, actor, "operators accept", use)


def unmake_operator(office: Office, actor: Actor, person_id: str) -> Person:
    """Let somebody be an operator no more; their log-ins end.

    Raises:
        NotFound: there is no such person.
        Conflict: nobody else is one (``last_operator``).
    """

    def change(transaction: Transaction) -> Change[Person]:
        operators = lock_operators(transaction.connection)
        row = person_row(transaction, person_id, lock=True)
        if operators == [person_id]:
            raise Conflict("Nobody else runs this gateway: make somebody else an operator first.", code="last_operator")
        update_person(transaction, person_id, {"operator": False})
        delete_sessions(transaction.connection, person_id)
        record_event(transaction, office, person_id, "operator_ended", address=actor.address)
        return Change(person_of(person_row(transaction, person_id)), person_id, {}, made=row.operator)

    return write(office, actor, "operators remove", change)


def _has_one() -> NotFound:
    return NotFound(
        "There is an operator already: they, or `router people operator`, make others.", code="operator_exists"
    )


def _asked(transaction: Transaction, office: Office, email: EmailAddress) -> Change[str]:
    insert_person(transaction, new_person(office, email, Visit(locale="")))
    row = find_person_row(transaction, email_key=email.key, lock=True)
    assert row is not None, "made just now"
    check_active(row)
    lasts_s = LASTS_S["operator"]
    _, text = issue_ticket(
        transaction.connection, "operator", office.clock(), lasts_s=lasts_s, person_id=row.id, email=row.email
    )
    told = {"ticket": text, "lasts_s": str(lasts_s), "zone": row.zone}
    queue_mail(transaction, office, row.email, "operator", row.locale, told, person_id=row.id)
    return Change(text, row.id, {})
