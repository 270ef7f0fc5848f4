"""``router usage``: the rows that finished calls leave, and what they come to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from router.cli.groups import Commands, NearestChoice
from router.cli.margin import margin
from router.cli.output import iso_time, pairs, table
from router.cli.session import Session, common
from router.cli.times import PAST
from router.cli.usage_csv import open_csv, write_csv
from router.errors import BadRequest
from router.money import format_nano
from router.store.accounts import get_account
from router.store.counters import read_counters
from router.store.keys import get_key
from router.store.usage import count_usage, export_usage, list_usage, prune_usage
from router.store.usage_hours import GROUPINGS, sum_hours

__all__ = ["usage"]

_ACCOUNT = click.option("--account", metavar="ID", help="Only this account's.")
_SINCE = click.option("--since", type=PAST, metavar="TIME", help="Not before: 24h ago, or 2027-01-31 (UTC).")
_UNTIL = click.option("--until", type=PAST, metavar="TIME", help="Before: 24h ago, or 2027-01-31 (UTC).")


@click.group(cls=Commands)
def usage() -> None:
    """Finished calls, their tokens and what they were charged."""


usage.add_command(margin)


@usage.command()
@_ACCOUNT
@click.option("--key", metavar="ID", help="Only this key's.")
@_SINCE
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many rows.")
@common
def show(session: Session, account: str | None, key: str | None, since: float | None, limit: int) -> None:
    """The newest calls first. A row is written when its call is over.

    The cost, what the provider charges, is known where the provider's price is. Estimated counts are ours, since the
    upstream gave none; clamped ones are an upstream's impossible counts, put within bounds.
    """
    _check_account(session, account)
    if key is not None:
        get_key(session.database, key)
    records = list_usage(session.database, account=account, key=key, since=since, limit=limit)
    columns = {
        "created_at": "TIME",
        "request_id": "REQUEST",
        "model": "MODEL",
        "provider": "PROVIDER",
        "status": "STATUS",
        "ending": "ENDING",
        "prompt_tokens": "PROMPT",
        "cached_tokens": "CACHED",
        "completion_tokens": "COMPLETION",
        "reasoning_tokens": "REASONING",
        "charge": "CHARGE",
        "cost": "COST",
        "estimated": "ESTIMATED",
        "clamped": "CLAMPED",
        "tries": "ATTEMPTS",
    }
    rows = [_value(asdict(record)) for record in records]
    shown = [{**row, "tries": len(row["attempts"])} for row in rows]
    session.show(rows, table(shown, columns, empty="No call so far."))


@usage.command()
@_ACCOUNT
@_SINCE
@_UNTIL
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, made or replaced.")
@common
def export(
    session: Session, account: str | None, since: float | None, until: float | None, output: Path | None
) -> None:
    """All rows as CSV in order of arrival, to standard output or a file; also with --json.

    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    _check_account(session, account)
    records = export_usage(session.database, account=account, since=since, until=until)
    with open_csv(output) as stream:
        count = write_csv(stream, records)
    session.note(f"{count} rows written.")


@usage.command()
@_ACCOUNT
@_SINCE
@_UNTIL
@click.option(
    "--by",
    type=NearestChoice(list(GROUPINGS)),
    multiple=True,
    default=("hour",),
    show_default=True,
    help="What to sum by; repeatable.",
)
@common
def hours(session: Session, account: str | None, since: float | None, until: float | None, by: tuple[str, ...]) -> None:
    """Sums of whole hours, for charts: they are kept when rows are pruned.

    Of --since and --until the hours count that begin between them.
    """
    _check_account(session, account)
    sums = sum_hours(session.database, by=by, account=account, since=since, until=until)
    rows = [_value({**_group(one.group), **{k: v for k, v in asdict(one).items() if k != "group"}}) for one in sums]
    columns = {name: name.upper() for name in by} | {
        "calls": "CALLS",
        "errors": "ERRORS",
        "prompt_tokens": "PROMPT",
        "cached_tokens": "CACHED",
        "completion_tokens": "COMPLETION",
        "reasoning_tokens": "REASONING",
        "charge": "CHARGE",
        "cost": "COST",
        "uncosted": "UNCOSTED",
    }
    session.show(rows, table(rows, columns, empty="No call so far."))


@usage.command()
@click.option(
    "--before", type=PAST, required=True, metavar="TIME", help="Of calls before: 90d ago, or 2027-01-31 (UTC)."
)
@click.option("--yes", is_flag=True, help="Delete them. Without it, only how many there are is said.")
@common
def prune(session: Session, before: float, yes: bool) -> None:
    """Delete old rows. Hourly sums, transfers and balances stay, so every account's statement does."""
    if before > time.time():
        raise BadRequest("--before must lie in the past: give a time such as 90d, or a date such as 2026-01-31.")
    rows = prune_usage(session.database, before) if yes else count_usage(session.database, before)
    did = "were deleted" if yes else "would be deleted"
    session.show({"rows": rows, "deleted": yes}, f"{rows} rows of calls before {iso_time(before)} {did}.")
    if rows and not yes:
        session.note("Nothing was deleted: run it again with --yes. `router usage export` keeps a copy.")


@usage.command()
@common
def counters(session: Session) -> None:
    """Counts of what happened, summed over all workers: open holds, refusals, shortfall, sweeps."""
    value = _value(read_counters(session.database))
    session.show(value, pairs(value))


def _check_account(session: Session, account: str | None) -> None:
    if account is not None:
        get_account(session.database, account)


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso_time(value) if name in ("hour", "day") else value for name, value in group.items()}


def _value(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as JSON: money as decimal text under its plain name, a moment as text."""
    value: dict[str, Any] = {}
    for name, held in columns.items():
        if name.endswith("_nano"):
            value[name.removesuffix("_nano")] = None if held is None else format_nano(held)
        else:
            value[name] = iso_time(held) if name == "created_at" else held
    return value
