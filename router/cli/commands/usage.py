"""``router usage``: the rows that finished calls leave, and what they come to."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from router.cli.subcommands.margin import margin
from router.cli.support.csv_file import open_csv
from router.cli.support.groups import Commands, NearestChoice
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT, KEY, MODEL
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import PAST
from router.money.usage import UNITS
from router.office.operations import usage as operations
from router.office.usage import GROUPINGS

__all__ = ["usage"]

_TOLD_ROWS = 10_000
_FIELD_MAX = 2**31 - 1
_ACCOUNT = click.option("--account", type=ACCOUNT, metavar="ID", help="Only this account's.")
_SINCE = click.option("--since", type=PAST, metavar="TIME", help="Not before: 24h ago, or 2027-01-31 (UTC).")
_UNTIL = click.option("--until", type=PAST, metavar="TIME", help="Before: 24h ago, or 2027-01-31 (UTC).")


@click.group(cls=Commands)
def usage() -> None:
    """Finished calls, their tokens and what they were charged."""


usage.add_command(margin)


class _Status(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """A status, or a hundred of them: ``429``, ``5xx``."""

    name = "status"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if not re.fullmatch(r"[1-5](\d\d|xx)", str(value), re.ASCII | re.IGNORECASE):
            self.fail(f"{value!r} is no status: give one such as 429, or a hundred of them such as 5xx", param, ctx)
        low = int(value.lower().replace("x", "0"))
        return low, low + 99 if value[1] in "xX" else low


@usage.command()
@click.argument("request_id", required=False)
@_ACCOUNT
@click.option("--key", type=KEY, metavar="ID", help="Only this key's.")
@click.option("--model", type=MODEL, metavar="ID", help="Only calls for this model, or that PROVIDER/MODEL served.")
@click.option("--status", type=_Status(), metavar="STATUS", help="Only of this status: 429, or 5xx.")
@click.option("--errors", is_flag=True, help="Only calls that failed, or broke off.")
@_SINCE
@_UNTIL
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many rows.")
@remotely
def show(session: CommandSession, request_id: str | None, limit: int, **filters: Any) -> None:
    """The newest calls first, or all that is known of one: REQUEST_ID is ours, or the client's own X-Request-ID.

    A row is written when its call is over. The cost, what the provider charges, is known where the provider's price is.
    Among the marks, estimated counts are ours, since the upstream gave none; clamped ones are an upstream's impossible
    counts, put within bounds.
    """
    if request_id is not None:
        if any(filters.values()):
            raise click.UsageError("give REQUEST_ID or filters, not both")
        _show_one(session, request_id)
        return
    filters["failed"] = filters.pop("errors")
    rows = session.run(operations.list_calls, **filters, limit=limit)
    columns = {
        "created_at": "TIME",
        "request_id": "REQUEST",
        "who": "ACCOUNT",
        "with": "KEY",
        "model": "MODEL",
        "provider": "PROVIDER",
        "status": "STATUS",
        "outcome": "OUTCOME",
        "prompt_tokens": "PROMPT",
        "cached_tokens": "CACHED",
        "completion_tokens": "COMPLETION",
        "reasoning_tokens": "REASONING",
        **({"beside": "UNITS"} if any(row["units"] for row in rows) else {}),
        "charge": "CHARGE",
        "cost": "COST",
        "noted": "MARKS",
        "tries": "TRIES",
    }
    session.show(rows, table([_shown(row) for row in rows], columns, empty="No such call so far."))


def _show_one(session: CommandSession, request_id: str) -> None:
    rows = session.run(operations.find_calls, request_id=request_id)
    session.show(rows, "\n\n".join(pairs(_explained(row)) for row in rows))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the table has it."""
    return {
        **row,
        "who": row["account_name"] or row["account"],
        "with": row["key_name"] or row["key"],
        "outcome": row["error_code"] or row["ending"],
        "beside": _listed(row["units"]),
        "noted": _marks(row),
        "tries": len(row["attempts"]),
    }


