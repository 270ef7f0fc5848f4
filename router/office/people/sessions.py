"""Log-ins: a random text in a cookie, of which its hash is kept. A new text takes the old one's place at each step."""

from __future__ import annotations

import secrets
from dataclasses import replace

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Transaction
from router.errors import NotFound, Unauthorized
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.notices import notify_person
from router.office.people.people import check_active, person_of, person_row
from router.office.people.records import Person, Visit, WebSession
from router.store.people.events import has_event
from router.store.people.members import member_role
from router.store.people.people import PersonRow, see_person
from router.store.people.sessions import (
    ACTING,
    FoundSession,
    SessionRow,
    delete_session,
    delete_sessions,
    find_session_row,
    insert_session,
    last_workspace,
    list_session_rows,
    see_session,
    set_session_account,
    take_session,
)
from router.store.people.tickets import hash_of

__all__ = [
    "SECOND_STEP_S",
    "STEP_UP_S",
    "choose_workspace",
    "complete_session",
    "end_other_sessions",
    "end_session",
    "find_session",
    "is_stepped_up",
    "list_sessions",
    "open_session",
    "step_up",
]

SECOND_STEP_S = 300.0
"""How long a log-in waits for its second factor."""

STEP_UP_S = 900.0
"""How long it counts that somebody proved anew who they are."""

_DAY_S = 86_400.0
_IDLE_S, _LONGEST_S = 7 * _DAY_S, 30 * _DAY_S
_OPERATORS_IDLE_S, _OPERATORS_LONGEST_S = 3600.0, _DAY_S / 2
_SEEN_S = 60.0
_TEXT_MAX = 200
_AGENT_MAX = 300
_ID = "sess_"


def open_session(office: Office, person: Person, visit: Visit, *, complete: bool) -> str:
    """Log somebody in whose password or link was right; the text of the cookie, which is kept nowhere.

    Args:
        complete: false where a second factor is still to be asked for, as ``factors.has_second_factor`` tells.

    Raises:
        NotFound: there is no such person.
        Forbidden: they are suspended.
    """

    def insert(connection: Connection) -> str:
        transaction = Transaction(connection, office.database.place)
        row = person_row(transaction, person.id, lock=True)
        check_active(row)
        now = office.clock()
        session = SessionRow(
            hash="",
            id=new_id("sess"),
            person_id=row.id,
            account_id=last_workspace(connection, row.id),
            complete=complete,
            created_at=now,
            seen_at=now,
            expires_at=now + (_longest_s(row) if complete else SECOND_STEP_S),
            stepped_at=now if complete else None,
            address=clean_text(visit.address),
            agent=clean_text(visit.agent)[:_AGENT_MAX],
        )
        if complete:
            _welcome(transaction, office, row, session)
        return _kept(connection, session)

    return office.database.write(insert)


def find_session(office: Office, text: str) -> WebSession | None:
    """The log-in of a cookie; None for one that is over, or whose person may log in no more. Notes that they are here,
    once a minute.
    """
    if not text or len(text) > _TEXT_MAX:
        return None
    found, now = find_session_row(office.database, hash_of(text)), office.clock()
    if found is None or found.person.status != "active" or not _counts(found, now):
        return None
    if now - found.row.seen_at >= _SEEN_S:
        see_session(office.database, found.row, now)
        found = replace(found, row=replace(found.row, seen_at=now))
    return _told(found)


def complete_session(office: Office, text: str) -> str:
    """Let a log-in count whose second factor was right; the new text of the cookie.

    Raises:
        Unauthorized: the log-in is over (code ``session_over``).
    """
    return _renewed(office, text, complete=True)


def step_up(office: Office, text: str) -> str:
    """Note that somebody proved anew who they are; the new text of the cookie.

    Raises:
        Unauthorized: the log-in is over, or still without its second factor (code ``session_over``).
    """
    return _renewed(office, text, complete=False)


def is_stepped_up(office: Office, session: WebSession) -> bool:
    """Whether somebody proved anew who they are a short while ago."""
    return session.stepped_at is not None and 0 <= office.clock() - session.stepped_at < STEP_UP_S


def choose_workspace(office: Office, text: str, account_id: str) -> None:
    """Look at another workspace.

    Raises:
        NotFound: there is no such workspace, or it is somebody else's, which is the same (``account_not_found``).
        Unauthorized: the log-in is over (code ``session_over``).
    """
    found = find_session_row(office.database, hash_of(text))
    if found is None:
        raise _over()
    if not member_role(office.database, account_id, found.person.id):
        raise NotFound("There is no such workspace.", code="account_not_found")
    if not set_session_account(office.database, found.row.hash, account_id):
        raise _over()


