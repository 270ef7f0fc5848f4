"""Rules of what is kept beside the ledger: hourly sums, buckets, and the audit log of transfers that are no call's."""

from __future__ import annotations

import json

from router.db.connection import Connection
from router.ledger.state import mark_of
from router.metering.hour_rows import HOUR_S
from router.metering.hour_totals import wrong_totals
from router.metering.usage_hours import wrong_hours

__all__ = ["audit_matches_transfers", "buckets_unchanged", "hours_equal_rows"]

_ACTIONS = (
    *("credits grant", "credits adjust", "credits refund", "people verify", "signups decide", "credits expire"),
    *("payments granted", "payments paid", "payments refund", "payments refund_undone"),
    *("payments dispute", "payments dispute_return"),
)
_KINDS = (
    *("grant", "adjustment", "refund", "free", "expiry"),
    *("topup", "topup_refund", "dispute", "dispute_return"),
)
_INIT = "grant:init:"
_MARKED = "SELECT id, window_start, used, mark FROM buckets WHERE mark <> 0"


def hours_equal_rows(connection: Connection) -> list[str]:
    """The hourly sums are those of the usage rows, tokens included, as far as rows are still kept; all accounts' totals
    are those of the hourly sums.
    """
    row = connection.row("SELECT value FROM meta WHERE name = 'usage_pruned_before'")
    since = -(-int(row["value"]) // HOUR_S) * HOUR_S if row else None
    return [
        f"hour {hour} of account {account}, key {key}, model {model}: not the sum of its rows"
        for account, hour, key, model, _ in wrong_hours(connection, since)
    ] + [
        f"hour {hour}, model {model} of {provider}: the total is not the sum of all accounts' hours"
        for hour, model, provider in wrong_totals(connection)
    ]


def buckets_unchanged(connection: Connection) -> list[str]:
    """What buckets have counted is what the ledger wrote."""
    return [
        f"bucket {id}: {used} used is not what was written"
        for id, window_start, used, mark in connection.tuples(_MARKED)
        if mark != mark_of(id, window_start, used)
    ]


def audit_matches_transfers(connection: Connection) -> list[str]:
    """Each transfer that is no call's has its entry in the audit log, and each such entry its transfer."""
    kinds = ", ".join(f"'{kind}'" for kind in _KINDS)
    wanted = f"SELECT reference FROM transfers WHERE kind IN ({kinds}) AND hash <> ''"  # noqa: S608 - constants
    made = {reference for (reference,) in connection.tuples(wanted)}
    told = set()
    actions = ", ".join(f"'{action}'" for action in _ACTIONS)
    sql = f"SELECT detail FROM audit WHERE hash <> '' AND action IN ({actions}) ORDER BY seq"  # noqa: S608 - constants
    for (detail,) in connection.tuples(sql):
        told.add(json.loads(detail).get("made", ""))
    told.discard("")
    found = [f"{one}: no entry in the audit log" for one in sorted(made - told) if not one.startswith(_INIT)]
    return found + [f"{one}: in the audit log, but there is no such transfer" for one in sorted(told - made)]
