"""Notes in the database how far long calls have come: what they are charged should their worker die."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import gevent

from router.calls.call import ActiveCall
from router.calls.flight.rounds import Rounds
from router.db.journal import Journal
from router.ledger.operations import Statement, Statements

__all__ = ["EVERY_S", "ProgressNotes"]

EVERY_S = 2.0
"""Between two rounds. A call that is over sooner is never noted."""

_AT_ONCE = 50  # others have a turn in between
_log = logging.getLogger("router.calls")


class ProgressNotes(Rounds):
    """Notes how far each call has come.

    Args:
        in_flight: request ID -> call.
    """

    def __init__(self, journal: Journal, in_flight: Mapping[str, ActiveCall]) -> None:
        super().__init__(in_flight, EVERY_S)
        self._journal = journal

    def _round(self) -> None:
        changed: list[Statement] = []
        for number, active in enumerate(list(self._in_flight.values()), 1):
            try:
                statement = active.progress() if active.elapsed_s() > EVERY_S else None
            except Exception:
                _log.exception("the progress of call %s could not be told", active.request_id)
                continue
            if statement is not None:
                changed.append(statement)
            if not number % _AT_ONCE:
                gevent.sleep(0)
        if changed:
            self._journal.post(Statements("progress", changed))
