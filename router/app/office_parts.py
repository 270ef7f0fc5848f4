"""The part through which the database is changed by people."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from router.app.catalogue_parts import CatalogueParts
from router.app.plugin_parts import PluginParts
from router.charging.tier_ladder import tier_ladder
from router.jobs.leased import LeasedJob
from router.office.actor import GATEWAY
from router.office.customers.tiers import promote_accounts
from router.office.office import Office, Shelf
from router.office.payments.methods import PaymentMethods

__all__ = ["OfficeParts"]

_PROMOTE_S = 3600.0


class OfficeParts(CatalogueParts, PluginParts):
    """What commands, pages and APIs do to accounts, keys, money, prices and models."""

    @cached_property
    def payments(self) -> PaymentMethods:
        """The payment methods that are on."""
        return PaymentMethods(self.settings.payments.methods, self.registry, self.contexts.of)

    @cached_property
    def office(self) -> Office:
        """What they are given."""
        return Office(
            self.settings,
            self.database,
            dialect=lambda: self.dialect,
            providers=lambda: self.providers,
            shelf=lambda: Shelf(self.catalogue, self.providers),
            payments=lambda: self.payments,
            strategies=lambda: self.strategies,
            guards=self.guard_places,
            caches=self.cache_places,
        )

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        if tier_ladder(self.settings):
            yield LeasedJob("tiers", _PROMOTE_S, lambda: promote_accounts(self.office, GATEWAY))
