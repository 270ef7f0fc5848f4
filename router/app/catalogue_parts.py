"""The parts that know models and prices."""

from __future__ import annotations

from functools import cached_property

from router.app.metric_parts import MetricParts
from router.catalogue.catalogue import Catalogue
from router.catalogue.database_catalogue import DatabaseCatalogue
from router.catalogue.pins import price_rules
from router.catalogue.snapshot import OperatorCatalogue
from router.charging.estimator import Estimator
from router.charging.quote import PriceQuoter
from router.config.file import Settings
from router.providers.configured import listings
from router.providers.model_list import ModelListService
from router.providers.profile import offered_by
from router.providers.public_catalogue import PublicCatalogue
from router.providers.resolve import ModelResolver

__all__ = ["CatalogueParts", "pinned"]


class CatalogueParts(MetricParts):
    """Which models there are, what they cost, and who is shown which."""

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
        return PriceQuoter(self.catalogue, self.settings.billing, with_billing=self.bills)

    @cached_property
    def lister(self) -> ModelListService:
        """Which models lists show."""
        return ModelListService(self.catalogue, self.resolver, self.dialect.offers, with_billing=self.bills)

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

    def close(self) -> None:
        if self.made("showcase"):
            self.showcase.close()
        super().close()


def pinned(settings: Settings) -> OperatorCatalogue:
    """What the configuration says of the catalogue; it wins over the database."""
    return OperatorCatalogue((), settings.aliases, settings.fallbacks)
