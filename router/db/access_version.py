"""The number that tells every worker that a key, an account or a limit has changed, and whose calls are to end."""

from __future__ import annotations

from router.db.connection import Connection

__all__ = ["access_version", "bump_access", "end_calls", "read_endings"]

_END = """
INSERT INTO endings (subject, version, reason)
VALUES (?, (SELECT value FROM meta WHERE name = 'access_version'), ?)
ON CONFLICT (subject) DO UPDATE SET version = excluded.version, reason = excluded.reason
"""


def access_version(connection: Connection) -> int:
    """The number now: a key that was read under another may be out of date."""
    row = connection.row("SELECT value FROM meta WHERE name = 'access_version'")
    return int(row["value"]) if row else 0


def bump_access(connection: Connection) -> None:
    """Raise it, in the transaction of the change: the next call sees what changed."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'access_version'")


def end_calls(connection: Connection, subject_id: str, reason: str) -> None:
    """Have every worker end the calls of a key or an account, in the transaction of its refusal and behind that.

    Args:
        subject_id: ``key_...`` or ``acct_...``.
        reason: why, ``revoked`` or ``disabled``.
    """
    connection.execute(_END, (subject_id, reason))


def read_endings(connection: Connection, version: int) -> dict[str, tuple[int, str]]:
    """Whose calls are to end: ID of a key or account -> the version before which its calls had begun, and why.

    Args:
        version: the oldest under which a call that is under way was let in.
    """
    rows = connection.tuples("SELECT subject, version, reason FROM endings WHERE version > ?", (version,))
    return {subject_id: (int(ended), reason) for subject_id, ended, reason in rows}
