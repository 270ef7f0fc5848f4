"""Everything that serving, and the command line, need of one configuration, put together in the right order."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from router.app.config_rules import check_rules, plugin_records
from router.app.exchange_rate import rate_jobs, rate_warning
from router.app.installed import plugin_migrations, registry_of_settings
from router.app.lacks import ReadinessWarnings
from router.app.plugin_contexts import PluginContexts, plugin_jobs
from router.calls.admission import Admission, AdmissionLimits
from router.calls.auth import Authenticator
from router.calls.call_log import CallLog
from router.calls.idempotency import Idempotency
from router.calls.line import CallPipeline
from router.calls.observers import Recorder
from router.catalogue.catalogue import Catalogue
from router.catalogue.pins import price_rules
from router.catalogue.snapshot import OperatorCatalogue, OverrideRow
from router.charging.estimator import Estimator
from router.charging.limit_rules import KeyFinder, LimitRules, limit_rules, rules_text
from router.charging.policies import Policy, policies_of
from router.charging.quote import PriceQuoter
from router.config.file import Settings, load_settings
from router.config.provider import ProviderSettings
from router.db.access_version import read_endings
from router.db.database import Database
from router.db.journal import Journal
from router.db.sqlite import LogRemoved
from router.errors import ConfigError, NotFound, RouterError, StoreError, Unavailable
from router.http_client.pool import PoolTransport
from router.http_client.proxy import environment_proxy, environment_ssl_context
from router.jobs.leased import Jobs, LeasedJob
from router.jobs.workers import serving
from router.ledger.balances import balance
from router.ledger.batch import LedgerBatch
from router.ledger.currency import keep_currency
from router.ledger.rules import keep_rules
from router.ledger.sweep import Swept, sweep
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider, build_providers, listings
from router.providers.model_list import ModelListService
from router.providers.profile import dialect_of, offered_by
from router.providers.public_catalogue import PublicCatalogue
from router.providers.resolve import ModelResolver
from router.store.host_migrations import OWNER
from router.store.idempotency import expire_answers
from router.store.migrating import pending
from router.store.models import catalogue_version, load_catalogue
from router.store.opening import open_database
from router.store.prices import read_prices
from router.store.provider_keys import load_provider_keys
from router.store.rates import read_rates
from router.store.sealing import MASTER_KEY
from router.types.dialect import Dialect
from router.types.transport import Transport

__all__ = [
    "Assembly",
    "DatabaseCatalogue",
    "assemble",
    "check_migrated",
    "checked_currency",
    "open_transport",
    "pinned",
]

_log = logging.getLogger("router.app")
_SWEEP_S = 10.0
_EXPIRE_S = 60.0
_LOOK_S = 3600.0


@dataclass(frozen=True)
class Assembly:
    """One configuration, opened. What serving alone needs is made on first use, so that a command stays quick."""

    settings: Settings
    registry: Registry
    dialect: Dialect
    providers: Mapping[str, ConfiguredProvider]
    database: Database
    plugin_settings: Mapping[str, Any]
    policies: Sequence[Policy]
    limits: LimitRules

    @cached_property
    def catalogue(self) -> Catalogue:
        """The model catalogue, over the database's rows."""
        return Catalogue(
            listings(self.providers),
            pinned(self.settings),
            DatabaseCatalogue(self.database),
            rules=price_rules(self.settings),
            offered=offered_by(self.dialect, self.settings),
        )

    @cached_property
    def resolver(self) -> ModelResolver:
        """Model ID -> route."""
        return ModelResolver(self.catalogue, self.providers)

    @cached_property
    def quoter(self) -> PriceQuoter:
        """Call -> what it can use and cost."""
        return PriceQuoter(self.catalogue, self.settings.billing, with_billing=self._with_billing)

    @cached_property
    def lister(self) -> ModelListService:
        """Which models lists show."""
        return ModelListService(self.catalogue, self.resolver, self.dialect.offers, with_billing=self._with_billing)

    @cached_property
    def showcase(self) -> PublicCatalogue:
        """The catalogue for everybody; asks the database from now on."""
        showcase = PublicCatalogue(self.catalogue, self.lister, self.dialect)
        showcase.start()
        return showcase

    @cached_property
    def estimator(self) -> Estimator:
        """What calls would come to."""
        return Estimator(self.catalogue, self.resolver, self.settings.billing)

    @property
    def _with_billing(self) -> bool:
        return self.settings.gateway.bills

    @cached_property
    def journal(self) -> Journal:
        """Where calls are accounted for."""
        batch = LedgerBatch()
        return Journal(self.database, batch, rest=batch.rest)

    @cached_property
    def jobs(self) -> Jobs:
        """What one of all workers does from time to time; makes this process a worker."""
        return Jobs(
            self.database,
            [
                LeasedJob("sweep", _SWEEP_S, self._end_dead_calls),
                LeasedJob("answers", _EXPIRE_S, lambda: expire_answers(self.database, time.time())),
                LeasedJob("setup", _LOOK_S, lambda: self._watch.look(self.catalogue.snapshot())),
                *rate_jobs(self.settings, self.database),
                *plugin_jobs(self.registry, self.contexts),
            ],
            providers=[name for name, provider in self.providers.items() if provider.active],
        )

    @cached_property
    def contexts(self) -> PluginContexts:
        """What each plugin is given besides calls."""
        active = [name for name, provider in self.providers.items() if provider.active]
        return PluginContexts(self.settings, self.plugin_settings, lambda: self.database, active)

    @cached_property
    def recorder(self) -> Recorder:
        """Who is told of what became of requests."""
        return Recorder(self.log, self.registry, addresses=self.settings.server.log_client_address)

    @cached_property
    def log(self) -> CallLog:
        """Where the calls' log lines go."""
        return CallLog()

    @cached_property
    def gateway(self) -> CallPipeline:
        """The line itself."""
        settings = self.settings.gateway
        warning = rate_warning(self.catalogue.snapshot())
        if warning is not None:
            _log.warning("%s", warning)
        keep_rules(self.database, rules_text(self.settings))
        self.jobs.start()
        finder = KeyFinder(self.database, self.limits)
        admission = Admission(self.journal, self.policies, self._admission_limits(), owner=self.jobs.worker.id)
        return CallPipeline(
            settings,
            self.dialect,
            Authenticator(finder, version=finder.version, unchecked=finder.unchecked),
            self.lister,
            self.resolver,
            self.quoter,
            admission,
            self.recorder,
            self._idempotency(),
            available=self._available if self._with_billing else None,
            endings=lambda version: self.database.read(
                lambda connection: read_endings(connection, version), whole=False
            ),
        )

    def _available(self, account: str) -> int:
        return balance(self.database, account).available

    def _idempotency(self) -> Idempotency:
        return Idempotency(
            self.database,
            self.journal,
            owner=self.jobs.worker.id,
            max_bytes=self.settings.billing.store_answer_bytes,
            account_bytes=self.settings.billing.store_account_bytes,
            keeps_free=not self._with_billing,
            end_dead_calls=self._end_dead_calls,
        )

    def _end_dead_calls(self) -> Swept:
        return sweep(self.database, time.time(), self.settings.billing.expired, everything=True)

    def _admission_limits(self) -> AdmissionLimits:
        settings = self.settings.gateway
        return AdmissionLimits(
            currency=settings.currency,
            timezone=self.limits.timezone,
            budgets=self._with_billing,
            min_output_tokens=self.settings.billing.min_output_tokens,
            max_call_s=settings.max_call_s,
            drain_s=settings.drain_s,
        )

    def warnings(self) -> list[dict[str, str]]:
        """What is missing although calls can be served, each kind with its code, in words for everybody."""
        return self._watch.said_to_all(self.catalogue.snapshot())

    @cached_property
    def _watch(self) -> ReadinessWarnings:
        return ReadinessWarnings(self.settings, self.providers)

    def problems(self) -> list[str]:
        """Why calls could not be served and recorded just now; asks the database and the plugins, never an upstream."""
        found = []
        try:
            self.database.read(lambda connection: connection.row("SELECT 1 AS one"), whole=False)
            if not self.journal.healthy():
                found.append("the database does not keep up with the usage rows")
            elif "jobs" in self.__dict__ and self.jobs.failing:
                found.append("the database takes no writes")
        except LogRemoved:
            found.append("the database's log was removed while in use")
        except StoreError:
            found.append("the database does not answer")
        if self.settings.plugins.strict:
            found += [f"plugin {p.name} is not loaded" for p in self.registry.plugins.values() if p.state == "failed"]
        return found

    def close(self) -> None:
        """Write what waits to be written, then close every connection."""
        if "showcase" in self.__dict__:
            self.showcase.close()
        if "journal" in self.__dict__:
            self.journal.close()
        if "jobs" in self.__dict__:
            self.jobs.close()
        if "log" in self.__dict__:
            self.log.flush()
        for provider in self.providers.values():
            provider.transport.close()
        self.database.close()


