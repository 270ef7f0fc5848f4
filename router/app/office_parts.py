"""The part through which the database is changed by people."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from router.app.catalogue_parts import CatalogueParts
from router.jobs.leased import LeasedJob
from router.office.office import Office, Shelf
from router.office.people.mailing import deliver_due, tidy_outbox
from router.office.people.watching import tell_what_is_due, tidy_notices

__all__ = ["OfficeParts"]

_MAIL_S = 5.0
_NOTICES_S = 30.0
_TIDY_S = 3_600.0


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

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        if self.settings.portal.enabled:
            yield LeasedJob("mail", _MAIL_S, lambda: deliver_due(self.office))
            yield LeasedJob("mail-tidy", _TIDY_S, lambda: tidy_outbox(self.office))
            yield LeasedJob("notices", _NOTICES_S, lambda: tell_what_is_due(self.office))
            yield LeasedJob("notices-tidy", _TIDY_S, lambda: tidy_notices(self.office))
