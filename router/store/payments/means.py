"""Rows of saved means, and of what they are charged for by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "AutomaticRow",
    "MeansRow",
    "SharedMeansRow",
    "clear_token",
    "delete_automatic",
    "drop_means",
    "find_automatic",
    "find_means",
    "forget_means",
    "forgotten_means",
    "insert_means",
    "list_automatic",
    "list_means",
    "put_automatic",
    "shared_means",
]

_MEANS = "id, method, account_id, token, token_hash, label, fingerprint, created_at, forgotten_at"
_AUTOMATIC = "account_id, means_id, threshold_nano, amount_nano, per_day, below, problem, changed_at"
_PUT = f"""
INSERT INTO automatic_topups ({_AUTOMATIC}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account_id) DO UPDATE SET means_id = excluded.means_id, threshold_nano = excluded.threshold_nano,
    amount_nano = excluded.amount_nano, per_day = excluded.per_day, below = excluded.below, problem = excluded.problem,
    changed_at = excluded.changed_at
"""  # noqa: S608 - constant text
_SHARED = """
SELECT m.method, m.fingerprint, m.account_id, MAX(a.name) AS account_name, MAX(m.label) AS label,
    MIN(m.created_at) AS created_at, MAX(s.last_at) AS last_at
FROM payment_means m
JOIN accounts a ON a.id = m.account_id
JOIN (
    SELECT method, fingerprint, MAX(created_at) AS last_at FROM payment_means WHERE fingerprint <> ''
    GROUP BY method, fingerprint HAVING COUNT(DISTINCT account_id) > 1
    ORDER BY last_at DESC, method, fingerprint LIMIT ?
) s ON s.method = m.method AND s.fingerprint = m.fingerprint
GROUP BY m.method, m.fingerprint, m.account_id
ORDER BY last_at DESC, m.method, m.fingerprint, created_at, m.account_id
"""


@dataclass(frozen=True, slots=True)
class MeansRow:
    """Saved means; ``router.store.payments.tables`` says what each column is. ``token`` is sealed."""

    id: str
    method: str
    account_id: str
    token: str
    token_hash: str
    label: str
    fingerprint: str
    created_at: float
    forgotten_at: float | None = None


@dataclass(frozen=True, slots=True)
class AutomaticRow:
    """What is charged when an account's balance falls below a threshold.

    Attributes:
        below: the fall that is under way has its top-up already.
        problem: why it stopped; empty where it did not.
    """

    account_id: str
    means_id: str
    threshold_nano: int
    amount_nano: int
    per_day: int
    below: bool = False
    problem: str = ""
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SharedMeansRow:
    """That an account left means that others have left, too; ``last_at`` is when the last of them did."""

    method: str
    fingerprint: str
    account_id: str
    account_name: str
    label: str
    created_at: float
    last_at: float


def insert_means(connection: Connection, row: MeansRow, begun_at: float) -> bool:
    """Keep means; False where the account has left these before: they are as new, if they were forgotten since.

    Args:
        begun_at: when the payment was begun that left them: one from before they were forgotten, told of once more,
            brings nothing back.
    """
    sql = (
        f"INSERT INTO payment_means ({_MEANS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - constant text
        "ON CONFLICT (method, account_id, token_hash) DO NOTHING"
    )
    values = (row.id, row.method, row.account_id, row.token, row.token_hash, row.label, row.fingerprint)
    if connection.execute(sql, (*values, row.created_at, row.forgotten_at)) == 1:
        return True
    again = (
        "UPDATE payment_means SET label = ?, token = ?, forgotten_at = NULL "
        "WHERE method = ? AND account_id = ? AND token_hash = ? AND (forgotten_at IS NULL OR forgotten_at <= ?)"
    )
    connection.execute(again, (row.label, row.token, row.method, row.account_id, row.token_hash, begun_at))
    return False


def find_means(connection: Connection, means_id: str) -> MeansRow | None:
    """The means of an ID, forgotten or not."""
    row = connection.row(f"SELECT {_MEANS} FROM payment_means WHERE id = ?", (means_id,))  # noqa: S608 - constants
    return None if row is None else MeansRow(**row)


def list_means(database: Runner, account_id: str) -> list[MeansRow]:
    """What an account left and did not take back, the newest first."""
    sql = f"SELECT {_MEANS} FROM payment_means WHERE account_id = ? AND forgotten_at IS NULL ORDER BY created_at DESC"  # noqa: S608
    return [MeansRow(**row) for row in database.read(lambda connection: connection.rows(sql, (account_id,)))]


def shared_means(database: Runner, limit: int) -> list[SharedMeansRow]:
    """Who left the same means as others, taken back since or not: of so many means, those that were left last first."""
    return [SharedMeansRow(**row) for row in database.read(lambda connection: connection.rows(_SHARED, (limit,)))]


def forget_means(connection: Connection, now: float, *, means_id: str = "", account_id: str = "") -> int:
    """Never charge them again, or any of an account's; how many there were. Their token stays until their method has
    forgotten them, too.
    """
    column, value = ("id", means_id) if means_id else ("account_id", account_id)
    sql = f"UPDATE payment_means SET forgotten_at = ? WHERE {column} = ? AND forgotten_at IS NULL"  # noqa: S608
    return connection.execute(sql, (now, value))


def drop_means(connection: Connection, now: float, token_hash: str) -> list[str]:
    """Their method has forgotten them: the accounts whose they were."""
    where = "token_hash = ? AND (forgotten_at IS NULL OR token <> '')"
    sql = f"UPDATE payment_means SET forgotten_at = ?, token = '' WHERE {where} RETURNING account_id"  # noqa: S608
    return [row["account_id"] for row in connection.rows(sql, (now, token_hash))]


def forgotten_means(database: Runner, method: str, limit: int) -> list[MeansRow]:
    """Those that all their owners took back, and that their method has not forgotten yet, the oldest first."""
    others = (
        "SELECT 1 FROM payment_means o WHERE o.method = m.method AND o.token_hash = m.token_hash "
        "AND o.forgotten_at IS NULL"
    )
    sql = (
        f"SELECT {_MEANS} FROM payment_means m WHERE forgotten_at IS NOT NULL AND token <> '' "  # noqa: S608 - constants
        f"AND (method = ? OR ? = '') AND NOT EXISTS ({others}) ORDER BY forgotten_at, id LIMIT ?"
    )
    return [MeansRow(**row) for row in database.read(lambda connection: connection.rows(sql, (method, method, limit)))]


def clear_token(connection: Connection, means_id: str) -> bool:
    """Forget what would charge them; False where they are their owner's again, or it is done."""
    sql = "UPDATE payment_means SET token = '' WHERE id = ? AND forgotten_at IS NOT NULL AND token <> ''"
    return connection.execute(sql, (means_id,)) == 1


