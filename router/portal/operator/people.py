"""People: the list, one person with their log-ins, second factors and events, and what can be done."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from router.office.actor import Actor
from router.office.people.events import list_events
from router.office.people.factors import list_factors, recovery_codes_left
from router.office.people.members import list_workspaces
from router.office.people.operators import make_operator, unmake_operator
from router.office.people.people import get_person, list_people, resume_person, suspend_person
from router.office.people.records import Person
from router.office.people.sessions import end_other_sessions, end_session, list_sessions
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import list_page, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_ONE = "/ops/people/<person_id>"


class _EmailForm(ReasonForm):
    """An address."""

    email = fields.String(required=True, error_messages={"required": "Write an address."})


@PAGES.get("/ops/people", "operator")
def people_page(request: PageRequest) -> PageReply:
    """People that match."""
    text, operators = typed(request, "q"), typed(request, "operators") == "true"

    def read(limit: int) -> list[Person]:
        after = typed(request, "after")
        return list_people(request.office, after=after, limit=limit, search=text, operators=operators)

    found = list_page(read, lambda one: one.id)
    return show(request, "people.html", found=found, filtered=bool(text or operators))


@PAGES.get(_ONE, "operator")
def person_page(request: PageRequest) -> PageReply:
    """One person."""
    person, before = _person(request), typed(request, "before")
    events = list_page(
        lambda limit: list_events(request.office, person.id, before=before, limit=limit), lambda one: one.id, 25
    )
    return show(
        request,
        "person.html",
        person=person,
        workspaces=list_workspaces(request.office, person.id),
        sessions=list_sessions(request.office, person.id),
        factors=list_factors(request.office, person.id),
        codes=recovery_codes_left(request.office, person.id),
        events=events,
    )


def _suspend(request: PageRequest) -> ConsoleAction:
    person = _person(request)
    says = (
        "They are logged out everywhere, and cannot log in. Keys of their workspaces go on: suspend those accounts.",
    )
    return ConsoleAction(f"Suspend {person.email}", "Suspend them", f"/ops/people/{person.id}", says, bad=True)


@action(PAGES, f"{_ONE}/suspend", _suspend, said="person_suspended")
def suspend(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let somebody log in no more."""
    suspend_person(request.office, actor, request.params["person_id"], reason=values["reason"])


def _resume(request: PageRequest) -> ConsoleAction:
    person = _person(request)
    return ConsoleAction(
        f"Resume {person.email}", "Resume them", f"/ops/people/{person.id}", ("They can log in again.",)
    )


@action(PAGES, f"{_ONE}/resume", _resume, said="person_resumed")
def resume(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let somebody log in again."""
    resume_person(request.office, actor, request.params["person_id"], reason=values["reason"])


def _end_one(request: PageRequest) -> ConsoleAction:
    person = _person(request)
    facts = [("Log-in", request.params["session_id"])]
    return ConsoleAction("End a log-in", "End it", f"/ops/people/{person.id}", ("It ends at once.",), facts, bad=True)


@action(PAGES, f"{_ONE}/sessions/<session_id>/end", _end_one, said="session_ended")
def end_one(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """End a log-in."""
    person_id, session_id = request.params["person_id"], request.params["session_id"]
    end_session(request.office, actor, _session_id(session_id), person_id=person_id)


def _end_all(request: PageRequest) -> ConsoleAction:
    person = _person(request)
    says = ("All their log-ins end at once, in every browser.",)
    return ConsoleAction(f"Log {person.email} out", "End all", f"/ops/people/{person.id}", says, bad=True)


@action(PAGES, f"{_ONE}/log-out", _end_all, said="session_ended")
def end_all(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Log somebody out everywhere."""
    own = request.session.id if request.session is not None else ""
    end_other_sessions(request.office, actor, request.params["person_id"], own)


def _make(request: PageRequest) -> ConsoleAction:
    email = ActionField("email", "E-mail", hint="They are mailed a link, and need a second factor then.", required=True)
    says = ("An operator may see and do everything here.",)
    return ConsoleAction(
        "Make an operator", "Send the link", "/ops/people?operators=true", says, (), (email,), bad=True
    )


@action(PAGES, "/ops/people/new-operator", _make, said="operator_invited", schema=_EmailForm)
def new_operator(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Make somebody an operator."""
    make_operator(request.office, actor, values["email"])


def _unmake(request: PageRequest) -> ConsoleAction:
    person = _person(request)
    says = ("They are logged out, and have no page of this console any more. Their own workspaces stay.",)
    title = f"{person.email} is an operator no more"
    return ConsoleAction(title, "End it", f"/ops/people/{person.id}", says, bad=True)


@action(PAGES, f"{_ONE}/no-operator", _unmake, said="operator_ended")
def end_operator(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let somebody be an operator no more."""
    unmake_operator(request.office, actor, request.params["person_id"])


def _person(request: PageRequest) -> Person:
    return get_person(request.office, request.params["person_id"])


def _session_id(text: str) -> str:
    """An ID; the text of a cookie, which would do as well, is none here."""
    return text if text.startswith("sess_") else f"sess_{text}"
