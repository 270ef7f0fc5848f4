"""What a new bucket begins with: a limit or budget set in the middle of a period counts what that period was charged.

The hourly sums know. They are asked in one statement for each kind of subject and period in a batch, and only where a
bucket begins: at its first claim, and after an operator has changed what it limits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from router.db.connection import Connection
from router.ledger.ledger_cache import BoundClaims, LedgerCache
from router.ledger.operations import Authorize
from router.ledger.state import Bucket
from router.metering.usage_hours import charged_since
from router.types.claims import Claim, Window

__all__ = ["begin_counting"]

_Wanted = dict[tuple[str, float], dict[str, list[tuple[Bucket, Window | None]]]]


def begin_counting(connection: Connection, book: LedgerCache, takes: Sequence[tuple[Authorize, BoundClaims]]) -> None:
    """Set the buckets that a batch counts for the first time to what was charged in their present periods."""
    wanted: _Wanted = defaultdict(lambda: defaultdict(list))
    for take, bound in takes:
        for _, state, claim, *_ in bound.of_charges:
            if state is not None and _begins(state, claim):
                since = 0.0 if claim.window is None or claim.window.start is None else claim.window.start
                whose = take.hold.key if claim.of == "key" else take.hold.account
                wanted[claim.of, since][whose].append((state, claim.window))
    if wanted:
        book.caught_up(connection)  # or the hourly sums would lack what is in the log
    for (kind, since), places in wanted.items():
        charged = charged_since(connection, kind, since, list(places))
        for whose, found in places.items():
            for state, window in found:
                state.begun_anew(window, charged.get(whose, 0), f"{kind}:{whose}")


def _begins(bucket: Bucket, claim: Claim) -> bool:
    """Whether a bucket counts for the first time. One that has counted begins each further period with nothing.

    One whose window begins later than the next would has counted by a clock that was ahead.
    """
    if not bucket.subject:
        return True
    window = claim.window
    return (
        window is not None
        and window.start is not None
        and bucket.window_start > round((window.start + window.seconds) * 1000)
    )
