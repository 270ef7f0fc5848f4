"""``router providers disable`` and ``enable``: a provider that is left alone for a while."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import pairs
from router.cli.support.references import PROVIDER
from router.cli.support.session import CommandSession, remotely
from router.office.operations.providers import disable_provider, enable_provider

__all__ = ["disable", "enable"]


@click.command()
@click.argument("name", type=PROVIDER)
@click.option("--reason", default="", help="Why; `router providers list` and the audit log show it.")
@remotely
def disable(session: CommandSession, name: str, reason: str) -> None:
    """Send a provider no call, from now on and in every worker within a second. Its running calls end by themselves.

    Models that it serves go to their fallbacks; those without are refused with 503, and on no list.
    """
    _show(session, session.run(disable_provider, name=name, reason=reason or None))


@click.command()
@click.argument("name", type=PROVIDER)
@click.option("--reason", default="", help="Why; the audit log shows it.")
@remotely
def enable(session: CommandSession, name: str, reason: str) -> None:
    """Call a disabled provider again."""
    _show(session, session.run(enable_provider, name=name, reason=reason or None))


def _show(session: CommandSession, turned: dict[str, Any]) -> None:
    session.show(turned, pairs({name: part for name, part in turned.items() if part}))
