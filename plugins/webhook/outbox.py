"""Batches in their table, until they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router import PluginConnection, PluginContext

__all__ = ["TABLES", "Batch", "Outbox"]

TABLES = """
CREATE TABLE webhook_batches (
    id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, calls INTEGER NOT NULL, tries INTEGER NOT NULL,
    created_at DOUBLE PRECISION NOT NULL, due_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX webhook_batches_due ON webhook_batches (due_at);
"""
_INSERT = """
INSERT INTO webhook_batches (id, body, calls, tries, created_at, due_at)
SELECT ?, ?, ?, 0, ?, ? WHERE (SELECT COUNT(*) FROM webhook_batches) < ?
"""
_DUE = "SELECT * FROM webhook_batches WHERE due_at <= ? ORDER BY created_at, id LIMIT ?"


@dataclass(frozen=True)
class Batch:
    """One request: its ID, which stays when it is sent again, its body, and how many calls are in it."""

    id: str
    body: str
    calls: int
    tries: int
    created_at: float
    due_at: float


class Outbox:
    """The table."""

    def __init__(self, context: PluginContext) -> None:
        self._database = context.database

    def put(self, id: str, body: str, calls: int, now: float, most: int) -> bool:
        """Keep a batch; False where as many wait as may."""
        params = (id, body, calls, now, now, most)
        return self._database.write(lambda connection: connection.execute(_INSERT, params)) == 1

    def due(self, now: float, limit: int) -> list[Batch]:
        """The oldest that are to be sent."""

        def read(connection: PluginConnection) -> list[Batch]:
            return [Batch(**row) for row in connection.rows(_DUE, (now, limit))]

        return self._database.read(read)

    def remove(self, ids: Sequence[str]) -> None:
        """Forget batches that were taken, or given up."""
        sql = f"DELETE FROM webhook_batches WHERE id IN ({', '.join('?' * len(ids))})"  # noqa: S608 - question marks
        if ids:
            self._database.write(lambda connection: connection.execute(sql, tuple(ids)))

    def again(self, batch: Batch, due_at: float) -> None:
        """Have a batch sent later."""
        sql = "UPDATE webhook_batches SET tries = tries + 1, due_at = ? WHERE id = ?"
        self._database.write(lambda connection: connection.execute(sql, (due_at, batch.id)))
