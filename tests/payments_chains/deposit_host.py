"""The host's side of a payment method, as far as deposits need it: what is told is kept, each fact once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from router import (
    DepositDropped,
    DepositPaid,
    DepositSeen,
    PaymentFact,
    PaymentWatch,
    PluginContext,
    Watched,
    WatchedAddress,
)

__all__ = ["ETHEREUM_XPUB", "TRON_XPUB", "Host"]

ETHEREUM_XPUB = (
    "xpub6Ce9NcJvTk372KjsGfWqbcex5DumjpNquQLApoeQUavSCjEc823BV1tb4rXUuPuht8h2hSxkg2EXUaKUJmniJvRZAELxypsCzBFdtosmV76"
)
"""Of the mnemonic "test test ... junk" at m/44'/60'/1': the chain's own rich accounts are those at 0'."""
TRON_XPUB = (
    "xpub6BuRy7ZmkGfP4LfiwbWSuu7pRCfSbjyB59BHNudeJgwsJUu23Dzmz4fRKh7Bsfo1EgmmCxtCLsat66A3Fe28PGEzwkmiTChdjv5PDhyqh2Q"
)


class Host:
    """Keeps a cursor, what was seen, and what was credited; its clock stands unless it is moved.

    Args:
        plugin: a payment method.
        settings: its section.

    Attributes:
        paid: reference -> the deposit that was credited.
        told: how often each was told as paid.
        seen: those on their way.
        delayed: what customers read at last.
    """

    def __init__(self, plugin: Any, settings: Any, now: float) -> None:
        self.plugin = plugin
        self.settings = settings
        self.now = float(now)
        self.cursor: Any = {}
        self.addresses: dict[str, WatchedAddress] = {}
        self.seen: dict[str, DepositSeen] = {}
        self.paid: dict[str, DepositPaid] = {}
        self.told: Counter[str] = Counter()
        self.dropped: list[str] = []
        self.delayed = ""

    @property
    def context(self) -> PluginContext:
        return PluginContext("router.toml", (), self.settings, name="method")

    def give(self, count: int) -> list[str]:
        """Addresses for so many accounts more."""
        first = len(self.addresses)
        made = [self.plugin.payment_address(self.context, f"acc_{n}", n).address for n in range(first, first + count)]
        for number, address in enumerate(made, first):
            self.addresses[address] = WatchedAddress(address, f"acc_{number}", number)
        return made

    @property
    def watch(self) -> PaymentWatch:
        return PaymentWatch(json.loads(json.dumps(self.cursor)), self.addresses, list(self.seen.values()), self.now)

    def step(self) -> Watched:
        """One step of the watcher, kept as the host keeps it."""
        watched: Watched = self.plugin.payment_watch(self.context, self.watch)
        for fact in watched.facts:
            self.keep(fact)
        self.cursor = json.loads(json.dumps(watched.cursor))
        self.delayed = watched.delayed
        return watched

    def wait(self, seconds: float) -> None:
        """What a method's waiting is: time passes."""
        self.now += seconds

    def keep(self, fact: PaymentFact) -> None:
        if isinstance(fact, DepositPaid):
            known = self.paid.setdefault(fact.reference, fact)
            assert (known.address, known.amount, known.currency) == (fact.address, fact.amount, fact.currency)
            self.told[fact.reference] += 1
            self.seen.pop(fact.reference, None)
        elif isinstance(fact, DepositSeen):
            assert fact.reference not in self.paid, "seen after it was paid"
            self.seen[fact.reference] = fact
        elif isinstance(fact, DepositDropped):
            del self.seen[fact.reference]
            self.dropped.append(fact.reference)

    def run(self, steps: int = 8, pause_s: float = 0.0) -> None:
        """So many looks, and those that follow at once; the clock goes on as far as each wants it to."""
        for _ in range(steps):
            watched = self.step()
            for _ in range(1000):
                if watched.again_s > 0:
                    break
                watched = self.step()
            self.now += max(watched.again_s, pause_s)

    def credited(self, currency: str = "") -> dict[str, int]:
        """Address -> what was credited in all."""
        sums: Counter[str] = Counter()
        for fact in self.paid.values():
            if currency in ("", fact.currency):
                sums[fact.address] += fact.amount
        return dict(sums)

    def amounts(self) -> list[int]:
        return sorted(fact.amount for fact in self.paid.values())

    def differences(self) -> list[str]:
        booked: Sequence[PaymentFact] = list(self.paid.values())
        return list(self.plugin.payment_differences(self.context, self.watch, booked))

    def statement(self, since: float = 0.0) -> dict[str, Any]:
        return {fact.reference: fact for fact in self.plugin.payment_statement(self.context, self.watch, since)}
