"""``router people``: sign-ups, what is turned off, and who is blocked."""

from __future__ import annotations

import click

from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, remotely
from router.office.operations import signups as operations
from router.office.people.abuse import BLOCKS, SWITCHES

__all__ = ["block", "blocks", "decide", "signups", "switch", "switches", "unblock"]

_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the audit log.")
_VERDICTS = ("given", "waits", "refused", "none")
_SWITCHES = sorted(name.replace("_", "-") for name in SWITCHES)


@click.command()
@click.argument("name", type=click.Choice(_SWITCHES))
@click.argument("state", type=click.Choice(["on", "off"]))
@_WHY
@remotely
def switch(session: CommandSession, name: str, state: str, reason: str) -> None:
    """Turn NAME off, or on again. It holds at once, in every process."""
    session.show(session.run(operations.turn_switch, name=name, state=state, reason=reason), f"{name} is {state}")


@click.command()
@remotely
def switches(session: CommandSession) -> None:
    """Sign-ups, free credit, top-ups: which of them are turned off, and why."""
    rows = session.run(operations.list_switches)
    columns = {"name": "NAME", "state": "STATE", "reason": "REASON", "changed_at": "SINCE"}
    session.show(rows, table(rows, columns, empty=""))


@click.command()
@click.argument("kind", type=click.Choice(BLOCKS))
@click.argument("value")
@_WHY
@remotely
def block(session: CommandSession, kind: str, value: str, reason: str) -> None:
    """Refuse sign-ups of VALUE: a domain with all below it, an address with its aliases, or a network (/24, /64)."""
    row = session.run(operations.add_block, kind=kind, value=value, reason=reason)
    session.show(row, f"the {row['kind']} {row['value']} is blocked")


@click.command()
@click.argument("kind", type=click.Choice(BLOCKS))
@click.argument("value")
@remotely
def unblock(session: CommandSession, kind: str, value: str) -> None:
    """Lift the block of VALUE, as `router people blocks` shows it."""
    row = session.run(operations.remove_block, kind=kind, value=value)
    session.show(row, f"the {kind} {value} is not blocked any more")


@click.command()
@remotely
def blocks(session: CommandSession) -> None:
    """What is blocked, and why."""
    rows = session.run(operations.list_blocks)
    columns = {"kind": "KIND", "value": "VALUE", "reason": "REASON", "created_at": "SINCE"}
    session.show(rows, table(rows, columns, empty="Nothing is blocked."))


@click.command()
@click.option("--verdict", type=click.Choice(_VERDICTS), help="Only those with this verdict; `waits` is for you.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--before", default="", metavar="ID", help="Only older ones than this: the next page.")
@remotely
def signups(session: CommandSession, verdict: str | None, limit: int, before: str) -> None:
    """Sign-ups, newest first: what became of their free credit, and by which reasons."""
    rows = session.run(operations.list_signups, before=before or None, limit=limit, verdict=verdict)
    columns = {
        "id": "ID",
        "at": "TIME",
        "person": "PERSON",
        "domain": "DOMAIN",
        "network": "NETWORK",
        "verdict": "VERDICT",
        "reasons": "REASONS",
        "credit": "CREDIT",
        "decided_by": "BY",
    }
    session.show(rows, table(rows, columns, empty="No sign-up."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['id']}")


@click.command()
@click.argument("signup")
@click.argument("verdict", type=click.Choice(["give", "refuse"]))
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")
@remotely
def decide(session: CommandSession, signup: str, verdict: str, reason: str) -> None:
    """Give the sign-up SIGNUP, which waits, its free credit, or refuse that."""
    row = session.run(operations.decide_signup, signup=signup, verdict=verdict, reason=reason or None)
    session.show(row, pairs(row))
