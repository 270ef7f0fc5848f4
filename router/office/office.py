"""What the office works on: one configuration, its database, and the models and providers that there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from router.errors import ConfigError, NotFound, RouterError, Unavailable

if TYPE_CHECKING:
    from router.catalogue.catalogue import Catalogue
    from router.catalogue.snapshot import Snapshot
    from router.charging.cache_places import CachePlace
    from router.charging.strategies import Strategies
    from router.config.file import Settings
    from router.db.database import Database
    from router.db.transaction import Runner
    from router.guarding.guard_places import GuardPlace
    from router.office.payments.methods import PaymentMethods
    from router.providers.configured import ConfiguredProvider
    from router.providers.resolve import ModelResolver
    from router.types.dialect import Dialect

__all__ = ["Office", "Shelf", "provider_of"]


@dataclass(frozen=True)
class Shelf:
    """The models that there are.

    Attributes:
        catalogue: of them.
        providers: the configured ones by name.
    """

    catalogue: Catalogue
    providers: Mapping[str, ConfiguredProvider]

    def within(self, transaction: Runner) -> Shelf:
        """The same as a transaction sees it."""
        from router.catalogue.database_catalogue import DatabaseCatalogue

        return Shelf(self.catalogue.over(DatabaseCatalogue(transaction)), self.providers)

    @property
    def snapshot(self) -> Snapshot:
        """The catalogue now: whoever has changed it sees the change. Raises ``StoreError``."""
        return self.catalogue.refresh()

    @cached_property
    def resolver(self) -> ModelResolver:
        """Model ID -> route."""
        from router.providers.resolve import ModelResolver

        return ModelResolver(self.catalogue, self.providers)

    def target(self, model: str) -> str:
        """The public ID of the model that a name leads to.

        Raises:
            ModelNotFound: it leads nowhere; names the nearest IDs.
            Unavailable: to a provider that is not set up.
        """
        return self.resolver.route(model).targets[0].id

    def check_models(self, model_ids: Iterable[str]) -> list[str]:
        """What is to be said of models of which each leads somewhere: a provider that is not set up here may be so
        where the gateway runs.

        Raises:
            ModelNotFound: one leads nowhere; names the nearest IDs.
        """
        warnings = []
        for model_id in model_ids:
            try:
                self.resolver.route(model_id)
            except Unavailable as error:
                warnings.append(error.in_full)
        return warnings

    def check_scope(self, scope: Iterable[str]) -> list[str]:
        """As ``check_models``, for what a key may use: model IDs and ``PROVIDER/*``.

        Raises:
            NotFound: there is no such model or provider; names the nearest.
        """
        warnings = []
        for one in scope:
            if one.endswith("/*"):
                self.provider(one.removesuffix("/*"))
            else:
                warnings += self.check_models([one])
        return warnings

    def provider(self, name: str) -> ConfiguredProvider:
        """Raises:
        NotFound: there is no such provider; names the nearest.
        """
        return provider_of(self.providers, name)


def provider_of(providers: Mapping[str, ConfiguredProvider], name: str) -> ConfiguredProvider:
    """Raises:
    NotFound: there is no such provider; names the nearest.
    """
    if name not in providers:
        from router.plugin_host.validate import nearest

        known = ", ".join(sorted(providers))
        raise NotFound(f"There is no provider {name!r}{nearest(name, providers)} (there are: {known}).")
    return providers[name]


class Office:
    """What every function of this package is given. Parts that not all of them need are made when one is asked for.

    Args:
        settings: the configuration.
        database: its database.
        dialect: gives the profile's dialect.
        providers: gives the configured providers by name.
        shelf: gives the models.
        payments: gives the payment methods; None where there are none.
        strategies: gives who orders the targets of calls; None where that is nobody.
        guards, caches: give who guards calls, and who may answer them from what was kept; None where that is nobody.
        clock: Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        dialect: Callable[[], Dialect],
        providers: Callable[[], Mapping[str, ConfiguredProvider]],
        shelf: Callable[[], Shelf],
        payments: Callable[[], PaymentMethods] | None = None,
        strategies: Callable[[], Strategies] | None = None,
        guards: Callable[[], Iterable[GuardPlace]] | None = None,
        caches: Callable[[], Iterable[CachePlace]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self._dialect = dialect
        self._providers = providers
        self._shelf = shelf
        self._payments = payments
        self._strategies = strategies
        self._guards, self._caches = guards, caches

    @cached_property
    def dialect(self) -> Dialect:
        """The profile's dialect. Raises ``ConfigError``."""
        return self._dialect()

    @cached_property
    def providers(self) -> Mapping[str, ConfiguredProvider]:
        """The configured providers by name. Raises ``ConfigError``."""
        return self._providers()

    @cached_property
    def shelf(self) -> Shelf:
        """The models that there are. Raises ``ConfigError`` and ``StoreError``."""
        return self._shelf()

    @cached_property
    def payments(self) -> PaymentMethods:
        """The payment methods that are on. Raises ``ConfigError``."""
        if self._payments is None:
            raise ConfigError("no payment methods are known here")
        return self._payments()

    @cached_property
    def strategies(self) -> Strategies | None:
        """Who orders the targets of calls; None where that is nobody."""
        return None if self._strategies is None else self._strategies()

    @cached_property
    def guards(self) -> tuple[GuardPlace, ...]:
        """Who guards calls, in the order in which they see requests. Raises ``ConfigError``."""
        return () if self._guards is None else tuple(self._guards())

    @cached_property
    def caches(self) -> tuple[CachePlace, ...]:
        """Who may answer calls from what was kept, in the order in which they are asked. Raises ``ConfigError``."""
        return () if self._caches is None else tuple(self._caches())

    @cached_property
    def currency(self) -> str:
        """The currency of all amounts. Raises ``ConfigError``: those in the database are in another."""
        from router.office.currency import checked_currency

        checked_currency(self.settings, self.database)
        return self.settings.gateway.currency

    @property
    def key_prefix(self) -> str:
        """What a new key begins with."""
        return self.settings.gateway.key_prefix or self.dialect.key_prefix

    @property
    def key_length(self) -> int:
        """How many letters and digits a new key has behind its prefix."""
        return self.dialect.key_length

    @property
    def masked_prefix(self) -> str:
        """What keys begin with, as far as that can be told: a broken profile stops nothing that needs none."""
        try:
            return self.key_prefix
        except RouterError:
            return self.settings.gateway.key_prefix