def find_automatic(connection: Connection, account_id: str) -> AutomaticRow | None:
    """What an account has charged by itself."""
    row = connection.row(f"SELECT {_AUTOMATIC} FROM automatic_topups WHERE account_id = ?", (account_id,))  # noqa: S608
    return None if row is None else _automatic(row)


def list_automatic(database: Runner) -> list[AutomaticRow]:
    """All that go on."""
    sql = f"SELECT {_AUTOMATIC} FROM automatic_topups WHERE problem = '' ORDER BY account_id"  # noqa: S608 - constants
    return [_automatic(row) for row in database.read(lambda connection: connection.rows(sql))]


def put_automatic(connection: Connection, row: AutomaticRow) -> None:
    """Keep it, in the place of what was there."""
    values = (row.account_id, row.means_id, row.threshold_nano, row.amount_nano, row.per_day)
    connection.execute(_PUT, (*values, row.below, row.problem, row.changed_at))


def delete_automatic(connection: Connection, account_id: str) -> bool:
    """End it; False where there was none."""
    return connection.execute("DELETE FROM automatic_topups WHERE account_id = ?", (account_id,)) == 1


def _automatic(row: dict[str, Any]) -> AutomaticRow:
    return AutomaticRow(**(row | {"below": bool(row["below"])}))
