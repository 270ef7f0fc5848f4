"""``router people``: persons and their log-ins."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, common
from router.config.portal import portal_url
from router.errors import NotFound
from router.office.people import members, operators
from router.office.people import people as office
from router.office.people import sessions as log_ins
from router.office.people.factors import list_factors
from router.office.people.records import ROLES, Person

__all__ = ["end_sessions", "invite", "list_", "operator", "resume", "sessions", "show", "suspend"]

_TICKET = "/app/t/"
_REASON = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")


@click.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those whose address or name holds this.")
@click.option("--operators", "only_operators", is_flag=True, help="Only operators.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--after", default="", metavar="ID", help="Only those behind this one: the next page.")
@common
def list_(session: CommandSession, search: str, only_operators: bool, limit: int, after: str) -> None:
    """People, newest first."""
    found = office.list_people(session.office, after=after, limit=limit, search=search, operators=only_operators)
    rows = [_value(one) for one in found]
    columns = {
        "id": "ID",
        "email": "ADDRESS",
        "name": "NAME",
        "status": "STATUS",
        "operator": "OPERATOR",
        "verified_at": "VERIFIED",
        "created_at": "CREATED",
        "seen_at": "SEEN",
    }
    session.show(rows, table(rows, columns, empty="Nobody."))
    if len(rows) == limit:
        session.note(f"More: --after {rows[-1]['id']}")


@click.command()
@click.argument("person")
@common
def show(session: CommandSession, person: str) -> None:
    """One person: what they belong to, how they prove who they are, and whether they are here."""
    one = _found(session, person)
    factors = [factor.kind for factor in list_factors(session.office, one.id)]
    workspaces = [
        {"account": at.account_id, "name": at.name, "role": at.role}
        for at in members.list_workspaces(session.office, one.id)
    ]
    value = {
        **_value(one),
        "password": one.has_password,
        "second_factors": factors,
        "language": one.locale or None,
        "time_zone": one.zone or None,
        "log_ins": len(log_ins.list_sessions(session.office, one.id)),
        "workspaces": workspaces,
    }
    shown = [f"{at['account']} ({at['role']})" for at in workspaces]
    session.show(value, pairs({**value, "workspaces": shown}))


@click.command()
@click.argument("email")
@click.option("--remove", is_flag=True, help="End that the person is an operator. The last one stays.")
@common
def operator(session: CommandSession, email: str, remove: bool) -> None:
    """Make whoever has the address EMAIL an operator, by a link that is mailed to them and shown here.

    They need an authenticator's app: the console asks for a second factor, which needs ROUTER_MASTER_KEY in the
    environment of the gateway.
    """
    if remove:
        ended = operators.unmake_operator(session.office, session.actor, _found(session, email).id)
        session.show(_value(ended), f"{ended.email} is no operator any more, and logged out")
        return
    text = operators.make_operator(session.office, session.actor, email)
    settings = session.settings
    link = f"{portal_url(settings.portal, settings.server)}{_TICKET}{text}"
    session.show({"email": email, "link": link}, link)
    session.note(f"Whoever opens this link is an operator from then on, as {email}: hand it to nobody else.")
    if not settings.portal.enabled:
        session.note("warning: [portal] enabled is false: only `router portal` serves the page behind it")


@click.command()
@click.argument("person")
@_REASON
@common
def suspend(session: CommandSession, person: str, reason: str) -> None:
    """Log PERSON out, and let them log in no more until they are resumed. Keys of their accounts go on working."""
    _show_status(session, office.suspend_person(session.office, session.actor, _id(session, person), reason=reason))
    session.note("Keys are their account's: `router accounts suspend` refuses those.")


@click.command()
@click.argument("person")
@_REASON
@common
def resume(session: CommandSession, person: str, reason: str) -> None:
    """Let PERSON log in again."""
    _show_status(session, office.resume_person(session.office, session.actor, _id(session, person), reason=reason))


@click.command()
@click.argument("account", type=ACCOUNT)
@click.argument("email")
@click.option(
    "--role", type=click.Choice(ROLES), default="developer", show_default=True, help="What they may do there."
)
@common
def invite(session: CommandSession, account: str, email: str, role: str) -> None:
    """Mail EMAIL a link by which its owner becomes a member of ACCOUNT, with or without a log-in yet."""
    members.invite(session.office, session.actor, account, email, role)
    session.show({"account": account, "email": email, "role": role}, f"{email} is invited into {account} as {role}")


@click.command()
@click.argument("person")
@common
def sessions(session: CommandSession, person: str) -> None:
    """The log-ins of PERSON, the one seen last first."""
    rows = [
        {
            "id": one.id,
            "created_at": iso_time(one.created_at),
            "seen_at": iso_time(one.seen_at),
            "address": one.address,
            "agent": one.agent,
            "complete": one.complete,
        }
        for one in log_ins.list_sessions(session.office, _id(session, person))
    ]
    columns = {"id": "ID", "created_at": "SINCE", "seen_at": "SEEN", "address": "ADDRESS", "agent": "BROWSER"}
    session.show(rows, table(rows, columns, empty="Not logged in anywhere."))


@click.command("end-sessions")
@click.argument("person")
@click.option("--session", "one", metavar="ID", help="Only this one.")
@common
def end_sessions(session: CommandSession, person: str, one: str | None) -> None:
    """End the log-ins of PERSON: their browsers are asked to log in at their next click."""
    person_id = _id(session, person)
    if one is None:
        ended = log_ins.end_other_sessions(session.office, session.actor, person_id, "")
    else:
        if not one.startswith("sess_"):
            raise NotFound(f"There is no log-in {one!r}: `router people sessions` shows their IDs.")
        log_ins.end_session(session.office, session.actor, one, person_id=person_id)
        ended = 1
    session.show({"person": person_id, "ended": ended}, f"{ended} log-in(s) ended")


def _found(session: CommandSession, text: str) -> Person:
    """The person of an address or an ID. Raises ``NotFound``."""
    if "@" not in text:
        return office.get_person(session.office, text)
    one = office.find_person(session.office, text)
    if one is None:
        raise NotFound(f"There is nobody with the address {text!r}.", code="person_not_found")
    return one


def _id(session: CommandSession, text: str) -> str:
    return _found(session, text).id


def _show_status(session: CommandSession, person: Person) -> None:
    session.show(_value(person), f"{person.email} is {person.status}")


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
