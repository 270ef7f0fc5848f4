"""A limit or a budget that is set in the middle of a period begins with what was charged in it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from books import NOW, record

from router.db.access_version import access_version
from router.db.database import Database
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Refused
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.store.accounts import Account, set_account_tier
from router.store.keys import KeyChanges, KeyRow, change_key, create_key, rotate_key
from router.store.limits import Subject, clear_limits, set_limits
from router.types.claims import BALANCE, Claim, Window
from router.types.keys import Budget

DAY_S = 86_400.0
TODAY = NOW // DAY_S * DAY_S
_numbers = count()


class Spender:
    """An account with a key, whose calls are charged with or without a claim on the day's bucket."""

    def __init__(self, database: Database, account: Account) -> None:
        self.database = database
        self.account = account.id
        grant(database, account.id, 10_000, reason="credit")
        self.key: KeyRow = create_key(database, account.id, "k")[0]
        self.now = NOW

    def begin(self, amount: int, *claims: tuple[str, Claim]) -> Authorize:
        request = f"req_{next(_numbers)}"
        hold = Hold(request, self.account, self.key.id, "wrk_1", "m", "chat", False, self.now, self.now + 100)
        take = Authorize(hold, [(BALANCE, Claim(BALANCE, amount)), *claims], self.database.read(access_version))
        self.database.write(lambda connection: LedgerBatch(lambda: self.now)(connection, [take]))
        return take

    def spend(self, amount: int, *claims: tuple[str, Claim]) -> None:
        take = self.begin(amount, *claims)
        assert take.error is None, take.error
        row = record(take.label, self.account, amount, key=self.key.id, created_at=self.now)
        settle = Capture(take.result, [amount for _ in claims], row)
        self.database.write(lambda connection: LedgerBatch(lambda: self.now)(connection, [settle]))

    def left(self, *claims: tuple[str, Claim]) -> int:
        """What a claim of far too much is told to be left."""
        refused = self.begin(0, *claims).error
        assert isinstance(refused, Refused)
        return refused.available


def claim(of: str, ceiling: int, amount: int, window: Window | None = Window(DAY_S, TODAY)) -> tuple[str, Claim]:  # noqa: B008
    return f"windows:spent:{of}", Claim(f"spent:{of}", amount, ceiling, window, of=of)


@pytest.fixture
def spender(database: Database, account: Account) -> Spender:
    return Spender(database, account)


def test_it_begins_with_what_was_charged_today(spender: Spender) -> None:
    """A rotated key's history is its own; another key's counts for the account alone."""
    spender.now = TODAY - 10
    spender.spend(900)
    spender.now = NOW
    spender.spend(30)
    first = spender.key
    spender.key = rotate_key(spender.database, first.id, grace_s=60)[0]
    spender.spend(40)
    own, other = spender.key, create_key(spender.database, spender.account, "other")[0]
    spender.key = other
    spender.spend(5)
    spender.key = own
    assert spender.left(claim("key", 100, 500)) == 30
    assert spender.left(claim("account", 100, 500)) == 25
    assert spender.left(("host:budget:k", Claim("budget:k", 5000, 1000, of="key"))) == 30, "for ever means all of it"
    spender.spend(7, claim("key", 100, 7), claim("account", 100, 7))
    assert spender.left(claim("key", 100, 500)) == 23
    spender.now += DAY_S
    assert spender.left(claim("key", 100, 500, Window(DAY_S, TODAY + DAY_S))) == 100
    assert all(check.ok for check in verify(spender.database))


CHANGES: dict[str, Callable[[Spender], object]] = {
    "budget": lambda one: change_key(one.database, one.key.id, KeyChanges(budget=Budget(100, "day"))),
    "limit": lambda one: set_limits(one.database, Subject("key", one.key.counted_as), {"spend_per_day": 100}),
    "no limit": lambda one: clear_limits(one.database, Subject("key", one.key.counted_as)),
    "account's limit": lambda one: set_limits(one.database, Subject("account", one.account), {"spend_per_day": 100}),
    "tier's limit": lambda one: set_limits(one.database, Subject("tier", "gold"), {"spend_per_day": 100}),
    "tier": lambda one: set_account_tier(one.database, one.account, "gold"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_spent_while_nothing_counted_counts_after_a_change(spender: Spender, change: str) -> None:
    set_limits(spender.database, Subject("key", spender.key.id), {"spend_per_day": 100})
    spender.spend(10, claim("key", 100, 10))
    in_flight = spender.begin(3, claim("key", 100, 3))
    spender.spend(20)  # counted by nobody
    assert spender.left(claim("key", 100, 500)) == 87
    CHANGES[change](spender)
    assert spender.left(claim("key", 100, 500)) == 67
    row = record(in_flight.label, spender.account, 2, key=spender.key.id)
    settle = Capture(in_flight.result, [2], row)
    spender.database.write(lambda connection: LedgerBatch(lambda: NOW)(connection, [settle]))
    assert spender.left(claim("key", 100, 500)) == 68
    assert all(check.ok for check in verify(spender.database))
