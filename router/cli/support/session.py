"""What every command gets: the configuration that it works on, and how to answer."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from router.cli.support.output import for_operators, print_json, printable
from router.errors import RouterError

if TYPE_CHECKING:
    from router.app.assembly import Assembly
    from router.config.file import Settings
    from router.db.database import Database
    from router.office.actor import Actor
    from router.office.office import Office, Shelf
    from router.plugin_host.registry import Registry
    from router.providers.configured import ConfiguredProvider, StoredKeys
    from router.types.dialect import Dialect

__all__ = ["CommandSession", "common"]

R = TypeVar("R")


class CommandSession:
    """One run of a command. Parts are opened when they are first asked for, and closed with the session.

    Args:
        config: the configuration file.
        as_json: whether the answer is one JSON document.
    """

    def __init__(self, config: Path, as_json: bool) -> None:
        self.config = config
        self.as_json = as_json

    def __enter__(self) -> CommandSession:
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("assembly", "database"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @cached_property
    def settings(self) -> Settings:
        """The checked configuration. Raises ``ConfigError``."""
        from router.config.file import load_settings, misspelt_variables

        settings = load_settings(self.config)
        for name, right in misspelt_variables(settings.environ).items():
            self.note(f"warning: the environment variable {name} sets nothing: write {right}")
        return settings

    @cached_property
    def registry(self) -> Registry:
        """The plugins, as ``[plugins]`` narrows them. Raises ``ConfigError``."""
        from router.app.installed import registry_of_settings

        return registry_of_settings(self.settings)

    @cached_property
    def dialect(self) -> Dialect:
        """The profile's dialect. Raises ``ConfigError``."""
        from router.providers.profile import dialect_of

        return dialect_of(self.settings, self.registry)

    @cached_property
    def database(self) -> Database:
        """The database, which must be there already. Raises ``ConfigError``; its use raises ``StoreError``."""
        from router.store.opening import open_database

        return open_database(self.settings.database.url.reveal(), self.config.absolute().parent)

    @cached_property
    def stored_keys(self) -> StoredKeys:
        """The providers' keys in the database; none where that cannot be read."""
        from router.office.providers import stored_keys

        try:
            return stored_keys(self.settings, self.database)
        except RouterError:
            return {}

    @cached_property
    def assembly(self) -> Assembly:
        """The gateway's parts, put together as a worker does. Raises ``ConfigError`` and ``StoreError``."""
        from router.app.start import assemble

        return assemble(self.config, for_commands=True)

    @cached_property
    def office(self) -> Office:
        """What commands change and read the database through."""
        from router.office.office import Office

        return Office(
            self.settings, self.database, dialect=lambda: self.dialect, providers=self._providers, shelf=self._shelf
        )

    @cached_property
    def actor(self) -> Actor:
        """Who runs the command."""
        from router.cli.support.acting import operator

        return operator(self.settings.environ)

    def _providers(self) -> Mapping[str, ConfiguredProvider]:
        from router.cli.support.config_check import check_settings

        return check_settings(self.settings, self.registry)

    def _shelf(self) -> Shelf:
        from router.office.office import Shelf

        return Shelf(self.assembly.catalogue, self.assembly.providers)

    def show(self, value: Any, text: str) -> None:
        """Answer: ``value`` as JSON or ``text``."""
        if self.as_json:
            print_json(value)
        else:
            click.echo(text)

    def note(self, message: str) -> None:
        """A message beside the answer, on stderr."""
        click.echo(printable(for_operators(message)), err=True)

    def warn(self, warnings: Iterable[str]) -> None:
        """What is to be said beside the answer of a change, on stderr."""
        for one in warnings:
            self.note(f"warning: {one}")

    def progress(self, message: str) -> None:
        """What a long command is at, on stderr, for somebody who watches: not where stderr is a file or a pipe."""
        if sys.stderr.isatty():
            self.note(message)


def common(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--config`` and ``--json``, and a ``CommandSession`` as its first argument.

    Both may stand before the command's name as well (``router --config FILE keys list``).
    """

    @click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: router.toml]")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else on stdout.")
    @functools.wraps(function)
    def with_session(*args: Any, config: Path | None, as_json: bool, **options: Any) -> R:
        root = click.get_current_context().find_root().params
        with CommandSession(config or root["config"], as_json or root["as_json"]) as session:
            return function(session, *args, **_resolved(session, options))

    return with_session


def _resolved(session: CommandSession, options: dict[str, Any]) -> dict[str, Any]:
    """A command's values, with the IDs of what was given by name (``router.cli.support.references``)."""
    context = click.get_current_context()
    for param in context.command.params:
        resolve = getattr(param.type, "resolve", None)
        value = options.get(param.name or "")
        if resolve is not None and param.name is not None and value is not None:
            many = isinstance(value, tuple)
            found = tuple(resolve(session, one) for one in value) if many else resolve(session, value)
            options[param.name] = found
    return options
