"""What the rules for policies share: the policy's hooks, calls to ask it about, and a ledger of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from router.charging.policies import Policy
from router.db.database import Database
from router.money.usage import Usage
from router.plugin_host.registry import Plugin
from router.store.migrating import migrate
from router.store.opening import open_database
from router.testing.conformance.base import Failed, Suite
from router.types.claims import Claim, Outcome, PolicyContext, Quote
from router.types.keys import Key, Limits
from router.types.records import AnyCall, ChatCall, EmbeddingsCall

__all__ = ["BILLING", "ENDINGS", "RATE_LIMIT", "TIGHT", "Check", "PolicyBench", "open_bench", "policy_rule"]

_NOON = 1_753_272_000.0  # 2025-07-23 12:00 UTC
_BODY = {"messages": [{"role": "user", "content": "What is six times seven?"}], "max_tokens": 200}
_USAGE = Usage(90, 50)
ENDINGS = ("ok", "error", "cut", "disconnect", "expired")
"""How a call may end, as ``Outcome.ending`` says it."""
TIGHT = Limits(3, 100_000, 2, 10**12, 10**13)
"""Limits that a few calls reach."""


@dataclass
class PolicyBench:
    """One policy under test.

    Attributes:
        plugin: the plugin.
        role: ``billing`` or ``rate_limit``.
        policy: as the host calls it.
        database: a ledger that nothing else uses.
    """

    plugin: Plugin
    role: str
    policy: Policy
    database: Database
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def undoes(self) -> bool:
        """Whether it has state elsewhere, which it gives back in its undo hook."""
        return f"{self.role}_undo" in self.plugin.hooks

    def new_id(self, prefix: str) -> str:
        """An ID that nothing else has."""
        return f"{prefix}_{next(self._numbers)}"

    def call(self, *, stream: bool = False) -> ChatCall:
        """A chat call, new."""
        return ChatCall(self.new_id("req"), "acme/model", {**_BODY, "stream": stream}, stream)

    def embedding(self) -> EmbeddingsCall:
        """An embeddings call, new."""
        return EmbeddingsCall(self.new_id("req"), "acme/embed", {"input": ["six", "seven"]})

    def key(self, limits: Limits = TIGHT, **fields: Any) -> Key:
        """A key, new: nothing has been counted for it."""
        return Key(self.new_id("key"), self.new_id("acct"), limits=limits, **fields)

    def context(self, at: float = _NOON) -> PolicyContext:
        """What the host hands over besides."""
        return PolicyContext(at, settings=self.policy.settings)

    def claims(self, call: Any, key: Key, quote: Quote, context: PolicyContext | None = None) -> list[Claim]:
        """What it claims.

        Raises:
            Failed: the answer is no list.
        """
        hook = self.plugin.hooks[f"{self.role}_claims"]
        context = replace(context or self.context(), account=key.account, model=quote.model)
        answer = hook(call=call, key=key, quote=quote, context=context)
        try:
            return list(answer)
        except TypeError:
            raise Failed(f"it returned {answer!r}, and no sequence of claims") from None

    def settle(self, claims: Sequence[Claim], outcome: Outcome, context: PolicyContext | None = None) -> list[int]:
        """What it settles claims to; without the hook, what was claimed."""
        hook = self.plugin.hooks.get(f"{self.role}_settle")
        if hook is None:
            return [claim.amount for claim in claims]
        return list(hook(claims=claims, outcome=outcome, context=context or self.context()))

    def cases(self) -> Iterator[tuple[AnyCall, Key, Quote]]:
        """Calls of every kind, with keys with and without limits, and quotes from nothing to the most there can be."""
        quotes = (Quote(0, 0, 0), Quote(100, 200, 7_000_000, True), Quote(128_000, 10**6, 2**62))
        for quote in quotes:
            for limits in (Limits(), TIGHT, Limits(0, 0, 0, 0, 0)):
                account_limits = limits if quote.charge_nano else Limits()
                for call in (self.call(), self.call(stream=True), self.embedding()):
                    yield call, self.key(limits, account_limits=account_limits, tier="gold"), quote

    def outcomes(self) -> Iterator[Outcome]:
        """Each ending, with and without a usage, at a charge and at none."""
        for ending in ENDINGS:
            yield Outcome(ending, _USAGE, 1_234_567)
            yield Outcome(ending, Usage(0, 0), 0)
            yield Outcome(ending, None, 0)


@contextmanager
def open_bench(role: str, plugin: Plugin) -> Iterator[PolicyBench]:
    """A policy with its default settings, and a new ledger in a folder that is gone when the block ends."""
    declare = plugin.hooks.get("settings")
    settings = declare()() if declare is not None else None
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder:
        database = open_database("sqlite:///router.db", Path(folder), create=True)
        try:
            migrate(database)
            yield PolicyBench(plugin, role, Policy(plugin.name, role, plugin.hooks, settings), database)
        finally:
            database.close()


BILLING: Suite[PolicyBench] = Suite("billing", partial(open_bench, "billing"))
RATE_LIMIT: Suite[PolicyBench] = Suite("rate_limit", partial(open_bench, "rate_limit"))
Check = Callable[[PolicyBench], None]


def policy_rule(number: str, statement: str, *, remedy: str) -> Callable[[Check], Check]:
    """Declare a rule for policies of both roles: B and R with the same number."""

    def declare(check: Check) -> Check:
        BILLING.rule(f"B{number}", statement, remedy=remedy)(check)
        RATE_LIMIT.rule(f"R{number}", statement, remedy=remedy)(check)
        return check

    return declare
