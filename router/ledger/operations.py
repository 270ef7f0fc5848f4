"""What the journal writes: a call's claims taken, a call settled, a usage row, a note."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from router.db.connection import Connection
from router.db.journal import Operation
from router.types.claims import Claim
from router.types.records import CallRecord

__all__ = [
    "HOLD_COLUMNS",
    "Authorize",
    "Capture",
    "Hold",
    "Instead",
    "Record",
    "Refused",
    "Revise",
    "StaleKey",
    "Statement",
    "Statements",
    "Taken",
    "Void",
]

HOLD_COLUMNS = "id, account_id, key_id, owner, model, route, streamed, amount_nano, claims, created_at, expires_at"
_encode = msgspec.json.Encoder().encode
Statement = tuple[str, tuple[Any, ...]]
"""SQL and its parameters."""


class Taken(NamedTuple):
    """A claim that was taken, other than on a balance.

    Attributes:
        bucket: its whole ID, the policy's name before it.
        amount: what is held; used already where it was claimed ``at_once``.
        window_start: of the window that it was taken in, Unix milliseconds; 0 where there is none.
        length_ms: of that window; 0 where there is none, and where it was claimed ``at_once``.
        calendar: whether windows follow one another without a gap.
        remaining: what the bucket has left; None where it has no ceiling.
        refill: units that its window gives back in ``length_ms``; 0 where it does not, and where it was used at once.
    """

    bucket: str
    amount: int
    window_start: int
    length_ms: int = 0
    calendar: bool = False
    remaining: int | None = None
    refill: int = 0

    @property
    def at_once(self) -> bool:
        """Whether it was used as it was claimed, in its own window, so that nothing of it is held."""
        return bool(self.window_start) and not self.length_ms


class Hold(NamedTuple):
    """A call under way, as the table ``holds`` has it.

    Attributes:
        id: the request's.
        account, key: whose call it is.
        owner: the worker that serves it.
        model, route, streamed: as in its usage row to come.
        created_at, expires_at: Unix seconds.
        amount_nano: what it holds of the account's balance.
        taken: what it holds of buckets.
    """

    id: str
    account: str
    key: str
    owner: str
    model: str
    route: str
    streamed: bool
    created_at: float
    expires_at: float
    amount_nano: int = 0
    taken: tuple[Taken, ...] = ()

    def row(self) -> tuple[Any, ...]:
        """The columns of ``HOLD_COLUMNS``."""
        claims = _encode([one[:5] if not one[6] else (*one[:5], None, one[6]) for one in self.taken]).decode()
        return (
            self.id,
            self.account,
            self.key,
            self.owner,
            self.model,
            self.route,
            self.streamed,
            self.amount_nano,
            claims,
            self.created_at,
            self.expires_at,
        )

    @classmethod
    def of(cls, row: Sequence[Any]) -> Hold:
        """From a row of ``HOLD_COLUMNS``."""
        id, account, key, owner, model, route, streamed, amount_nano, claims, created_at, expires_at = row
        taken = tuple(Taken(*claim) for claim in json.loads(claims))
        return cls(id, account, key, owner, model, route, bool(streamed), created_at, expires_at, amount_nano, taken)


class StaleKey(Exception):
    """A key, an account or a limit has changed since the call's key was read: read it again."""


class Refused(Exception):
    """A claim could not be taken, and so none was.

    Attributes:
        claim: the first that did not fit.
        available: what its bucket has left.
        retry_after_s: when its window ends; None where waiting alone does not help.
    """

    def __init__(self, claim: Claim, available: int, retry_after_s: float | None) -> None:
        super().__init__(f"{claim.bucket}: {claim.amount} claimed, {available} left")
        self.claim = claim
        self.available = available
        self.retry_after_s = retry_after_s


