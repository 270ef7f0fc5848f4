"""``router providers disable`` and ``enable``: a provider that is left alone for a while."""

from __future__ import annotations

from dataclasses import replace

import click

from router.cli.support.output import iso_time, pairs
from router.cli.support.references import PROVIDER
from router.cli.support.session import CommandSession, common
from router.office.console.provider_switches import ProviderOff, disable_provider, enable_provider

__all__ = ["disable", "enable"]


@click.command()
@click.argument("name", type=PROVIDER)
@click.option("--reason", default="", help="Why; `router providers list` and the audit log show it.")
@common
def disable(session: CommandSession, name: str, reason: str) -> None:
    """Send a provider no call, from now on and in every worker within a second. Its running calls end by themselves.

    Models that it serves go to their fallbacks; those without are refused with 503, and on no list.
    """
    _show(session, disable_provider(session.office, replace(session.actor, reason=reason), name), "off")


@click.command()
@click.argument("name", type=PROVIDER)
@click.option("--reason", default="", help="Why; the audit log shows it.")
@common
def enable(session: CommandSession, name: str, reason: str) -> None:
    """Call a disabled provider again."""
    _show(session, enable_provider(session.office, replace(session.actor, reason=reason), name), "on")


def _show(session: CommandSession, turned: ProviderOff, state: str) -> None:
    value = {"name": turned.provider, "state": state, "reason": turned.reason, "since": iso_time(turned.changed_at)}
    session.show(value, pairs({name: part for name, part in value.items() if part}))
