"""The part that says whether calls can be served, and what is missing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property

from router.app.lacks import ReadinessWarnings
from router.app.ledger_parts import LedgerParts
from router.db.sqlite import LogRemoved
from router.errors import StoreError
from router.jobs.leased import LeasedJob

__all__ = ["ReadinessParts"]

_log = logging.getLogger("router.app")
_LOOK_S = 3600.0


class ReadinessParts(LedgerParts):
    """What ``/readyz`` tells."""

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

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        yield LeasedJob("setup", _LOOK_S, lambda: self._watch.look(self.catalogue.snapshot()))
