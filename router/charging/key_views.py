"""Answers to a key's questions: one call's record, the account's money, the key's own limits and usage."""

from __future__ import annotations

import time
from datetime import tzinfo

from router.charging.budget import budget_spent
from router.db.connection import Connection
from router.db.database import Database
from router.errors import NotFound
from router.ledger.balances import balance, free_credit_left
from router.metering.usage_hours import charged_since
from router.metering.usage_rows import find_own_usage
from router.types.key_views import CreditsView, GenerationView, KeyView
from router.types.keys import Key
from router.types.periods import PERIODS, window_of

__all__ = ["KeyBooks"]

_TOTAL_S = 400 * 86_400
"""How far back a key's usage is summed: hours are read, of which a busy account has many."""


class KeyBooks:
    """Reads what a key may learn. All reads are off the event loop, bounded, and of what is committed.

    Args:
        currency: of all amounts.
        timezone: in which days, weeks and months begin.
    """

    def __init__(self, database: Database, currency: str, timezone: tzinfo) -> None:
        self._database = database
        self._currency = currency
        self._timezone = timezone

    def generation(self, key: Key, request_id: str) -> GenerationView:
        """A call of the key's account, by our ID of it.

        Raises:
            NotFound: there is none, or it is somebody else's, which is the same.
        """
        record = find_own_usage(self._database, key.account, request_id)
        if record is None:
            raise NotFound(
                "There is no finished call with this ID: give the x-request-id of an answer.",
                code="generation_not_found",
                param="id",
            )
        return GenerationView(record, self._currency)

    def credits(self, key: Key) -> CreditsView:
        """What the key's account has."""
        found = balance(self._database, key.account)
        free = free_credit_left(self._database, key.account, found)
        return CreditsView(found.credits, found.debits, found.held, self._currency, free)

    def status(self, key: Key) -> KeyView:
        """What the key may do, and what it did."""
        now = time.time()
        starts = {period: window_of(period, now, self._timezone).start or 0.0 for period in PERIODS}
        starts["total"] = now - _TOTAL_S

        def read(connection: Connection) -> dict[str, int]:
            name = key.counted_as
            return {what: charged_since(connection, "key", at, [name]).get(name, 0) for what, at in starts.items()}

        used, remaining = self._database.read(read), None
        if key.budget is not None:
            spent = budget_spent(self._database, key.counted_as, key.budget, at=now, timezone=self._timezone)
            remaining = max(0, key.budget.amount_nano - spent.used_nano - spent.held_nano)
        return KeyView(key, self._currency, used, remaining)