def list_sessions(office: Office, person_id: str) -> list[WebSession]:
    """Somebody's log-ins that are not over, the one seen last first."""
    now = office.clock()
    return [_told(one) for one in list_session_rows(office.database, person_id, now) if _counts(one, now)]


def end_session(office: Office, actor: Actor, which: str, *, person_id: str | None = None) -> None:
    """End a log-in: by its ID (``sess_...``), or by the text of its cookie, as who logs out does.

    Args:
        person_id: whose it must be.

    Raises:
        NotFound: there is no such log-in, or it is somebody else's, which is the same (``session_not_found``). By the
            text of a cookie that is harmless.
    """
    columns = {"id": which} if which.startswith(_ID) else {"hash": hash_of(which[:_TEXT_MAX])}
    if person_id is not None:
        columns["person_id"] = person_id

    def end(transaction: Transaction) -> Change[None]:
        ended = delete_session(transaction.connection, **columns)
        if not ended and "id" in columns:
            raise NotFound("There is no such log-in.", code="session_not_found")
        return Change(None, ended, {}, made=bool(ended))

    write(office, actor, "sessions end", end)


def end_other_sessions(office: Office, actor: Actor, person_id: str, session_id: str) -> int:
    """End all log-ins of somebody but one; how many."""

    def end(transaction: Transaction) -> Change[int]:
        ended = delete_sessions(transaction.connection, person_id, but=session_id)
        if ended:
            record_event(transaction, office, person_id, "sessions_ended", address=actor.address)
        return Change(ended, person_id, {"ended": ended}, made=ended > 0)

    return write(office, actor, "sessions end-others", end)


def _renewed(office: Office, text: str, *, complete: bool) -> str:
    """Put a new row in the place of a session's: of two who try at once, one does."""

    def renew(connection: Connection) -> str:
        transaction, now = Transaction(connection, office.database.place), office.clock()
        found = find_session_row(transaction, hash_of(text[:_TEXT_MAX]))
        if found is None or not _counts(found, now) or found.row.complete is complete:
            raise _over()
        check_active(found.person)
        if take_session(connection, found.row.hash) is None:
            raise _over()
        row = replace(found.row, seen_at=now, stepped_at=now)
        if complete:
            row = replace(row, complete=True, created_at=now, expires_at=now + _longest_s(found.person))
            _welcome(transaction, office, found.person, row)
        return _kept(connection, row)

    return office.database.write(renew)


def _kept(connection: Connection, row: SessionRow) -> str:
    text = secrets.token_urlsafe(32)
    insert_session(connection, replace(row, hash=hash_of(text)))
    return text


def _welcome(transaction: Transaction, office: Office, row: PersonRow, session: SessionRow) -> None:
    """Note a log-in; who comes by a browser that was not seen before is told, in case it was somebody else."""
    connection, now = transaction.connection, office.clock()
    new = has_event(connection, row.id, "login") and not has_event(connection, row.id, "login", agent=session.agent)
    visit = Visit(session.address, session.agent)
    record_event(transaction, office, row.id, "login", visit=visit, detail={"session": session.id, "new_device": new})
    see_person(connection, row.id, now)
    if new and row.verified_at is not None:
        told = {"at": f"{now:.0f}", "address": session.address, "agent": session.agent}
        notify_person(transaction, office, row.id, "new_device", session.id, "", told)


def _counts(found: FoundSession, now: float) -> bool:
    """Whether a log-in is not over. Who was made an operator since has an operator's limits from then on."""
    row = found.row
    idle_s = _OPERATORS_IDLE_S if found.person.operator else _IDLE_S
    ends_at = min(row.expires_at, row.created_at + _longest_s(found.person))
    return now < ends_at and now - row.seen_at < idle_s


def _longest_s(person: PersonRow) -> float:
    return _OPERATORS_LONGEST_S if person.operator else _LONGEST_S


def _told(found: FoundSession) -> WebSession:
    row, role = found.row, found.role
    looks = row.account_id.startswith(ACTING) and found.person.operator and found.second_factor and row.complete
    if looks:
        role = "viewer"  # which may see, and change nothing
    return WebSession(
        id=row.id,
        person=person_of(found.person),
        account_id=row.account_id.removeprefix(ACTING) if role else "",
        role=role,
        acting=looks,
        complete=row.complete,
        second_factor=found.second_factor,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        stepped_at=row.stepped_at,
        address=row.address,
        agent=row.agent,
    )


def _over() -> Unauthorized:
    return Unauthorized("This log-in is over: log in again.", code="session_over")
