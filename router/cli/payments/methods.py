"""``router payments``: the methods by which customers pay, whether they work, and what they told."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, table
from router.cli.support.session import CommandSession, common
from router.errors import RouterError
from router.money.amounts import format_nano
from router.office.payments.books import clearing_nano, compare_method
from router.office.payments.deposits import find_watch
from router.office.payments.told import list_events, list_facts
from router.types.payments import HealthLine

__all__ = ["payments"]

_LIMIT = click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")


@click.group(cls=Commands)
def payments() -> None:
    """The methods by which customers pay in ([payments] methods), and what they told."""


@payments.command("list")
@common
def list_(session: CommandSession) -> None:
    """The methods that are on, what they offer, and what hinders one."""
    methods = session.assembly.payments
    rows = []
    for state in methods.states():
        offer, watch = state.offer, find_watch(session.office, state.name)
        rows.append(
            {
                "method": state.name,
                "state": "on" if offer is not None else "not set up",
                "title": offer.title if offer is not None else None,
                "currency": offer.currency if offer is not None else None,
                "test": bool(offer is not None and offer.test),
                "clearing": format_nano(clearing_nano(session.office, state.name), 2),
                "delayed": watch.delayed or None,
                "differences": len(watch.differences),
                "problem": state.problem or None,
            }
        )
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
@common
def check(session: CommandSession, method: str | None, compare: bool) -> int:
    """Ask METHOD, or all that are on, whether they work: keys, secrets, addresses. Exit status 1 if something is wrong.

    It runs in this environment: a secret that only the gateway's has is missing here.
    """
    methods = session.assembly.payments
    rows: list[dict[str, Any]] = []
    for name in [method] if method else list(methods.names):
        session.progress(f"asking {name}")
        lines = list(_health(session, name))
        if compare and methods.has(name, "payment_differences"):
            found = compare_method(session.office, methods, name)
            lines.append(HealthLine("books", not found, "; ".join(found) or "credited is what it holds"))
        rows += [{"method": name, "what": line.what, "ok": line.ok, "found": line.text} for line in lines]
    columns = {"method": "METHOD", "what": "WHAT", "ok": "OK", "found": "FOUND"}
    wrong = [row for row in rows if not row["ok"]]
    session.show({"ok": not wrong, "checks": rows}, table(rows, columns, empty="No method is on."))
    return 1 if wrong else 0


@payments.command()
@click.option("--method", default="", metavar="NAME", help="Only of this method.")
@click.option("--state", type=click.Choice(["booked", "waiting", "refused"]), default=None, help="Only these.")
@_LIMIT
@common
def facts(session: CommandSession, method: str, state: str | None, limit: int) -> None:
    """What methods told, newest first. What was refused credited nothing: look at each, and settle or refund it."""
    rows = [
        {
            "created_at": iso_time(one.created_at),
            "method": one.method,
            "kind": one.kind,
            "reference": one.reference,
            "topup": one.topup_id or None,
            "state": one.state,
            "why": one.why or None,
            "transfer": one.made or None,
        }
        for one in list_facts(session.office, method=method, state=state or "", limit=limit)
    ]
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
@click.option("--method", default="", metavar="NAME", help="Only of this method.")
@_LIMIT
@common
def events(session: CommandSession, method: str, limit: int) -> None:
    """The notices that methods sent, newest first, and what came of each."""
    rows = [
        {
            "created_at": iso_time(one.created_at),
            "method": one.method,
            "id": one.id,
            "kind": one.kind,
            "outcome": one.outcome,
        }
        for one in list_events(session.office, method=method, limit=limit)
    ]
    columns = {"created_at": "TIME", "method": "METHOD", "id": "ID", "kind": "KIND", "outcome": "OUTCOME"}
    session.show(rows, table(rows, columns, empty="No notice."))


def _health(session: CommandSession, name: str) -> list[HealthLine]:
    methods = session.assembly.payments
    state = methods.state(name)
    if state.offer is None:
        return [HealthLine("set-up", False, state.problem or "it offers nothing")]
    if not methods.has(name, "payment_health"):
        return [HealthLine("set-up", True, "it has nothing to look at")]
    try:
        return list(methods.ask(name, "payment_health"))
    except RouterError as error:
        return [HealthLine("answer", False, error.in_full)]
