"""``router payments``: the methods by which customers pay, whether they work, and what they told."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import click

from router.cli.support.csv_file import open_csv
from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.cli.support.values import amount_nano
from router.office.operations import payments as operations

__all__ = ["payments"]

_LIMIT = click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
_METHOD = click.option("--method", metavar="NAME", help="Only of this method.")
_HELD = {
    "number": "NUMBER",
    "address": "ADDRESS",
    "path": "PATH",
    "account": "ACCOUNT",
    "network": "NETWORK",
    "currency": "CURRENCY",
    "held": "HELD",
    "credited": "CREDITED",
    "enough": "ENOUGH",
}


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
@click.argument("method")
@click.option("--min", "least", metavar="AMOUNT", help="What is worth collecting; the least deposit unless given.")
@click.option("--enough", is_flag=True, help="Only the addresses that hold so much.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@remotely
def addresses(session: CommandSession, method: str, least: str | None, enough: bool, as_csv: bool) -> None:
    """What lies on the deposit addresses of METHOD, to be collected by the wallet that has the keys.

    The nodes are asked; the gateway signs nothing, and need not be told what was collected.
    """
    nano = None if least is None else amount_nano(least)
    rows = [one for one in _held(session, method, nano) if one["enough"] or not enough]
    if as_csv:
        with open_csv(None) as stream:
            writer = csv.DictWriter(stream, list(_HELD))
            writer.writeheader()
            writer.writerows(rows)
        return
    session.show(rows, table(rows, _HELD, empty="No address holds anything, and none was credited anything."))


def _held(session: CommandSession, method: str, least: int | None) -> Iterator[dict[str, Any]]:
    """All rows, however many addresses there are: each page asks the nodes about some hundred."""
    after: int | None = None
    while True:
        page = session.run(operations.list_addresses, method=method, least=least, after=after)
        yield from page["addresses"]
        after = page["next"]
        if after is None:
            return


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
