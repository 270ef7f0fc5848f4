"""What ``router doctor`` looks at. Each check gives findings; none of them raises for what it finds."""

from __future__ import annotations

import dataclasses
import os
import platform
import socket
import ssl
import stat
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import InsecureRequestWarning

from router.app.installed import plugin_migrations
from router.config.file import Settings
from router.config.metrics import check_metrics
from router.config.provider import Secret
from router.db.database import Database
from router.db.sqlite import SqliteEngine
from router.errors import ConfigError, RouterError
from router.metrics.exposition import check_installed
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider
from router.providers.places import upstream_urls
from router.store.migrating import pending

__all__ = [
    "Finding",
    "check_database",
    "check_files",
    "check_machine",
    "check_measuring",
    "check_ollama",
    "check_plugins",
    "check_port",
    "check_providers",
    "check_secrets",
]

_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at.
        state: ``ok``, ``hint``, ``warning`` or ``problem``.
        detail: what was found.
        remedy: what to do; empty where nothing is.
    """

    check: str
    state: str
    detail: str
    remedy: str = ""


def check_machine() -> Iterator[Finding]:
    """Python and TLS."""
    yield Finding("python", "ok", f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}")


def check_files(settings: Settings, database: Database) -> Iterator[Finding]:
    """Whether others on this machine can read the configuration or the database."""
    paths = [settings.path]
    if isinstance(database.backend, SqliteEngine):
        paths.append(database.backend.path)
    for path in paths:
        if path.exists():
            yield _permissions(path)


def _permissions(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding("files", "warning", f"{path} has mode {mode:o}: others can reach it", f"chmod 600 {path}")
    return Finding("files", "ok", f"{path} is its owner's alone")


def check_plugins(registry: Registry) -> Iterator[Finding]:
    """Plugins that do not load."""
    failed = [plugin for plugin in registry.plugins.values() if plugin.state == "failed"]
    for plugin in failed:
        remedy = f"repair or uninstall {plugin.distribution}, or put {plugin.name!r} into [plugins] disabled"
        yield Finding("plugins", "problem", f"{plugin.name} is not loaded: {plugin.problem}", remedy)
    loaded = [plugin.name for plugin in registry.plugins.values() if plugin.state == "loaded"]
    yield Finding("plugins", "ok", f"loaded: {', '.join(loaded) or 'none'}")


def check_database(database: Database, registry: Registry) -> Iterator[Finding]:
    """Whether the database answers and fits this version."""
    try:
        waiting = pending(database, plugin_migrations(registry))
    except RouterError as error:
        yield Finding("database", "problem", error.in_full, _database_remedy(database, error.in_full))
        return
    if not _is_writable(database):
        detail = f"{database.place} can be read, but not written"
        yield Finding("database", "problem", detail, _database_remedy(database, detail))
    elif waiting:
        detail = f"{database.place}: {len(waiting)} migration(s) are pending"
        yield Finding("database", "warning", detail, "router db migrate (router serve does it as well)")
    else:
        yield Finding("database", "ok", f"{database.place}: up to date")


def _is_writable(database: Database) -> bool:
    """Whether a SQLite file may be written, with the files that stand beside it; PostgreSQL decides for itself."""
    if not isinstance(database.backend, SqliteEngine):
        return True
    path = database.backend.path
    return os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def _database_remedy(database: Database, problem: str) -> str:
    if not isinstance(database.backend, SqliteEngine):
        return "start the server, or correct [database] url"
    path = database.backend.path
    if path.is_dir():
        return "[database] url must name a file, and this is a folder"
    if not path.parent.is_dir():
        return f"make the folder {path.parent}, or correct [database] url; then `router db migrate`"
    if path.exists() and not _is_writable(database):
        return f"let this user read and write {path} and its folder, or name another place with [database] url"
    if "not a database" in problem or "malformed" in problem:
        return "put a backup in its place, or name another file with [database] url"
    return "correct [database] url, or make a new database: `router db migrate`"


def check_providers(providers: Mapping[str, ConfiguredProvider], sections: Collection[str]) -> Iterator[Finding]:
    """Which providers can serve, and what those without a section wait for, which is no fault."""
    for provider in providers.values():
        if not provider.active and provider.name in sections:
            continue  # a warning of its own
        urls = ", ".join(upstream_urls(provider))
        detail = f"{provider.name} is active{f' at {urls}' if urls else ''}"
        if not provider.active and not provider.hooks:
            continue  # its plugin's finding says why
        if provider.active:
            yield Finding("providers", "ok", detail)
        else:
            yield Finding("providers", "hint", f"{provider.name} is not active", provider.problem)


def check_secrets(settings: Settings, providers: Mapping[str, ConfiguredProvider]) -> Iterator[Finding]:
    """Secrets that stand in the file as plain text."""
    configured = [name for name in settings.providers if name in providers]
    found = {f"providers.{name}.{key}" for name in configured for key in _plain(providers[name].settings)}
    if urlsplit(settings.database.url.reveal()).password and settings.database.url.source == "configuration":
        found.add("database.url")
    if settings.mail.password and settings.mail.password.source == "configuration":
        found.add("mail.password")
    if settings.metrics.token and settings.metrics.token.source == "configuration":
        found.add("metrics.token")
    for key in sorted(found):
        place = settings.where(key)
        if not place.startswith("environment variable "):
            yield Finding(
                "secrets", "warning", f"{place} holds a secret as plain text", 'write "env:NAME" and set NAME'
            )


def _plain(record: Any) -> Iterator[str]:
    """The keys of a record, and of those in its lists, whose secret is written out."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Secret) and value and value.source == "configuration":
            yield field.name
        for part in value if isinstance(value, tuple) else ():
            if dataclasses.is_dataclass(part):
                yield from (f"{field.name}.{key}" for key in _plain(part))


