"""``router vouchers``: make, list and revoke codes."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Sequence
from typing import Any

import click
from router_plugins.voucher.table import STATES, Codes, Made
from router_plugins.voucher.wording import amount, lasting, moment, shown, when

from router import PluginContext
from router.money import format_nano

__all__ = ["vouchers_group"]

_AS_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document and nothing else.")
_COLUMNS = ("id", "ends_with", "amount", "kind", "campaign", "state", "account", "expires_at", "made_by")


def vouchers_group(context: PluginContext) -> click.Group:
    """The group, for the gateway whose context is given."""
    group = click.Group("vouchers", help="Codes that customers type to be credited.")
    for command in (_make(context), _list(context), _revoke(context)):
        command.params.append(_AS_JSON)
        group.add_command(command)
    return group


def _make(context: PluginContext) -> click.Command:
    def make(text: str, count: int, campaign: str, expires: str, granted: bool, lasts: str, as_json: bool) -> None:
        nano, until = amount(text), moment(expires, time.time())
        kind: dict[str, Any] = {"granted": granted, "lasts_s": lasting(lasts)}
        made = Codes(context).make(_actor(), nano, count, campaign, until, **kind)
        worth = {"amount": format_nano(nano, 2), "currency": context.currency}
        if _wants_json(as_json):
            about = {**worth, "campaign": campaign, "expires_at": when(until), "granted": granted}
            click.echo(json.dumps([{"id": one.id, "code": one.code, **about} for one in made]))
            return
        click.echo("\n".join(one.code for one in made))
        click.echo(_told(made, worth, until), err=True)

    options = [
        click.Option(["--amount", "text"], required=True, metavar="AMOUNT", help="What each is worth."),
        click.Option(["--count"], type=int, default=1, show_default=True, help="How many."),
        click.Option(["--campaign"], default="", metavar="NAME", help="By which they are found again."),
        click.Option(["--expires"], default="", metavar="TIME", help="When they end: 30d, or 2027-01-31."),
        click.Option(["--granted"], is_flag=True, help="Nobody pays for them: their credit is granted, not paid."),
        click.Option(
            ["--lasts"], default="", metavar="TIME", help="With --granted: how long the credit lasts from use: 90d."
        ),
    ]
    return click.Command("make", params=list(options), callback=make, help="Make codes. They are shown once.")


def _told(made: Sequence[Made], worth: dict[str, str], until: float | None) -> str:
    ends = f", until {when(until)}" if until is not None else ""
    return (
        f"{len(made)} codes of {worth['amount']} {worth['currency']} each{ends}. They are shown this once: keep them."
    )


def _list(context: PluginContext) -> click.Command:
    def listed(campaign: str, state: str | None, as_json: bool) -> None:
        now = time.time()
        rows = [shown(row, now) for row in Codes(context).listed(campaign, state or "")]
        if _wants_json(as_json):
            click.echo(json.dumps(rows))
        elif not rows:
            click.echo("No codes.")
        else:
            _print_table([list(_COLUMNS), *([row[name] for name in _COLUMNS] for row in rows)])

    states = click.Choice(STATES)
    options = [
        click.Option(["--campaign"], default="", metavar="NAME", help="Of this one alone."),
        click.Option(["--state"], type=states, help="In this state alone."),
    ]
    return click.Command("list", params=list(options), callback=listed, help="Codes, the newest first; at most 1,000.")


def _print_table(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _revoke(context: PluginContext) -> click.Command:
    def revoke(ids: tuple[str, ...], campaign: str, reason: str, as_json: bool) -> None:
        if not ids and not campaign:
            raise click.UsageError("name codes by their IDs, or a --campaign")
        revoked = Codes(context).revoke(_actor(), ids, campaign, reason)
        if _wants_json(as_json):
            click.echo(json.dumps({"revoked": revoked}))
        else:
            click.echo(f"{len(revoked)} codes are revoked.")

    parameters: list[click.Parameter] = [
        click.Argument(["ids"], nargs=-1, metavar="[ID]..."),
        click.Option(["--campaign"], default="", metavar="NAME", help="All of it that nobody has used."),
        click.Option(["--reason"], default="", help="Why; kept beside the change."),
    ]
    return click.Command("revoke", params=parameters, callback=revoke, help="Take back codes that nobody has used.")


def _wants_json(as_json: bool) -> bool:
    root: dict[str, Any] = click.get_current_context().find_root().params
    return as_json or bool(root.get("as_json"))


def _actor() -> str:
    """Who runs the command: as the host's commands have it."""
    named = os.environ.get("ROUTER_ACTOR")
    if named:
        return named
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
