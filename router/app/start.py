"""From a configuration to an assembly: read, checked, opened."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from router.app.assembly import Assembly
from router.app.config_rules import check_rules, plugin_records
from router.app.installed import plugin_migrations, registry_of_settings
from router.app.keyless import keyless
from router.charging.limit_rules import limit_rules
from router.charging.policies import policies_of
from router.config.file import Settings, load_settings
from router.config.provider import ProviderSettings
from router.db.database import Database
from router.errors import ConfigError, NotFound, RouterError, StoreError, Unavailable
from router.http_client.pool import PoolTransport
from router.http_client.proxy import environment_proxy, environment_ssl_context
from router.jobs.workers import serving
from router.office.currency import checked_currency
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider, build_providers
from router.providers.profile import dialect_of
from router.store.host_migrations import OWNER
from router.store.migrating import pending
from router.store.opening import open_database
from router.store.provider_keys import keyed_providers, load_provider_keys
from router.store.sealing import MASTER_KEY
from router.types.transport import Transport

__all__ = ["assemble", "check_migrated", "open_transport"]

_log = logging.getLogger("router.app")


def assemble(
    path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    content: bytes | None = None,
    for_commands: bool = False,
    without_keys: bool = False,
) -> Assembly:
    """Read, check and open a configuration.

    Args:
        content: what to take for the file's content; None reads the file.
        for_commands: a provider that lacks nothing but its secret in this environment counts as active where the
            running gateway has it so or, when none runs, where a section configures it.
        without_keys: no secret of a provider is in what is made, be it from the file, the environment or the database;
            a provider counts as active where the running gateway serves it or, when none runs, where it is configured.

    Raises:
        ConfigError: what is wrong, where, and the remedy; also for a database that does not fit the code.
        StoreError: the database does not answer; names the place as well.
    """
    settings = load_settings(path, environ, content=content)
    registry = registry_of_settings(settings)
    if without_keys:
        settings = keyless(settings, registry)
    dialect = dialect_of(settings, registry)
    check_rules(settings)
    plugin_settings = plugin_records(settings, registry)
    policies = policies_of(settings, registry, plugin_settings)
    limits = limit_rules(settings)
    try:
        database = open_database(settings.database.url.reveal(), path.resolve().parent)
        check_migrated(database, registry, path)
        checked_currency(settings, database)
    except StoreError as error:  # no fault of the configuration's: whoever asked may ask again
        raise StoreError(f"{settings.where('database.url')}: {error.message}") from error
    try:
        stored_keys = {} if without_keys else load_provider_keys(database, settings.secret(f"env:{MASTER_KEY}"))
        providers = build_providers(settings, registry, open_transport, stored_keys)
        if without_keys:
            providers = _as_if_keyed(providers, settings, database)
        elif for_commands:
            providers = _as_served(providers, settings, serving(database, time.time()))
        assembly = Assembly(settings, registry, dialect, providers, database, plugin_settings, policies, limits)
        _check_fallbacks(assembly)
    except RouterError:
        database.close()
        raise
    for (name, _), stored in stored_keys.items():
        if name in providers and providers[name].problem and stored.problem == providers[name].problem:
            _log.warning("provider %s is not active: %s", name, stored.problem)
    return assembly


def _as_served(
    providers: Mapping[str, ConfiguredProvider], settings: Settings, running: frozenset[str] | None
) -> dict[str, ConfiguredProvider]:
    has = settings.providers if running is None else running
    return {
        name: replace(one, problem="", unset=one.problem) if one.lacks_secret and name in has else one
        for name, one in providers.items()
    }


def _as_if_keyed(
    providers: Mapping[str, ConfiguredProvider], settings: Settings, database: Database
) -> dict[str, ConfiguredProvider]:
    """Those that the running gateway serves, whatever they lack here; and no others."""
    running = serving(database, time.time())
    if running is None:
        return _as_served(providers, settings, frozenset({*settings.providers, *keyed_providers(database)}))
    return {
        name: replace(one, problem="", unset=one.problem)
        if name in running and one.hooks
        else replace(one, problem=one.problem or "the running gateway does not serve it")
        for name, one in providers.items()
    }


def _check_fallbacks(assembly: Assembly) -> None:
    """Those of the configuration must lead somewhere; one that is disabled, or not set up yet, may come back."""
    settings = assembly.settings
    entries = assembly.catalogue.snapshot().entries
    for model, targets in settings.fallbacks.items():
        for one in (model, *targets):
            try:
                assembly.resolver.route(one)
            except (NotFound, Unavailable) as error:
                where = settings.where(f"fallback.{model}")
                if isinstance(error, NotFound) and one not in entries:
                    raise ConfigError(f"{where}: {error.in_full}") from None
                _log.warning("%s: %s", where, error.in_full)


def check_migrated(database: Database, registry: Registry, path: Path) -> None:
    """Close a database that does not fit the code.

    Args:
        path: the configuration's, for the remedy.

    Raises:
        ConfigError: migrations are pending, or it is newer than the code.
        StoreError: it does not answer.
    """
    try:
        missing = pending(database, plugin_migrations(registry))
        for owner in sorted({step.owner for step in missing} - {OWNER}):  # router serve has tried, and told why
            registry.leave_out(owner, "its tables are not there: see `router db migrate`")
        count = sum(step.owner == OWNER for step in missing)
        if count:
            raise ConfigError(f"the database lacks {count} migration(s): run `router db migrate --config {path}`")
    except RouterError:
        database.close()
        raise


def open_transport(settings: ProviderSettings) -> Transport:
    """The transport that a provider's section asks for."""
    if settings.transport == "requests":
        context = environment_ssl_context()
        return PoolTransport(settings.max_connections, ssl_context=context, proxy_of=environment_proxy)
    return PoolTransport(max_connections=settings.max_connections)