def check_port(
    host: str, port: int, what: str = "gateway", keys: str = "[server] host and port", *, scheme: str = "http"
) -> Iterator[Finding]:
    """Whether the gateway, or the portal, can listen, or does so already.

    Args:
        what: which of them.
        keys: where it is said.
        scheme: what it speaks.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if _answers(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/healthz"):
            yield Finding("port", "ok", f"a {what} is serving at {host}:{port}")
            return
        remedy = f"stop what listens there, or choose another with {keys}"
        yield Finding("port", "problem", f"{host}:{port} cannot be listened on: {error.strerror or error}", remedy)
        return
    yield Finding("port", "ok", f"{host}:{port} is free")


def check_ollama(providers: Mapping[str, ConfiguredProvider], url: str) -> Iterator[Finding]:
    """A local Ollama that no provider uses yet."""
    place = urlsplit(url).port
    active = [provider for provider in providers.values() if provider.active]
    used = any(urlsplit(one).port == place for provider in active for one in upstream_urls(provider))
    if not used and _answers(f"{url}/api/version"):
        remedy = f'[providers.ollama] base_url = "{url}", then `router models sync ollama`'
        yield Finding("ollama", "hint", f"an Ollama answers at {url}, and no provider uses it", remedy)


def _answers(url: str) -> bool:
    try:
        with requests.Session() as client, warnings.catch_warnings():
            client.trust_env = False
            # A port of ours is only looked at, under an address that its certificate is not for.
            warnings.simplefilter("ignore", InsecureRequestWarning)
            verify = not url.startswith("https://")
            return client.get(url, timeout=_WAIT_S, allow_redirects=False, verify=verify).status_code == 200
    except requests.RequestException:
        return False


def check_measuring(settings: Settings, *, runs: bool = False) -> Iterator[Finding]:
    """Whether the listener for Prometheus would be started; this environment need not have its token.

    Args:
        runs: a gateway does, so that it had the token at its start.
    """
    metrics = settings.metrics
    if not metrics.enabled:
        return
    try:
        check_metrics(metrics, settings.where)
        check_installed(settings.where("metrics.listen"))
    except ConfigError as error:
        unset = metrics.token.source.startswith("env:") and not metrics.token
        if unset and runs:
            return
        yield Finding(
            "metrics", "warning" if unset else "problem", error.message, "the gateway does not start with this"
        )
