"""The ledger as a page of Python: what balances, buckets, transfers and calls must be after each operation."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.ledger.operations import Hold
from router.types.claims import BALANCE, Claim

__all__ = ["Call", "Model", "Pot"]


@dataclass
class Pot:
    """A bucket: its window's start in milliseconds, and what is used in it. What is held follows from the calls."""

    start: int = 0
    used: int = 0


@dataclass
class Call:
    """A call that was admitted.

    Attributes:
        state: ``open``, ``settled``, ``given_back``, ``swept``.
        counted: what a sweep counted for each claim.
    """

    held: Hold
    state: str = "open"
    charge: int = 0
    shortfall: int = 0
    refunded: int = 0
    counted: Sequence[int] = ()


@dataclass
class Model:
    """All amounts are nano-units, all times Unix seconds."""

    now: float
    money: Counter[str] = field(default_factory=Counter)
    pots: dict[str, Pot] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    transfers: dict[str, int] = field(default_factory=dict)

    # What follows from the rest.

    def held(self, account: str) -> int:
        return sum(one.held.amount_nano for one in self.open_calls() if one.held.account == account)

    def available(self, account: str) -> int:
        return self.money[account] - self.held(account)

    def held_of(self, bucket: str) -> int:
        taken = [one for call in self.open_calls() for one in call.held.taken]
        return sum(one.amount for one in taken if one.bucket == bucket and not one.at_once)

    def open_calls(self) -> list[Call]:
        return [call for call in self.calls.values() if call.state == "open"]

    # Operations.

    def move(self, reference: str, account: str, change: int) -> None:
        """A grant, an adjustment, a refund."""
        self.transfers[reference] = abs(change)
        self.money[account] += change

    def take(self, held: Hold, claims: Sequence[tuple[str, Claim]]) -> Call | None:
        """All claims, or None and nothing has changed. ``held`` is what the ledger made of them, if it did."""
        before = copy.deepcopy(self.pots)
        money = 0
        asked: Counter[str] = Counter()
        for bucket, claim in claims:
            wanted = claim.amount + claim.at_least
            if bucket == BALANCE:
                fits = wanted <= self.available(held.account) - money
                money += claim.amount
            else:
                self._enter(bucket, claim)
                free = claim.ceiling - self.pots[bucket].used - self.held_of(bucket) - asked[bucket]
                fits = wanted <= free
                if claim.at_once:
                    self.pots[bucket].used += claim.amount
                else:
                    asked[bucket] += claim.amount
            if not fits:
                self.pots = before
                return None
        self.calls[held.id] = Call(held)
        return self.calls[held.id]

    def settle(self, call: Call, charge: int, amounts: Sequence[int]) -> None:
        """A call's end, or its end after a sweep; a second end changes nothing."""
        if call.state not in ("open", "swept"):
            return
        late = call.state == "swept"
        self._use(
            call.held, [new - old for new, old in zip(amounts, call.counted, strict=True)] if late else amounts, late
        )
        call.state = "settled"
        if late and call.charge:
            self._recharge(call, charge)
        else:
            self._charge(call, charge)

    def give_back(self, call: Call) -> None:
        if call.state == "open":
            self._use(call.held, [0] * len(call.held.taken))
            call.state = "given_back"

    def sweep(self, rule: str) -> list[str]:
        """The IDs of the calls that it ends."""
        due = [call for call in self.open_calls() if call.held.expires_at <= self.now]
        for call in sorted(due, key=lambda one: one.held.id):
            call.state = "swept"
            lasting = [one.amount * (bool(one.window_start) or "budget" in one.bucket) for one in call.held.taken]
            call.counted = lasting if rule == "capture" else [0] * len(lasting)
            self._use(call.held, call.counted)
            self._charge(call, call.held.amount_nano if rule == "capture" else 0)
        return [call.held.id for call in due]

    def tables(self) -> tuple[Mapping[str, tuple[int, int]], Mapping[str, tuple[int, int, int]]]:
        """Account -> (balance, held), and bucket -> (start, used, held), of those that are not all zero."""
        buckets = {name: (pot.start, pot.used, self.held_of(name)) for name, pot in self.pots.items()}
        return (
            {account: (self.money[account], self.held(account)) for account in self.money},
            {name: row for name, row in buckets.items() if any(row)},
        )

    def _enter(self, bucket: str, claim: Claim) -> None:
        pot = self.pots.setdefault(bucket, Pot())
        if claim.window is None:
            return
        begins, length = claim.window.start, round(claim.window.seconds * 1000)
        now = int(self.now * 1000)
        start = now if begins is None else round(begins * 1000)
        over = pot.start < start if begins is not None else not pot.start or now >= pot.start + length
        if over:
            self.pots[bucket] = Pot(start)

    def _use(self, held: Hold, amounts: Sequence[int], late: bool = False) -> None:
        """What was used counts in the present window; what was used at once is only corrected, in its own."""
        for taken, amount in zip(held.taken, amounts, strict=True):
            if taken.at_once:
                if self.pots[taken.bucket].start == taken.window_start:
                    self.pots[taken.bucket].used += amount - taken.amount * (not late)
                continue
            passed = (self.now * 1000 - self.pots[taken.bucket].start) // taken.length_ms if taken.length_ms else 0
            if passed:
                begins = self.pots[taken.bucket].start + int(passed) * taken.length_ms
                self.pots[taken.bucket] = Pot(begins if taken.calendar else int(self.now * 1000))
            self.pots[taken.bucket].used += amount

    def _recharge(self, call: Call, charge: int) -> None:
        """A call that the sweep charged: the difference is given back; what goes beyond is nobody's."""
        back = min(call.charge - charge, call.charge - call.refunded)
        if back > 0:
            self.move(f"back:{call.held.id}:ok", call.held.account, back)
            call.charge -= back
        if charge > call.charge and back <= 0:
            call.shortfall = charge - call.charge
            if call.shortfall:
                self.transfers[f"short:{call.held.id}"] = call.shortfall

    def _charge(self, call: Call, charge: int) -> None:
        account, request = call.held.account, call.held.id
        call.charge = min(charge, self.available(account))
        call.shortfall = charge - call.charge
        if call.charge:
            self.move(f"req:{request}", account, -call.charge)
        if call.shortfall:
            self.transfers[f"short:{request}"] = call.shortfall