def _marks(row: Mapping[str, Any]) -> list[str]:
    return [name for name in ("estimated", "clamped") if row[name]] + list(row["marks"])


def _explained(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row in full: prices and told counts in a line each, one line for each attempt."""
    shown = {name: value for name, value in row.items() if name not in ("attempts", "estimated", "clamped")}
    shown["account"] = " ".join(filter(None, [row["account"], shown.pop("account_name")]))
    shown["key"] = " ".join(filter(None, [row["key"], shown.pop("key_name")]))
    shown["marks"] = _marks(row)
    for name in ("prices", "reported", "units"):
        shown[name] = _listed(row[name])
    for number, attempt in enumerate(row["attempts"], 1):
        status = f" {attempt['status']}" if attempt["status"] is not None else ""
        where = f"{attempt['provider']}/{attempt['model']}"
        said = f": {attempt['message']}" if attempt["message"] else ""
        shown[f"attempt {number}"] = f"{where} {attempt['kind']}{status} after {attempt['latency_ms']} ms{said}"
    return shown


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@usage.command()
@_ACCOUNT
@_SINCE
@_UNTIL
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, made or replaced.")
@remotely
def export(
    session: CommandSession, account: str | None, since: float | None, until: float | None, output: Path | None
) -> None:
    """All rows as CSV in order of arrival, to standard output or a file. With --json, to a file only.

    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    pieces = session.export(account=account, since=since, until=until)
    if session.as_json and output is None:
        raise click.UsageError("the rows are CSV: with --json give --output FILE")
    csv.field_size_limit(_FIELD_MAX)
    with open_csv(output) as stream:
        count = sum(1 for _ in csv.reader(_counted(session, _passed(pieces, stream)))) - 1
    if session.as_json:
        session.show({"rows": count, "file": str(output)}, "")
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
@remotely
def hours(
    session: CommandSession, account: str | None, since: float | None, until: float | None, by: tuple[str, ...]
) -> None:
    """Sums of whole hours, for charts: they are kept when rows are pruned.

    Of --since and --until the hours count that begin between them.
    """
    rows = session.run(operations.sum_hours, by=by, account=account, since=since, until=until)
    columns = {name: name.upper() for name in by} | {
        "calls": "CALLS",
        "errors": "ERRORS",
        "prompt_tokens": "PROMPT",
        "cached_tokens": "CACHED",
        "completion_tokens": "COMPLETION",
        "reasoning_tokens": "REASONING",
        **{name: name.upper() for name in UNITS if any(row[name] for row in rows)},
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
@remotely
def prune(session: CommandSession, before: float, yes: bool) -> None:
    """Delete old rows. Hourly sums, transfers and balances stay, so every account's statement does."""
    session.progress("deleting" if yes else "counting")
    value = session.run(operations.prune_calls, before=before, yes=yes)
    rows = value["rows"]
    did = "were deleted" if yes else "would be deleted"
    session.show(value, f"{rows} rows of calls before {iso_time(before)} {did}.")
    if rows and not yes:
        session.note("Nothing was deleted: run it again with --yes. `router usage export` keeps a copy.")


@usage.command()
@remotely
def counters(session: CommandSession) -> None:
    """Counts of what happened, summed over all workers: open holds, refusals, shortfall, sweeps."""
    value = session.run(operations.count_happenings)
    session.show(value, pairs(value))


def _passed(pieces: Iterable[str], stream: TextIO) -> Iterator[str]:
    """The lines of pieces of text, which are written on their way."""
    for piece in pieces:
        stream.write(piece)
        yield from io.StringIO(piece, newline="")


def _counted(session: CommandSession, lines: Iterable[str]) -> Iterator[str]:
    """The same lines, and now and then how many there were."""
    for number, line in enumerate(lines, 1):
        if not number % _TOLD_ROWS:
            session.progress(f"{number} rows")
        yield line
