"""The part through which the database is changed by people."""

from __future__ import annotations

from functools import cached_property

from router.app.catalogue_parts import CatalogueParts
from router.office.office import Office, Shelf

__all__ = ["OfficeParts"]


class OfficeParts(CatalogueParts):
    """What commands, pages and APIs do to accounts, keys, money, prices and models."""

    @cached_property
    def office(self) -> Office:
        """What they are given."""
        return Office(
            self.settings,
            self.database,
            dialect=lambda: self.dialect,
            providers=lambda: self.providers,
            shelf=lambda: Shelf(self.catalogue, self.providers),
        )
