"""What the rules for what plugins do besides calls share: a context, and a database of the plugin's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.app.plugin_contexts import PluginContexts
from router.config.file import Settings
from router.db.database import Database
from router.plugin_host.registry import Plugin
from router.store.migrating import migrate
from router.store.opening import open_database
from router.testing.conformance.base import NotOffered, Suite
from router.types.line_hooks import CallRequest
from router.types.plugin_context import PluginContext

__all__ = ["HOST", "HostBench", "HostSuite", "sample_call"]

_ROLES = frozenset({"guard", "lifecycle", "line", "observer", "site", "storage"})


@dataclass
class HostBench:
    """One plugin under test.

    Attributes:
        plugin: the plugin.
        context: what its hooks are given; its settings are the defaults.
        contexts: gives that context.
        database: the host's tables, and the plugin's.
    """

    plugin: Plugin
    context: PluginContext
    contexts: PluginContexts
    database: Database

    def hook(self, name: str) -> Callable[..., Any]:
        """One of its hooks.

        Raises:
            NotOffered: it has none of this name.
        """
        hook = self.plugin.hooks.get(name)
        if hook is None:
            raise NotOffered(f"it has no hook {name}")
        return hook


class HostSuite(Suite[HostBench]):
    """Rules for plugins of several roles."""

    def covers(self, plugin: Plugin) -> bool:
        """Whether the plugin plays one of them."""
        return not _ROLES.isdisjoint(plugin.roles)


@contextmanager
def _open(plugin: Plugin) -> Iterator[HostBench]:
    declare = plugin.hooks.get("plugin_settings")
    if declare is None and "provider" not in plugin.roles:
        declare = plugin.hooks.get("settings")
    settings = declare()() if declare is not None else None
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder:
        database = open_database("sqlite:///router.db", Path(folder), create=True)
        try:
            steps = plugin.hooks.get("storage_migrations")
            migrate(database, {plugin.name: list(steps())} if steps is not None else {})
            file = Settings(path=Path(folder) / "router.toml", environ={})
            contexts = PluginContexts(file, {plugin.name: settings}, lambda: database)
            context = contexts.of(plugin.name)
            startup = plugin.hooks.get("startup")
            if startup is not None:
                startup(context=context)
            yield HostBench(plugin, context, contexts, database)
        finally:
            database.close()


def sample_call(account: str = "acct_1", text: str = "What is six times seven?", **fields: Any) -> CallRequest:
    """A call before it is served."""
    body = {"model": "acme/model", "messages": [{"role": "user", "content": text}], **fields}
    return CallRequest("req_1", "chat", account, f"key_of_{account}", "acme/model", body, False, "192.0.2.7")


HOST = HostSuite("host", _open)
