"""What the rules for payment methods share: the plugin with its samples' settings, and books to credit in."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from router.app.plugin_contexts import PluginContexts
from router.config.file import Settings
from router.db.database import Database
from router.errors import ConfigError
from router.plugin_host.registry import Plugin
from router.store.migrating import migrate
from router.store.opening import open_database
from router.testing.conformance.base import Failed, NotOffered, Suite
from router.testing.samples import PaymentSamples
from router.types.payments import PaymentNotice, PaymentOffer
from router.types.plugin_context import PluginContext

__all__ = ["ACCOUNT", "PAYMENT", "PaymentBench", "garbage", "samples_of"]

ACCOUNT = "acct_conformance"
_DEEP = 100_000
_LARGE = 2**20
_BODIES = (
    b"",
    b"\xff\xfe\x00",
    b"null",
    b'{"id": 1, "type": [], "data": {"object": 7}}',
    b"[" * _DEEP,
    b'{"a":' * _DEEP,
    b"1" * _LARGE,
)


@dataclass
class PaymentBench:
    """One plugin under test.

    Attributes:
        plugin: the plugin.
        samples: what it shows of itself; None where it shows nothing.
        contexts: what its hooks are given: as it is by itself, and where it has samples, by their settings.
        databases: of two workers, on one file.
        file: the configuration.
    """

    plugin: Plugin
    samples: PaymentSamples | None
    contexts: Sequence[PluginContext]
    databases: Sequence[Database]
    file: Settings

    @property
    def context(self) -> PluginContext:
        """The one in which it is most likely to work."""
        return self.contexts[-1]

    def hook(self, name: str) -> Callable[..., Any]:
        """One of its hooks.

        Raises:
            NotOffered: it has none of this name.
        """
        hook = self.plugin.hooks.get(name)
        if hook is None:
            raise NotOffered(f"it has no hook {name}")
        return hook

    def offer(self) -> PaymentOffer:
        """What it offers.

        Raises:
            NotOffered: nothing, as it is set up.
        """
        try:
            offer = self.hook("payment_offer")(context=self.context, account=ACCOUNT)
        except ConfigError as error:
            raise NotOffered(f"it is not set up, and its samples do not set it up: {error.message}") from error
        if not isinstance(offer, PaymentOffer):
            raise NotOffered("it offers nothing")
        return offer

    def told(self) -> PaymentSamples:
        """Samples with notices.

        Raises:
            NotOffered: there are none.
        """
        self.hook("payment_event")
        if self.samples is None:
            raise NotOffered("it has no samples (an entry point of its name in the group router.payments)")
        self.offer()
        return self.samples


def samples_of(plugin: str) -> PaymentSamples | None:
    """What the entry point of this name in the group ``router.payments`` gives; None where there is none.

    Raises:
        Failed: it cannot be loaded, or is something else.
    """
    for point in metadata.entry_points(group="router.payments", name=plugin):
        try:
            found = point.load()
        except Exception as error:
            raise Failed(f"its samples {point.value} cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(found, PaymentSamples):
            raise Failed(f"{point.value} is a {type(found).__name__}, and no router.testing.PaymentSamples")
        return found
    return None


def garbage(true: Sequence[PaymentNotice] = ()) -> Iterator[PaymentNotice]:
    """Requests that no service sends: each odd body under odd headers, and under those of true notices."""
    names = sorted({name for notice in true for name in notice.headers} | {"x-signature", "authorization"})
    odd = ({}, *(dict.fromkeys(names, text) for text in ("", "\u2603 \xe9", "t=1,v1=\u0661", "=" * 70_000)))
    many = {f"x-{number}": "1" for number in range(2_000)}
    for headers in (*odd, many, *(dict(notice.headers) for notice in true)):
        for body in _BODIES:
            yield PaymentNotice(headers, body, "192.0.2.7")


@contextmanager
def _open(plugin: Plugin) -> Iterator[PaymentBench]:
    """The plugin's contexts, and a database in a folder that is gone when the block ends."""
    samples = samples_of(plugin.name)
    log = logging.getLogger("router.payments")
    level = log.level
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder:
        databases = [open_database("sqlite:///router.db", Path(folder), create=True) for _ in range(2)]
        log.setLevel(logging.CRITICAL + 1)  # what is refused on purpose is no news
        try:
            steps = plugin.hooks.get("storage_migrations")
            migrate(databases[0], {plugin.name: list(steps())} if steps is not None else {})
            file = Settings(path=Path(folder) / "router.toml", environ={})
            sections = [{}] if samples is None else [{}, samples.settings]
            records = [_record(plugin, file, section) for section in sections]
            given = [PluginContexts(file, {plugin.name: one}, lambda: databases[0]).of(plugin.name) for one in records]
            yield PaymentBench(plugin, samples, given, databases, file)
        finally:
            log.setLevel(level)
            for database in databases:
                database.close()


def _record(plugin: Plugin, file: Settings, section: Any) -> Any:
    declare = plugin.hooks.get("plugin_settings") or plugin.hooks.get("settings")
    return file.record(declare(), f"plugins.{plugin.name}", section) if declare is not None else None


PAYMENT: Suite[PaymentBench] = Suite("payment", _open)
