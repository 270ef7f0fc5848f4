"""``router people``: sign-ups, what is turned off, and who is blocked."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import iso_time, pairs, table
from router.cli.support.session import CommandSession, common
from router.money.amounts import format_nano
from router.office.people import abuse
from router.office.people.abuse import BlockRow, SignupRow, SwitchRow

__all__ = ["block", "blocks", "decide", "signups", "switch", "switches", "unblock"]

_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the audit log.")
_VERDICTS = ("given", "waits", "refused", "none")
_SWITCHES = {name.replace("_", "-"): name for name in abuse.SWITCHES}


@click.command()
@click.argument("name", type=click.Choice(sorted(_SWITCHES)))
@click.argument("state", type=click.Choice(["on", "off"]))
@_WHY
@common
def switch(session: CommandSession, name: str, state: str, reason: str) -> None:
    """Turn NAME off, or on again. It holds at once, in every process."""
    row = abuse.set_switch(session.office, session.actor, _SWITCHES[name], state == "off", reason=reason)
    session.show(_switch(row), f"{name} is {state}")


@click.command()
@common
def switches(session: CommandSession) -> None:
    """Sign-ups, free credit, top-ups: which of them are turned off, and why."""
    rows = [_switch(one) for one in abuse.list_switches(session.office)]
    columns = {"name": "NAME", "state": "STATE", "reason": "REASON", "changed_at": "SINCE"}
    session.show(rows, table(rows, columns, empty=""))


@click.command()
@click.argument("kind", type=click.Choice(abuse.BLOCKS))
@click.argument("value")
@_WHY
@common
def block(session: CommandSession, kind: str, value: str, reason: str) -> None:
    """Refuse sign-ups of VALUE: a domain with all below it, an address with its aliases, or a network (/24, /64)."""
    row = abuse.add_block(session.office, session.actor, kind, value, reason=reason)
    session.show(_block(row), f"the {row.kind} {row.value} is blocked")


@click.command()
@click.argument("kind", type=click.Choice(abuse.BLOCKS))
@click.argument("value")
@common
def unblock(session: CommandSession, kind: str, value: str) -> None:
    """Lift the block of VALUE, as `router people blocks` shows it."""
    abuse.remove_block(session.office, session.actor, kind, value)
    session.show({"kind": kind, "value": value}, f"the {kind} {value} is not blocked any more")


@click.command()
@common
def blocks(session: CommandSession) -> None:
    """What is blocked, and why."""
    rows = [_block(one) for one in abuse.list_blocks(session.office)]
    columns = {"kind": "KIND", "value": "VALUE", "reason": "REASON", "created_at": "SINCE"}
    session.show(rows, table(rows, columns, empty="Nothing is blocked."))


@click.command()
@click.option("--verdict", type=click.Choice(_VERDICTS), help="Only those with this verdict; `waits` is for you.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--before", default="", metavar="ID", help="Only older ones than this: the next page.")
@common
def signups(session: CommandSession, verdict: str | None, limit: int, before: str) -> None:
    """Sign-ups, newest first: what became of their free credit, and by which reasons."""
    found = abuse.list_signups(session.office, before=before, limit=limit, verdict=verdict or "")
    rows = [_signup(one) for one in found]
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
@common
def decide(session: CommandSession, signup: str, verdict: str, reason: str) -> None:
    """Give the sign-up SIGNUP, which waits, its free credit, or refuse that."""
    row = abuse.decide_signup(session.office, session.actor, signup, verdict == "give", reason=reason)
    session.show(_signup(row), pairs(_signup(row)))


def _switch(row: SwitchRow) -> dict[str, Any]:
    return {
        "name": row.name.replace("_", "-"),
        "state": "off" if row.off else "on",
        "reason": row.reason or None,
        "changed_at": iso_time(row.changed_at) if row.changed_at else None,
    }


def _block(row: BlockRow) -> dict[str, Any]:
    return {"kind": row.kind, "value": row.value, "reason": row.reason, "created_at": iso_time(row.created_at)}


def _signup(row: SignupRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": iso_time(row.at),
        "person": row.person_id,
        "account": row.account_id or None,
        "domain": row.domain,
        "network": row.network,
        "verdict": row.verdict,
        "reasons": list(row.reasons),
        "credit": format_nano(row.credit_nano) if row.credit_nano else None,
        "decided_by": row.decided_by or None,
    }
