"""``router people``: persons and their log-ins."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, remotely
from router.office.operations import people as operations
from router.office.people.records import ROLES

__all__ = ["end_sessions", "invite", "list_", "operator", "resume", "sessions", "show", "suspend"]

_REASON = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")


@click.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those whose address or name holds this.")
@click.option("--operators", "only_operators", is_flag=True, help="Only operators.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--after", default="", metavar="ID", help="Only those behind this one: the next page.")
@remotely
def list_(session: CommandSession, search: str, only_operators: bool, limit: int, after: str) -> None:
    """People, newest first."""
    filters = {"search": search or None, "operators": only_operators, "limit": limit, "after": after or None}
    rows = session.run(operations.list_persons, **filters)
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
@remotely
def show(session: CommandSession, person: str) -> None:
    """One person: what they belong to, how they prove who they are, and whether they are here."""
    value = session.run(operations.show_person, person=person)
    shown = [f"{at['account']} ({at['role']})" for at in value["workspaces"]]
    session.show(value, pairs({**value, "workspaces": shown}))


@click.command()
@click.argument("email")
@click.option("--remove", is_flag=True, help="End that the person is an operator. The last one stays.")
@remotely
def operator(session: CommandSession, email: str, remove: bool) -> None:
    """Make whoever has the address EMAIL an operator, by a link that is mailed to them and shown here.

    They need an authenticator's app: the console asks for a second factor, which needs ROUTER_MASTER_KEY in the
    environment of the gateway.
    """
    if remove:
        ended = session.run(operations.unmake_operator, person=email)
        session.show(ended, f"{ended['email']} is no operator any more, and logged out")
        return
    value = session.run(operations.make_operator, email=email)
    session.show(value, value["link"])


@click.command()
@click.argument("person")
@_REASON
@remotely
def suspend(session: CommandSession, person: str, reason: str) -> None:
    """Log PERSON out, and let them log in no more until they are resumed. Keys of their accounts go on working."""
    _show_status(session, session.run(operations.suspend_person, person=person, reason=reason or None))


@click.command()
@click.argument("person")
@_REASON
@remotely
def resume(session: CommandSession, person: str, reason: str) -> None:
    """Let PERSON log in again."""
    _show_status(session, session.run(operations.resume_person, person=person, reason=reason or None))


@click.command()
@click.argument("account", type=ACCOUNT)
@click.argument("email")
@click.option(
    "--role", type=click.Choice(ROLES), default="developer", show_default=True, help="What they may do there."
)
@remotely
def invite(session: CommandSession, account: str, email: str, role: str) -> None:
    """Mail EMAIL a link by which its owner becomes a member of ACCOUNT, with or without a log-in yet."""
    value = session.run(operations.invite_member, account=account, email=email, role=role)
    session.show(value, f"{email} is invited into {value['account']} as {role}")


@click.command()
@click.argument("person")
@remotely
def sessions(session: CommandSession, person: str) -> None:
    """The log-ins of PERSON, the one seen last first."""
    rows = session.run(operations.list_log_ins, person=person)
    columns = {"id": "ID", "created_at": "SINCE", "seen_at": "SEEN", "address": "ADDRESS", "agent": "BROWSER"}
    session.show(rows, table(rows, columns, empty="Not logged in anywhere."))


@click.command("end-sessions")
@click.argument("person")
@click.option("--session", "one", metavar="ID", help="Only this one.")
@remotely
def end_sessions(session: CommandSession, person: str, one: str | None) -> None:
    """End the log-ins of PERSON: their browsers are asked to log in at their next click."""
    value = session.run(operations.end_log_ins, person=person, session=one)
    session.show(value, f"{value['ended']} log-in(s) ended")


def _show_status(session: CommandSession, person: dict[str, Any]) -> None:
    session.show(person, f"{person['email']} is {person['status']}")
