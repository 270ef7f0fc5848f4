"""``router audit``: what operators did."""

from __future__ import annotations

import json

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.office.operations.audit import list_audit

__all__ = ["audit"]


@click.group(cls=Commands)
def audit() -> None:
    """What operators did: a log that is only added to."""


@audit.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many entries.")
@click.option("--before", type=click.IntRange(1), metavar="SEQ", help="Only older ones than this: the next page.")
@click.option("--action", metavar="COMMAND", help="Only this command: `keys revoke`; or a whole group: `keys`.")
@click.option(
    "--subject", metavar="ID", help="Only what was done to this account (its keys too), key, call, model, ..."
)
@click.option("--actor", metavar="NAME", help="Only what this one did.")
@remotely
def show(session: CommandSession, limit: int, before: int | None, **filters: str | None) -> None:
    """The newest entries first. Every change of the database leaves one, written with the change itself."""
    rows = session.run(list_audit, limit=limit, before=before, **filters)
    shown = [{**row, "detail": json.dumps(row["detail"], ensure_ascii=False)} for row in rows]
    columns = {
        "seq": "SEQ",
        "created_at": "TIME",
        "actor": "ACTOR",
        "action": "ACTION",
        "subject": "SUBJECT",
        "detail": "DETAIL",
    }
    session.show(rows, table(shown, columns, empty="No entry."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['seq']}")