class Authorize(Operation):
    """All claims of a call, or none. ``result`` is a ``Hold``; ``error`` a ``Refused`` or ``StaleKey``.

    Args:
        hold: the call, without amounts.
        claims: (whole bucket ID, claim) each; ``BALANCE`` is the account's own money.
        version: the key's.
        amounts: what is claimed in place of each claim's own amount; None for those. A tuple of claims that comes again
            with other amounts is bound to its buckets once.
        in_flight: whether a call begins; else its claims, all of them ``at_once``, are all that there is to it.
        alternatives: place of a claim -> what will do in its place, best first.

    Attributes:
        chosen: place of a claim -> which of its alternatives was taken; nothing of one that was taken itself.
    """

    def __init__(
        self,
        hold: Hold,
        claims: Sequence[tuple[str, Claim]],
        version: int,
        amounts: Sequence[int] | None = None,
        *,
        in_flight: bool = True,
        alternatives: Mapping[int, Sequence[tuple[str, Claim]]] | None = None,
    ) -> None:
        self.label = hold.id
        self.alternatives = alternatives
        self.chosen: dict[int, int] = {}
        self.amounts = amounts
        self.in_flight = in_flight
        self.hold = hold
        self.claims = claims
        self.version = version

    def abandon(self) -> Operation:
        """Nobody waits any more: take nothing, or give back what may have been taken."""
        self.abandoned = True
        return Void(self)


class Instead(NamedTuple):
    """The end of a call that could not be made durable in time: it is booked as its client was told.

    Attributes:
        record: the usage row, with what is to be charged.
        amounts: as ``Capture`` has them.
        also: statements that belong into the same transaction; harmless when run again.
    """

    record: CallRecord
    amounts: Sequence[int]
    extra_statements: Sequence[Statement] = ()


class Capture(Operation):
    """A call's end. ``result`` is the ``CallRecord`` as it was written.

    Args:
        held: what ``Authorize`` gave, or a row of ``holds``.
        amounts: the final amount of each of ``held.taken``.
        record: the usage row; its ``charge_nano`` is what should be charged.
        also: statements that belong into the same transaction.
        late: whether to charge a call whose hold is gone and that was not settled: the sweep took its worker for dead.
        stands: asked in the transaction, where there is a charge; False charges nothing: another call has taken this
            one's place, and is charged.
        instead: makes what to write once nobody waits any more; None where it is the same. Also where the end was
            durable already when its caller gave up, and nobody had said so.
    """

    def __init__(
        self,
        held: Hold,
        amounts: Sequence[int],
        record: CallRecord,
        *,
        extra_statements: Sequence[Statement] = (),
        late: bool = True,
        still_owns: Callable[[Connection], bool] | None = None,
        instead: Callable[[], Instead] | None = None,
    ) -> None:
        self.label = held.id
        self.instead: Instead | None = None
        self._instead = instead
        self.held = held
        self.amounts = amounts
        self.record = record
        self.extra_statements = extra_statements
        self.late = late
        self.still_owns = still_owns

    def abandon(self) -> Operation | None:
        """Book what the client is told, even if another end may have been booked just now."""
        if self._instead is None:
            return None
        instead = self.instead = self._instead()
        self.abandoned = True
        return Revise(self, instead)

    @property
    def final(self) -> Instead:
        """The end that holds now."""
        if self.abandoned and self.instead is not None:
            return self.instead
        return Instead(self.record, self.amounts, self.extra_statements)


class Revise(Operation):
    """Replaces the written end of a call by another. Does nothing where none was written, or the same."""

    def __init__(self, settle: Capture, instead: Instead) -> None:
        self.label = settle.label
        self.settle = settle
        self.instead = instead


class Record(Operation):
    """A usage row of a call without claims."""

    def __init__(self, record: CallRecord, *, extra_statements: Sequence[Statement] = ()) -> None:
        self.label = record.request_id
        self.record = record
        self.extra_statements = extra_statements


class Statements(Operation):
    """Statements that belong to no call's end."""

    def __init__(self, label: str, extra_statements: Sequence[Statement]) -> None:
        self.label = label
        self.extra_statements = extra_statements


class Void(Operation):
    """Undoes an abandoned ``Authorize``, should it have been taken."""

    def __init__(self, take: Authorize) -> None:
        self.label = take.label
        self.take = take

    @property
    def held(self) -> Hold | None:
        """What is to be given back; None where nothing was taken."""
        held = self.take.result
        return held if isinstance(held, Hold) else None
