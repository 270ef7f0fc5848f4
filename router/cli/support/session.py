"""What every command gets: the configuration that it works on, and how to answer."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from router.cli.support.output import for_operators, print_json, printable
from router.errors import RouterError

if TYPE_CHECKING:
    from router.app.assembly import Assembly
    from router.cli.support.remote import RemoteGateway
    from router.config.file import Settings
    from router.db.database import Database
    from router.office.actor import Actor
    from router.office.office import Office, Shelf
    from router.office.operations.operation import OfficeOperation
    from router.plugin_host.registry import Registry
    from router.providers.configured import ConfiguredProvider, StoredKeys
    from router.types.dialect import Dialect

__all__ = ["CommandSession", "common", "remotely"]

R = TypeVar("R")


class CommandSession:
    """One run of a command. Parts are opened when they are first asked for, and closed with the session.

    Args:
        config: the configuration file.
        as_json: whether the answer is one JSON document.
        remote: URL of a gateway elsewhere, on which the command works in place of the configuration; empty for none.
    """

    def __init__(self, config: Path, as_json: bool, remote: str = "") -> None:
        self.config = config
        self.as_json = as_json
        self.remote_url = remote
        self._notes: list[str] = []

    def __enter__(self) -> CommandSession:
        return self

    def __exit__(self, *_: object) -> None:
        if "office" in self.__dict__ and "providers" in self.office.__dict__:
            for provider in self.office.providers.values():
                provider.transport.close()
        for name in ("remote", "assembly", "database"):
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
            self.settings,
            self.database,
            dialect=lambda: self.dialect,
            providers=self._providers,
            shelf=self._shelf,
            payments=lambda: self.assembly.payments,
            strategies=lambda: self.assembly.strategies,
            guards=lambda: self.assembly.guard_places(),
            caches=lambda: self.assembly.cache_places(),
        )

    @cached_property
    def remote(self) -> RemoteGateway:
        """The gateway elsewhere. Raises ``click.UsageError``: its URL or the key for it cannot be."""
        from router.cli.support.remote import RemoteGateway, remote_key

        return RemoteGateway(self.remote_url, remote_key(os.environ))

    def run(self, operation: OfficeOperation, **values: Any) -> Any:
        """Do what operators do, here or at the gateway elsewhere; what it came to, as JSON has it.

        What is to be said beside goes to stderr.
        """
        if self.remote_url:
            answer = self.remote.run(operation, values, self.progress)
        else:
            answer = operation.answer(self.office, self.actor, values, self.progress)
        self.warn(answer.warnings)
        self._notes += answer.notes
        return answer.value

    def export(self, *, account: str | None, since: float | None, until: float | None) -> Iterator[str]:
        """All usage rows as lines of CSV, of here or of the gateway elsewhere."""
        if self.remote_url:
            return self.remote.export(account=account, since=since, until=until)
        from router.office.operations.usage import export_rows

        return export_rows(self.office, account=account, since=since, until=until)

    @cached_property
    def actor(self) -> Actor:
        """Who runs the command."""
        from router.cli.support.acting import operator

        return operator(self.settings.environ)

    def _providers(self) -> Mapping[str, ConfiguredProvider]:
        from router.cli.support.config_check import check_settings

        return check_settings(self.settings, self.registry, self.stored_keys)

    def _shelf(self) -> Shelf:
        from router.office.office import Shelf

        return Shelf(self.assembly.catalogue, self.assembly.providers)

    def show(self, value: Any, text: str) -> None:
        """Answer: ``value`` as JSON or ``text``."""
        if self.as_json:
            print_json(value)
        else:
            click.echo(text)
        while self._notes:
            self.note(self._notes.pop(0))

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
    return _with_session(function, elsewhere=False)


def remotely(function: Callable[..., R]) -> Callable[..., R]:
    """The same, and ``--remote``: for a command that does all by ``CommandSession.run``."""
    help = "Do it at the gateway there, with the operator's key in ROUTER_REMOTE_KEY."
    option = click.option("--remote", metavar="URL", help=help)
    return option(_with_session(function, elsewhere=True))


def _with_session(function: Callable[..., R], *, elsewhere: bool) -> Callable[..., R]:
    @click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: router.toml]")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else on stdout.")
    @functools.wraps(function)
    def with_session(*args: Any, config: Path | None, as_json: bool, remote: str | None = None, **options: Any) -> R:
        context = click.get_current_context()
        root = context.find_root().params
        url = remote or root["remote"] or ""
        if url and not elsewhere:
            raise click.UsageError("this command works on this machine alone: leave --remote out", context)
        with CommandSession(config or root["config"], as_json or root["as_json"], url) as session:
            return function(session, *args, **options)

    return with_session
