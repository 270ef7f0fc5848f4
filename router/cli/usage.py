"""``router usage``: the rows that finished calls leave."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from router.cli.groups import Commands
from router.cli.output import iso_time, table
from router.cli.session import Session, common
from router.cli.times import PAST
from router.store.accounts import get_account
from router.store.keys import get_key
from router.store.usage import list_usage
from router.types import CallRecord

__all__ = ["usage"]


@click.group(cls=Commands)
def usage() -> None:
    """Finished calls and their tokens."""


@usage.command()
@click.option("--account", metavar="ID", help="Only this account's.")
@click.option("--key", metavar="ID", help="Only this key's.")
@click.option("--since", type=PAST, metavar="TIME", help="Not before: 24h ago, or 2027-01-31 (UTC).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many rows.")
@common
def show(session: Session, account: str | None, key: str | None, since: float | None, limit: int) -> None:
    """The newest calls first. A row is written when its call is over."""
    if account is not None:
        get_account(session.database, account)
    if key is not None:
        get_key(session.database, key)
    records = list_usage(session.database, account=account, key=key, since=since, limit=limit)
    columns = {
        "created_at": "TIME",
        "request_id": "REQUEST",
        "model": "MODEL",
        "provider": "PROVIDER",
        "status": "STATUS",
        "prompt_tokens": "PROMPT",
        "cached_tokens": "CACHED",
        "completion_tokens": "COMPLETION",
        "reasoning_tokens": "REASONING",
        "charge": "CHARGE",
        "estimated": "ESTIMATED",
        "tries": "ATTEMPTS",
    }
    rows = [_value(record) for record in records]
    shown = [{**row, "tries": len(row["attempts"])} for row in rows]
    session.show(rows, table(shown, columns, empty="No call so far."))


def _value(record: CallRecord) -> dict[str, Any]:
    """The row as JSON; nothing is charged as long as there are no prices."""
    return {**asdict(record), "created_at": iso_time(record.created_at), "charge": "0"}
