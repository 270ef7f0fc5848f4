"""People and their log-ins, as operators look at them."""

from __future__ import annotations

from typing import Any

from router.config.portal import portal_url
from router.errors import NotFound
from router.office.actor import Actor
from router.office.names import account_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.people import members, operators
from router.office.people import people as office_people
from router.office.people import sessions as log_ins
from router.office.people.factors import list_factors
from router.office.people.records import Person
from router.types.periods import iso_time

__all__ = [
    "end_log_ins",
    "invite_member",
    "list_log_ins",
    "list_persons",
    "make_operator",
    "resume_person",
    "show_person",
    "suspend_person",
    "unmake_operator",
]

_TICKET = "/app/t/"
_LIMIT = 50


@operation("people list", "people:PeopleForm")
def list_persons(
    office: Office,
    *,
    search: str | None = None,
    operators: bool | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> OperationAnswer:
    """People, newest first."""
    found = office_people.list_people(
        office, after=after or "", limit=limit or _LIMIT, search=search or "", operators=bool(operators)
    )
    return OperationAnswer([_value(one) for one in found])


@operation("people show", "people:PersonForm")
def show_person(office: Office, *, person: str) -> OperationAnswer:
    """One person: what they belong to, how they prove who they are, and whether they are here."""
    one = _found(office, person)
    workspaces = [
        {"account": at.account_id, "name": at.name, "role": at.role} for at in members.list_workspaces(office, one.id)
    ]
    value = {
        **_value(one),
        "password": one.has_password,
        "second_factors": [factor.kind for factor in list_factors(office, one.id)],
        "language": one.locale or None,
        "time_zone": one.zone or None,
        "log_ins": len(log_ins.list_sessions(office, one.id)),
        "workspaces": workspaces,
    }
    return OperationAnswer(value)


@operation("people operator", "people:EmailForm", writes=True)
def make_operator(office: Office, actor: Actor, *, email: str) -> OperationAnswer:
    """Make whoever has an address an operator, by a link that is mailed to them and shown here."""
    text = operators.make_operator(office, actor, email)
    settings = office.settings
    link = f"{portal_url(settings.portal, settings.server)}{_TICKET}{text}"
    warnings = [] if settings.portal.enabled else [_NO_PORTAL]
    note = f"Whoever opens this link is an operator from then on, as {email}: hand it to nobody else."
    return OperationAnswer({"email": email, "link": link}, warnings, [note])


@operation("people no-operator", "people:PersonForm", writes=True)
def unmake_operator(office: Office, actor: Actor, *, person: str) -> OperationAnswer:
    """End that somebody is an operator; the last one stays."""
    return OperationAnswer(_value(operators.unmake_operator(office, actor, _found(office, person).id)))


@operation("people suspend", "people:WhyForm", writes=True)
def suspend_person(office: Office, actor: Actor, *, person: str, reason: str | None = None) -> OperationAnswer:
    """Log somebody out, and let them log in no more until they are resumed."""
    found = office_people.suspend_person(office, actor, _found(office, person).id, reason=reason or "")
    return OperationAnswer(_value(found), notes=["Keys are their account's: `router accounts suspend` refuses those."])


@operation("people resume", "people:WhyForm", writes=True)
def resume_person(office: Office, actor: Actor, *, person: str, reason: str | None = None) -> OperationAnswer:
    """Let somebody log in again."""
    found = office_people.resume_person(office, actor, _found(office, person).id, reason=reason or "")
    return OperationAnswer(_value(found))


@operation("people invite", "people:InviteForm", writes=True)
def invite_member(
    office: Office, actor: Actor, *, account: str, email: str, role: str | None = None
) -> OperationAnswer:
    """Mail an address a link by which its owner becomes a member of an account."""
    name, role = account_id(office.database, account), role or "developer"
    members.invite(office, actor, name, email, role)
    return OperationAnswer({"account": name, "email": email, "role": role})


@operation("people sessions", "people:PersonForm")
def list_log_ins(office: Office, *, person: str) -> OperationAnswer:
    """Somebody's log-ins, the one seen last first."""
    return OperationAnswer(
        [
            {
                "id": one.id,
                "created_at": iso_time(one.created_at),
                "seen_at": iso_time(one.seen_at),
                "address": one.address,
                "agent": one.agent,
                "complete": one.complete,
            }
            for one in log_ins.list_sessions(office, _found(office, person).id)
        ]
    )


@operation("people end-sessions", "people:LogInForm", writes=True)
def end_log_ins(office: Office, actor: Actor, *, person: str, session: str | None = None) -> OperationAnswer:
    """End somebody's log-ins, or one of them: their browsers are asked to log in at their next click."""
    person_id = _found(office, person).id
    if session is None:
        ended = log_ins.end_other_sessions(office, actor, person_id, "")
    else:
        if not session.startswith("sess_"):
            raise NotFound(f"There is no log-in {session!r}: `router people sessions` shows their IDs.")
        log_ins.end_session(office, actor, session, person_id=person_id)
        ended = 1
    return OperationAnswer({"person": person_id, "ended": ended})


_NO_PORTAL = "[portal] enabled is false: only `router portal` serves the page behind it"


def _found(office: Office, text: str) -> Person:
    """The person of an address or an ID. Raises ``NotFound``."""
    if "@" not in text:
        return office_people.get_person(office, text)
    one = office_people.find_person(office, text)
    if one is None:
        raise NotFound(f"There is nobody with the address {text!r}.", code="person_not_found")
    return one


def _value(one: Person) -> dict[str, Any]:
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name or None,
        "status": one.status,
        "operator": one.operator,
        "verified_at": None if one.verified_at is None else iso_time(one.verified_at),
        "created_at": iso_time(one.created_at),
        "seen_at": None if one.seen_at is None else iso_time(one.seen_at),
    }
