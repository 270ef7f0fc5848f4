"""``router nodes``: the machines that serve one database."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.office.operations.care import list_nodes

__all__ = ["nodes"]


@click.group(cls=Commands)
def nodes() -> None:
    """The machines, or containers, whose workers share this database."""


@nodes.command("list")
@remotely
def list_(session: CommandSession) -> None:
    """Those of which a worker lives: its version, since when, how far its clock is off, and the jobs that it does.

    A node is called as `[server] node` says, or by its host's name. One that was lost counts for 15 seconds more.
    """
    rows = session.run(list_nodes)
    shown = [
        {
            **row,
            "versions": ", ".join(row["versions"]),
            "clock_ahead_s": f"{row['clock_ahead_s']:+.1f} s",
            "jobs": ", ".join(row["jobs"]),
        }
        for row in rows
    ]
    columns = {
        "node": "NODE",
        "workers": "WORKERS",
        "versions": "VERSION",
        "started_at": "SINCE",
        "clock_ahead_s": "CLOCK",
        "jobs": "JOBS",
    }
    session.show(rows, table(shown, columns, empty="No node serves this database now."))
