"""The end: what is taken away with an account, what is told of it before, and what is forgotten in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people import events
from router.office.people.rules import attempts
from router.office.people.rules.addresses import email_key
from router.store.accounts import rename_account, set_account_status
from router.store.payments.means import delete_automatic, forget_means
from router.store.people.attempts import delete_old_attempts
from router.store.people.events import delete_old_events
from router.store.people.export import exported_rows
from router.store.people.members import (
    count_owners,
    delete_member,
    list_workspace_rows,
    lock_account,
    revoke_account_keys,
)
from router.store.people.people import (
    PersonRow,
    delete_unproved,
    find_person_row,
    forget_person_rows,
    lock_operators,
    update_person,
)
from router.store.people.proofs import delete_old_proofs
from router.store.people.sessions import delete_old_sessions
from router.store.people.tickets import delete_old_tickets, delete_tickets

__all__ = ["UNPROVED_S", "close_person", "export_person", "forget_old"]

UNPROVED_S = 30 * 86_400.0
"""How long somebody is kept who never opened the link that was mailed to them."""


def close_person(office: Office, actor: Actor, person_id: str, email: str) -> None:
    """Close somebody's account for good. Log-ins, factors and what is personal go; workspaces that nobody else owns are
    suspended, their keys revoked, and what was saved to pay by is forgotten.

    Of the address a keyed hash stays with the sign-up: free credit is given once.

    Args:
        email: the address, typed as a proof that this is meant.

    Raises:
        NotFound: there is no such person.
        BadRequest: it is another address (``other_email``).
        Conflict: nobody else runs the gateway (``last_operator``).
    """

    def close(transaction: Transaction) -> Change[None]:
        operators = lock_operators(transaction.connection)
        row = find_person_row(transaction, id=person_id, lock=True)
        if row is None or row.status == "closed":
            raise NotFound(f"There is no person {person_id[:40]!r}.", code="person_not_found")
        if email_key(email) != row.email_key:
            raise BadRequest("Type the address of this account to close it.", code="other_email", param="email")
        if operators == [person_id]:
            raise Conflict("Nobody else runs this gateway: make somebody else an operator first.", code="last_operator")
        ended = _leave_all(transaction, person_id, office.clock())
        forget_person_rows(transaction.connection, person_id, row.email)
        update_person(transaction, person_id, _placeholders(row))
        return Change(None, person_id, {"suspended": ended})

    write(office, actor, "people close", close)


def export_person(office: Office, person_id: str) -> dict[str, Any]:
    """All that is kept of somebody, without secrets, as JSON takes it; times are Unix seconds.

    Raises:
        NotFound: there is no such person.
    """
    row = find_person_row(office.database, id=person_id)
    if row is None:
        raise NotFound(f"There is no person {person_id[:40]!r}.", code="person_not_found")
    own = {name: value for name, value in asdict(row).items() if name not in ("email_key", "password")}
    workspaces = [asdict(one) for one in list_workspace_rows(office.database, person_id)]
    return {
        "person": own | {"has_password": bool(row.password)},
        "workspaces": workspaces,
        **exported_rows(office.database, person_id),
    }


def forget_old(office: Office) -> Mapping[str, int]:
    """Delete what is of no use any more; how many rows of each. A leased job's work: harmless when it is run twice."""
    now = office.clock()

    def forget(connection: Connection) -> Mapping[str, int]:
        return {
            "attempts": delete_old_attempts(connection, now - attempts.KEPT_S),
            "tickets": delete_old_tickets(connection, now),
            "sessions": delete_old_sessions(connection, now),
            "events": delete_old_events(connection, now - events.KEPT_S),
            "proofs": delete_old_proofs(connection, now),
            "people": delete_unproved(connection, now - UNPROVED_S, now),
        }

    return office.database.write(forget)


def _leave_all(transaction: Transaction, person_id: str, now: float) -> list[str]:
    """End all memberships; the accounts that nobody owns now, which are suspended."""
    connection, ended = transaction.connection, []
    for workspace in sorted(list_workspace_rows(transaction, person_id), key=lambda one: one.account_id):
        account_id = workspace.account_id
        lock_account(connection, account_id)
        delete_member(transaction, account_id, person_id)
        revoke_account_keys(connection, account_id, hidden_of=person_id)
        if workspace.role == "owner" and not count_owners(transaction, account_id):
            _end_account(transaction, account_id, now)
            ended.append(account_id)
    return ended


def _end_account(transaction: Transaction, account_id: str, now: float) -> None:
    revoke_account_keys(transaction.connection, account_id)
    delete_tickets(transaction.connection, ("invite",), account_id=account_id)
    set_account_status(transaction, account_id, "suspended", now=True)
    rename_account(transaction, account_id, "closed")  # its name was its owner's
    delete_automatic(transaction.connection, account_id)
    forget_means(transaction.connection, now, account_id=account_id)


def _placeholders(row: PersonRow) -> dict[str, Any]:
    nobody = f"{row.id}@closed.invalid"
    return {
        "email": nobody,
        "email_key": nobody,
        "name": "",
        "password": "",
        "locale": "",
        "zone": "UTC",
        "theme": "system",
        "status": "closed",
        "operator": False,
        "seen_at": None,
    }
