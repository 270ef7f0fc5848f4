"""The part by which customers pay in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from router.app.office_parts import OfficeParts
from router.app.plugin_contexts import plugin_routes
from router.jobs.leased import LeasedJob
from router.office.payments.notices import notice_routes
from router.office.payments.upkeep import payment_jobs
from router.types.routes import PluginRoute

__all__ = ["PaymentParts"]


class PaymentParts(OfficeParts):
    """The jobs of payment methods, and where they send notices."""

    @cached_property
    def plugin_routes(self) -> Mapping[str, list[PluginRoute]]:
        """Plugin -> its routes; those of payment methods with the one for notices."""
        found = dict(plugin_routes(self.registry, self.contexts))
        for name, route in notice_routes(self.office, self.payments).items():
            found[name] = [*found.get(name, ()), route]
        return found

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        yield from payment_jobs(self.office, self.payments)
