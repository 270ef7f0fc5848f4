"""How far parts of the database are behind others."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["replica_delay_s", "rows_behind"]

_BEHIND = "SELECT COUNT(*) FROM ledger_log"
_REPLICAS = "SELECT COALESCE(MAX(EXTRACT(EPOCH FROM replay_lag)), 0)::float8 FROM pg_stat_replication"


def rows_behind(database: Runner) -> int:
    """Rows of the ledger's log that its tables do not have yet: each is a batch."""
    return int(database.read(lambda connection: connection.tuples(_BEHIND), whole=False)[0][0])


def replica_delay_s(database: Runner) -> float:
    """How far the slowest streaming replica is behind, as far as the database's user may see it; 0 on SQLite."""

    def load(connection: Connection) -> float:
        return float(connection.tuples(_REPLICAS)[0][0]) if connection.engine == "postgresql" else 0.0

    return database.read(load, whole=False)
