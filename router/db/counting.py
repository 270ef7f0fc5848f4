"""Marks buckets to be counted anew after an operator's change of a key, an account or a limit.

What a bucket missed while nothing limited its subject it cannot know: after a change it is to begin with what the
hourly sums say, which the ledger sees to at the next claim.
"""

from __future__ import annotations

from router.db.connection import Connection

__all__ = ["recount_account", "recount_all", "recount_key"]

_AGAIN = "UPDATE buckets SET subject = '', used = 0, window_start = 0, mark = 0"
_LINE = """
SELECT 'key:' || m.id FROM api_keys k JOIN api_keys m ON m.account_id = k.account_id
    AND CASE m.origin WHEN '' THEN m.id ELSE m.origin END = CASE k.origin WHEN '' THEN k.id ELSE k.origin END
WHERE k.id = ?
"""


def recount_key(connection: Connection, key_id: str) -> None:
    """Recount the buckets of a key, and of the keys that it replaced."""
    connection.execute(f"{_AGAIN} WHERE subject IN ({_LINE})", (key_id,))


def recount_account(connection: Connection, account_id: str) -> None:
    """Recount the buckets of an account and of all its keys."""
    keys = "SELECT 'key:' || id FROM api_keys WHERE account_id = ?"
    connection.execute(f"{_AGAIN} WHERE subject = ? OR subject IN ({keys})", (f"account:{account_id}", account_id))


def recount_all(connection: Connection) -> None:
    """Recount all buckets."""
    connection.execute(f"{_AGAIN} WHERE subject <> ''")
