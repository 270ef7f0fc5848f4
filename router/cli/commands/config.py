"""``router config``: show, check and change ``router.toml``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from router.app.effective import effective, source_of
from router.cli.processes.serve import AT_START
from router.cli.support.config_check import check_database_url, check_settings, dead_aliases
from router.cli.support.config_edit import parse_key, parse_value, set_key
from router.cli.support.doctor_checks import check_measuring
from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.portal_checks import check_portal
from router.cli.support.session import CommandSession, common
from router.cli.support.tls_checks import check_certificates
from router.errors import ConfigError, RouterError

__all__ = ["config"]


@click.group(cls=Commands)
def config() -> None:
    """Show, check and change the configuration."""


@config.command()
@common
def show(session: CommandSession) -> None:
    """Every setting in force, and where it comes from. Secrets are shown as ***."""
    providers = check_settings(session.settings, session.registry)
    rows = [setting._asdict() for setting in effective(session.settings, session.registry, providers)]
    columns = {"key": "KEY", "value": "VALUE", "source": "SOURCE"}
    session.show(rows, table(rows, columns, empty=""))


@config.command()
@common
def check(session: CommandSession) -> None:
    """Check the configuration as `router serve` does, the providers' sections included.

    The database is asked where there are fallbacks or aliases, which may name its models. An alias that leads nowhere
    is a warning: the gateway serves without it; so is what hinders people from using the portal, and a [metrics] token
    whose variable is not set in this environment, which need not be the gateway's.
    """
    check_database_url(session.settings)
    check_certificates(session.settings, datetime.now(UTC))
    providers = check_settings(session.settings, session.registry, session.stored_keys)
    if session.settings.fallbacks:
        providers = dict(session.assembly.providers)
    active = [name for name, provider in providers.items() if provider.active]
    warnings = [*_alias_warnings(session), *_further_warnings(session)]
    value = {"ok": True, "config": str(session.config.absolute()), "active_providers": active, "warnings": warnings}
    session.show(value, f"{session.config} is right. Active providers: {', '.join(active) or 'none'}.")
    for warning in warnings:
        session.note(f"warning: {warning}")


def _alias_warnings(session: CommandSession) -> list[str]:
    if not session.settings.aliases:
        return []
    try:
        return list(dead_aliases(session.assembly))
    except RouterError as error:
        return [f"the aliases could not be checked: {error.in_full}"]


def _further_warnings(session: CommandSession) -> list[str]:
    """What hinders people from using the portal, and, as far as the environment may be another, a start.

    Raises:
        ConfigError: [metrics] would refuse the start in any environment.
    """
    measured = list(check_measuring(session.settings))
    if refused := [one.detail for one in measured if one.state == "problem"]:
        raise ConfigError(refused[0])
    found = [*check_portal(session.settings, session.dialect), *measured]
    return [f"{one.detail}: {one.remedy}" for one in found if one.state in ("warning", "problem")]


@config.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
@common
def set_(session: CommandSession, key: str, value: str) -> None:
    """Set KEY, such as server.port, to VALUE in the file. Comments stay; a wrong result is refused.

    Lists are written as a,b or as TOML. A running gateway reads the file again on SIGHUP;
    host, port, workers and [metrics] are those of its start.
    """
    path = parse_key(key)
    parsed = parse_value(session.settings, session.registry, path, value)
    if path[0] == "fallback" and isinstance(parsed, list):
        session.warn(session.office.shelf.check_models([path[1], *map(str, parsed)]))
    if path[0] == "aliases" and isinstance(parsed, str):
        session.warn(session.office.shelf.check_models([parsed]))
    set_key(session.settings, path, parsed)
    answer = {"key": ".".join(path), "config": str(session.config.absolute()), "changed": True}
    session.show(answer, f"{answer['key']} is set in {session.config}.")
    at_start = path[0] == "metrics" or path in [("server", one) for one in AT_START]
    when = "at its next start" if at_start else "after SIGHUP"
    session.note(f"A running gateway sees it {when}.")
    source = source_of(session.settings, path)
    if source.startswith("environment"):
        session.note(f"warning: the {source} wins over the file")
