"""``router providers add`` and ``set-key``: a new section in the file, and a key that the file need not hold."""

from __future__ import annotations

import re
import sys
from typing import Any
from urllib.parse import urlsplit

import click

from router.cli.support.config_check import check_settings
from router.cli.support.config_edit import remove_section
from router.cli.support.config_edit import set_key as write_key
from router.cli.support.output import pairs
from router.cli.support.references import PROVIDER
from router.cli.support.session import CommandSession, common, remotely
from router.config.file import load_settings
from router.errors import BadRequest, ConfigError, NotFound
from router.office.operations.providers import forget_key, store_key
from router.office.providers import check_master_key_of, forget_keys, place_of_key
from router.providers.places import default_url

__all__ = ["add", "remove", "set_key"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\|[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_RELOAD = "A running gateway sees it after SIGHUP."


@click.command()
@click.argument("name")
@click.option("--kind", metavar="PLUGIN", help="The plugin that serves it; `compatible` speaks OpenAI's wire.")
@click.option("--base-url", metavar="URL", help="Where it is.  [default: the plugin's own]")
@click.option("--api-key-env", metavar="VARIABLE", help="The environment variable that holds its key.")
@click.option("--model", "models", multiple=True, help="A model that it serves; repeatable.")
@common
def add(
    session: CommandSession,
    name: str,
    kind: str | None,
    base_url: str | None,
    api_key_env: str | None,
    models: tuple[str, ...],
) -> None:
    """Write a section [providers.NAME] into the file. Without --kind the plugin called NAME serves it."""
    settings, registry = session.settings, session.registry
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} is no name for a provider: use letters, digits, '-', '_' and '.', at most 64")
    if name in settings.providers:
        remedy = f"change it with `router config set providers.{name}.KEY VALUE`"
        raise ConfigError(f"{settings.where(f'providers.{name}')}: the provider is there already: {remedy}")
    if api_key_env is not None and not _VARIABLE.fullmatch(api_key_env):
        raise BadRequest("--api-key-env takes the name of an environment variable, never a key")
    plugin = registry.plugins.get(kind or name)
    if base_url is None and plugin is not None and urlsplit(default_url(plugin.hooks)).hostname in _LOCAL:
        base_url = default_url(plugin.hooks)
    section: dict[str, Any] = {
        "kind": kind,
        "base_url": base_url,
        "api_key": f"env:{api_key_env}" if api_key_env else None,
        "models": list(models),
    }
    write_key(settings, ("providers", name), {key: value for key, value in section.items() if value})
    made = check_settings(load_settings(session.config), registry, session.stored_keys)[name]
    value = {"name": name, "kind": made.kind, "base_url": base_url, "state": made.problem or "active"}
    session.show({**value, "active": made.active, "config": str(session.config.absolute())}, pairs(value))
    if not made.active:
        session.note(f"Next: {made.problem}; or store its key with `router providers set-key {name}`")
    session.note(_RELOAD)


@click.command()
@click.argument("name", type=PROVIDER)
@common
def remove(session: CommandSession, name: str) -> None:
    """Take the section [providers.NAME] out of the file, and forget the provider's stored keys."""
    settings = session.settings
    if name not in settings.providers:
        known = ", ".join(sorted(settings.providers)) or "none"
        raise NotFound(f"{settings.path} has no section [providers.{name}] (there are: {known}).")
    remove_section(settings, ("providers", name))
    stored = forget_keys(session.office, session.actor, name)
    value = {"name": name, "removed": True, "stored_keys": stored, "config": str(session.config.absolute())}
    session.show(value, f"The section [providers.{name}] is gone{', and its stored key' if stored else ''}.")
    session.note(_RELOAD)


@click.command("set-key")
@click.argument("name")
@click.option("--endpoint", type=click.IntRange(1), metavar="N", help="Only for its Nth endpoint, counted from 1.")
@click.option("--remove", is_flag=True, help="Forget the stored key.")
@remotely
def set_key(session: CommandSession, name: str, endpoint: int | None, remove: bool) -> None:
    """Store a provider's key in the database, encrypted under the master key in ROUTER_MASTER_KEY.

    The key is read from standard input, or asked for. An api_key that the file or the environment gives wins over it.
    """
    if remove:
        value = session.run(forget_key, name=name, endpoint=endpoint)
        session.show(value, f"The stored key of {name} is forgotten.")
        return
    if not session.remote_url:  # before anybody types a key in vain
        place_of_key(session.office, name, endpoint or 0)
        check_master_key_of(session.office)
    value = session.run(store_key, name=name, endpoint=endpoint, key=_read_key())
    session.show(value, f"The key of {name} is stored, encrypted.")


def _read_key() -> str:
    asked = sys.stdin.isatty()
    return str(click.prompt("Key", hide_input=True, err=True) if asked else sys.stdin.readline()).strip()
