"""Answers to a key's questions: one call's record, the account's money, the key's own limits and usage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import tzinfo

from router.charging.budget import budget_spent
from router.db.connection import Connection
from router.db.database import Database
from router.db.ids import request_id_in
from router.db.transaction import Runner
from router.errors import NotFound
from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.metering.usage_hours import charged_since
from router.metering.usage_rows import find_answered, find_own_usage
from router.store.keys import get_key
from router.types.key_views import CreditsView, GenerationView, KeyView
from router.types.keys import Key
from router.types.periods import PERIODS, window_of

__all__ = ["KeyBooks", "used_by_keys"]

_ID_MAX = 128
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

    def generation(self, key: Key, id: str) -> GenerationView:
        """A call of the key's, or for a management key of its account's, by our ID of it.

        Args:
            id: the request's, or that in the body of an answer: of a body that was passed on as its provider wrote
                it, among the account's newest calls.

        Raises:
            NotFound: there is none, or it is somebody else's, which is the same.
        """
        record = find_own_usage(self._database, key.account, request_id_in(id) or id)
        if record is None and 0 < len(id) <= _ID_MAX:
            record = find_answered(self._database, key.account, id)
        if record is None or not self._may_see(key, record.key):
            raise NotFound(
                "There is no finished call with this ID: give the x-request-id of an answer, or the id in its "
                "body, soon after it.",
                code="generation_not_found",
                param="id",
            )
        return GenerationView(record, self._currency)

    def credits(self, key: Key) -> CreditsView:
        """What the key's account has."""
        found = balance(self._database, key.account)
        kinds = credit_kinds(self._database, key.account)
        return CreditsView(found.credits, found.debits, found.held, self._currency, kinds.granted, kinds.owed)

    def status(self, key: Key) -> KeyView:
        """What the key may do, and what it did."""
        now, remaining = time.time(), None
        used = used_by_keys(self._database, [key.counted_as], now, self._timezone)[key.counted_as]
        if key.budget is not None:
            spent = budget_spent(self._database, key.counted_as, key.budget, at=now, timezone=self._timezone)
            remaining = max(0, key.budget.amount_nano - spent.used_nano - spent.held_nano)
        balance_nano = balance(self._database, key.account).balance if key.kind != "operator" else None
        row = get_key(self._database, key.id)
        return KeyView(key, self._currency, used, remaining, row.hash, balance_nano)

    def _may_see(self, key: Key, other: str) -> bool:
        """Whether a key sees another one's calls: its own, before and after a rotation; a management key all."""
        if key.kind == "management" or other == key.id:
            return True
        try:
            return get_key(self._database, other).counted_as == key.counted_as
        except NotFound:  # of a database that was copied without its keys
            return False


def used_by_keys(database: Runner, names: Sequence[str], now: float, timezone: tzinfo) -> dict[str, dict[str, int]]:
    """What the calls of keys were charged, in nano-units: name -> ``day``, ``week``, ``month`` (of the calendar, so
    far) and ``total`` (of the last 400 days).

    Args:
        names: as ``Key.counted_as`` has them: a key's, with those that it took the place of.
        now: Unix seconds.
    """
    starts = {period: window_of(period, now, timezone).start or 0.0 for period in PERIODS}
    starts["total"] = now - _TOTAL_S

    def read(connection: Connection) -> dict[str, dict[str, int]]:
        sums = {what: charged_since(connection, "key", at, names) for what, at in starts.items()}
        return {name: {what: charged.get(name, 0) for what, charged in sums.items()} for name in names}

    return database.read(read) if names else {}
