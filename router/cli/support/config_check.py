"""A configuration against what is installed: the checks that need plugins, but no database."""

from __future__ import annotations

from collections.abc import Iterator

from router.app.assembly import Assembly
from router.app.config_rules import check_rules, plugin_records
from router.app.start import open_transport
from router.charging.policies import policies_of
from router.cli.support.output import for_operators
from router.config.file import Settings
from router.db.engines import engine_of
from router.errors import ConfigError, NotFound, RouterError
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider, StoredKeys, build_providers
from router.providers.profile import dialect_of

__all__ = ["check_database_url", "check_settings", "dead_aliases"]


def check_settings(
    settings: Settings, registry: Registry, stored_keys: StoredKeys | None = None
) -> dict[str, ConfiguredProvider]:
    """Check the database's URL, the profile, policies, plugins' and providers' sections; the providers by name.

    Args:
        stored_keys: the providers' keys in the database.

    Raises:
        ConfigError: the first problem found.
    """
    url = settings.database.url
    if url or not url.source.startswith("env:"):  # a shell need not have the variable that the gateway has
        check_database_url(settings)
    dialect_of(settings, registry)
    check_rules(settings)
    policies_of(settings, registry, plugin_records(settings, registry))
    return build_providers(settings, registry, open_transport, stored_keys or {})


def check_database_url(settings: Settings) -> None:
    """Raises ``ConfigError``: the database's URL cannot be used, or the variable that it names is not set."""
    try:
        engine_of(settings.database.url.reveal(), settings.path.parent, timeout_s=1.0)
    except ConfigError as error:
        place = settings.where("database.url")
        raise ConfigError(f"{place}: {error.message.removeprefix('[database] url ')}") from None


def dead_aliases(assembly: Assembly) -> Iterator[str]:
    """What is wrong with each alias that leads nowhere. A target whose provider waits for its key is right."""
    for alias in sorted(assembly.catalogue.snapshot().aliases):
        try:
            assembly.resolver.route(alias)
        except NotFound as error:
            yield for_operators(error.in_full)
        except RouterError:
            continue
