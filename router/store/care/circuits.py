"""Rows of open circuits: what one worker has met at an endpoint, for the others to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["CIRCUITS", "CircuitKey", "CircuitRow", "delete_circuits", "put_circuits", "read_circuits"]

CIRCUITS = """
CREATE TABLE circuits (                        -- endpoints that rest for everybody, as workers tell each other
    provider    TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    model       TEXT NOT NULL,                 -- the upstream's name of the only model that rests there; '': all do
    kind        TEXT NOT NULL,                 -- of the failure
    strict      BOOLEAN NOT NULL,              -- calls that nothing else can serve are turned away as well
    cooldown_s  DOUBLE PRECISION NOT NULL,
    open_until  DOUBLE PRECISION NOT NULL,     -- Unix seconds, by the database's clock
    worker      TEXT NOT NULL,                 -- who met it
    host        TEXT NOT NULL,                 -- where that worker is
    PRIMARY KEY (provider, endpoint, model)
)
"""
"""The table."""

CircuitKey = tuple[str, str, str]
"""Provider, endpoint, model."""


@dataclass(frozen=True, slots=True)
class CircuitRow:
    """One open circuit; ``CIRCUITS`` says what each column is."""

    provider: str
    endpoint: str
    model: str
    kind: str
    strict: bool
    cooldown_s: float
    open_until: float
    worker: str
    host: str

    @property
    def key(self) -> CircuitKey:
        """What it is of."""
        return self.provider, self.endpoint, self.model


_COLUMNS = tuple(one.name for one in fields(CircuitRow))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM circuits"  # noqa: S608 - constant text
_PUT = f"""
INSERT INTO circuits ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
ON CONFLICT (provider, endpoint, model) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:])}
"""  # noqa: S608 - constant text
_DELETE = "DELETE FROM circuits WHERE provider = ? AND endpoint = ? AND model = ?"


def read_circuits(database: Runner) -> list[CircuitRow]:
    """All of them, those whose time is over too."""
    rows = database.read(lambda connection: connection.tuples(_SELECT), whole=False)
    return [replace(row, strict=bool(row.strict)) for row in (CircuitRow(*one) for one in rows)]


def put_circuits(connection: Connection, rows: Iterable[CircuitRow]) -> None:
    """Tell of circuits that have opened."""
    for row in rows:
        connection.execute(_PUT, astuple(row))


def delete_circuits(connection: Connection, keys: Iterable[CircuitKey], before: float) -> None:
    """Tell of circuits that have closed, and forget those that have been over since ``before`` (Unix seconds)."""
    for key in keys:
        connection.execute(_DELETE, key)
    connection.execute("DELETE FROM circuits WHERE open_until < ?", (before,))
