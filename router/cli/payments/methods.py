"""``router payments``: the methods by which customers pay, whether they work, and what they told."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.office.operations import payments as operations

__all__ = ["payments"]

_LIMIT = click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
_METHOD = click.option("--method", metavar="NAME", help="Only of this method.")


@click.group(cls=Commands)
def payments() -> None:
    """The methods by which customers pay in ([payments] methods), and what they told."""


@payments.command("list")
@remotely
def list_(session: CommandSession) -> None:
    """The methods that are on, what they offer, and what hinders one."""
    rows = session.run(operations.list_methods)
    columns = {
        "method": "METHOD",
        "state": "STATE",
        "title": "TITLE",
        "currency": "CURRENCY",
        "clearing": "CLEARING",
        "differences": "DIFFERENCES",
        "problem": "PROBLEM",
    }
    session.show(rows, table(rows, columns, empty="No method is on: name some in [payments] methods."))


@payments.command()
@click.argument("method", required=False)
@click.option("--compare", is_flag=True, help="Also compare what was credited with what the method holds.")
@remotely
def check(session: CommandSession, method: str | None, compare: bool) -> int:
    """Ask METHOD, or all that are on, whether they work: keys, secrets, addresses. Exit status 1 if something is wrong.

    It runs in this environment, where a secret that only the gateway has is missing; with --remote, in the gateway's.
    """
    value = session.run(operations.check_methods, method=method, compare=compare)
    columns = {"method": "METHOD", "what": "WHAT", "ok": "OK", "found": "FOUND"}
    session.show(value, table(value["checks"], columns, empty="No method is on."))
    return 0 if value["ok"] else 1


@payments.command()
@_METHOD
@click.option("--state", type=click.Choice(["booked", "waiting", "refused"]), help="Only these.")
@_LIMIT
@remotely
def facts(session: CommandSession, method: str | None, state: str | None, limit: int) -> None:
    """What methods told, newest first. What was refused credited nothing: look at each, and settle or refund it."""
    rows = session.run(operations.list_facts, method=method, state=state, limit=limit)
    columns = {
        "created_at": "TIME",
        "method": "METHOD",
        "kind": "FACT",
        "reference": "REFERENCE",
        "topup": "TOP-UP",
        "state": "STATE",
        "why": "WHY",
    }
    session.show(rows, table(rows, columns, empty="No fact."))


@payments.command()
@_METHOD
@_LIMIT
@remotely
def events(session: CommandSession, method: str | None, limit: int) -> None:
    """The notices that methods sent, newest first, and what came of each."""
    rows = session.run(operations.list_events, method=method, limit=limit)
    columns = {"created_at": "TIME", "method": "METHOD", "id": "ID", "kind": "KIND", "outcome": "OUTCOME"}
    session.show(rows, table(rows, columns, empty="No notice."))
