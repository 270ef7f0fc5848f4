"""The ledger that policies are driven through: calls that begin and end as the gateway's do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from router.db.connection import Connection
from router.db.database import Database
from router.ledger.balances import balance
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Refused
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.store.accounts import create_account
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.policy.bench import PolicyBench
from router.types.claims import BALANCE, Claim, Outcome, Quote
from router.types.keys import Key
from router.types.records import CallRecord

__all__ = ["QUOTE", "Books", "Running", "charged"]

QUOTE = Quote(100, 200, 7_000_000, named_cap=True)
"""What each call of these rules can use."""
_VERSION = "SELECT value FROM meta WHERE name = 'access_version'"
_BUCKETS = "SELECT id, used, held FROM buckets WHERE id NOT LIKE 'worker:%' ORDER BY id"


@dataclass(frozen=True)
class Running:
    """A call whose claims were taken: the claims, and what the ledger holds."""

    claims: Sequence[Claim]
    held: Hold


class Books:
    """Calls of one key of an account of its own in the bench's ledger, at the time that it is now.

    Args:
        credit_nano: what the account is given before.
    """

    def __init__(self, bench: PolicyBench, key: Key, credit_nano: int = 0) -> None:
        self.bench = bench
        self.database: Database = bench.database
        self.key = replace(key, account=create_account(self.database, "conformance").id)
        if credit_nano:
            grant(self.database, self.key.account, credit_nano, reason="conformance")

    def begin(self, owner: str = "wrk_gone") -> Running | Refused:
        """A call's claims taken; or which of them was refused, and then undone."""
        call, context = self.bench.call(), self.bench.context(time.time())
        claims = self.bench.claims(call, self.key, QUOTE, context)
        expires_at = context.at + 3600.0
        hold = Hold(
            call.request_id, self.key.account, self.key.id, owner, call.model, "chat", False, context.at, expires_at
        )
        name = self.bench.plugin.name
        named = [_named(name, claim) for claim in claims]
        others = {
            place: [_named(name, one) for one in claim.alternatives]
            for place, claim in enumerate(claims)
            if claim.alternatives
        }
        version = self.database.read(lambda connection: connection.row(_VERSION)) or {}
        operation = Authorize(hold, named, version["value"], alternatives=others)
        self._apply(operation)
        if isinstance(operation.error, Refused):
            self.bench.policy.undo(claims, context)
            return operation.error
        if operation.error is not None:
            raise operation.error
        for place, number in operation.chosen.items():
            claims[place] = claims[place].alternatives[number]
        return Running(claims, operation.result)

    def end(self, running: Running, outcome: Outcome) -> CallRecord | None:
        """Settle a call; the usage row, None where it was settled before."""
        amounts = self.bench.settle(running.claims, outcome, self.bench.context(time.time()))
        pairs = list(zip(running.claims, amounts, strict=True))
        others = [amount for claim, amount in pairs if claim.bucket != BALANCE]
        held = running.held
        operation = Capture(held, others, _row(held, outcome, charged(running.claims, amounts)))
        self._apply(operation)
        row: CallRecord | None = operation.result
        return row

    def state(self) -> tuple[int, int, dict[str, tuple[int, int]]]:
        """The account's balance and what is held of it, and bucket -> (used, held), those at zero left out."""
        rows = self.database.read(lambda connection: connection.tuples(_BUCKETS))
        money = balance(self.database, self.key.account)
        return money.balance, money.held, {row[0]: (row[1], row[2]) for row in rows if row[1] or row[2]}

    def expect_sound(self, held: bool = False) -> None:
        """The ledger agrees with itself, and, unless ``held``, no call is under way.

        Raises:
            Failed: it does not.
        """
        for check in verify(self.database):
            if not check.ok:
                raise Failed(f"the ledger's check {check.name!r} fails: {check.detail}")
        _, money, buckets = self.state()
        still = {bucket: amounts[1] for bucket, amounts in buckets.items() if amounts[1]}
        expect(held or not (money or still), f"still held when no call is under way: {money} nano, {still}")

    def _apply(self, operation: Authorize | Capture) -> None:
        def write(connection: Connection) -> None:
            LedgerBatch()(connection, [operation])

        self.database.write(write)


def _named(plugin: str, claim: Claim) -> tuple[str, Claim]:
    return (claim.bucket if claim.bucket == BALANCE else f"{plugin}:{claim.bucket}"), claim


def charged(claims: Sequence[Claim], amounts: Sequence[int]) -> int:
    """What settling takes from the balance."""
    return sum(amount for claim, amount in zip(claims, amounts, strict=True) if claim.bucket == BALANCE)


def _row(held: Hold, outcome: Outcome, charge_nano: int) -> CallRecord:
    used = outcome.usage
    return CallRecord(
        request_id=held.id,
        created_at=held.created_at,
        route=held.route,
        account=held.account,
        key=held.key,
        model=held.model,
        provider="acme",
        upstream_model="model",
        status=200 if used is not None else 502,
        ending=outcome.ending,
        error_code="",
        streamed=False,
        prompt_tokens=used.prompt_tokens if used is not None else 0,
        completion_tokens=used.completion_tokens if used is not None else 0,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=False,
        latency_ms=1,
        first_token_ms=None,
        charge_nano=charge_nano,
        units=used.units if used is not None else None,
    )