class DatabaseCatalogue:
    """The operator's rows of the catalogue, as ``router.catalogue`` wants them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        return catalogue_version(self._database)

    def load(self) -> OperatorCatalogue:
        found = load_catalogue(self._database)
        rows = [
            OverrideRow(row.public_id, row.provider, row.model, row.kind, row.enabled, row.card) for row in found.models
        ]
        prices, rates = self._database.read(
            lambda connection: (read_prices(connection), read_rates(connection)), whole=False
        )
        return OperatorCatalogue(rows, found.aliases, found.fallbacks, prices, rates)


def pinned(settings: Settings) -> OperatorCatalogue:
    """What the configuration says of the catalogue; it wins over the database."""
    return OperatorCatalogue((), settings.aliases, settings.fallbacks)


def assemble(
    path: Path, environ: Mapping[str, str] | None = None, *, content: bytes | None = None, for_commands: bool = False
) -> Assembly:
    """Read, check and open a configuration.

    Args:
        content: what to take for the file's content; None reads the file.
        for_commands: a provider that lacks nothing but its secret in this environment counts as active where the
            running gateway has it so or, when none runs, where a section configures it.

    Raises:
        ConfigError: what is wrong, where, and the remedy; also for a database that does not fit the code.
        StoreError: the database does not answer; names the place as well.
    """
    settings = load_settings(path, environ, content=content)
    registry = registry_of_settings(settings)
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
        stored_keys = load_provider_keys(database, settings.secret(f"env:{MASTER_KEY}"))
        providers = build_providers(settings, registry, open_transport, stored_keys)
        if for_commands:
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


def checked_currency(settings: Settings, database: Database) -> None:
    """Hold the database's currency against the configuration's, or note it.

    Raises:
        ConfigError: balances are in another; names the place.
    """
    try:
        keep_currency(database, settings.gateway.currency)
    except ConfigError as error:
        raise ConfigError(f"{settings.where('gateway.currency')}: {error}") from None


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
