"""What undoes the host's newest migrations, for who goes back to the release before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from router.db.connection import Connection
from router.errors import BadRequest
from router.money.usage import UNITS

__all__ = ["BACK", "Back"]

_COUNTED = " OR ".join(f"{name} <> 0" for name in UNITS)
_DROPPED = "".join(f"ALTER TABLE usage_hours DROP COLUMN {name};" for name in UNITS)


class Back(NamedTuple):
    """How a migration is undone.

    Attributes:
        sql: the statements.
        obstacle: finds a row where the release before would do wrong with what it cannot read; empty where none can be.
        remedy: what to do about that.
        loss: finds a row where something is lost by it; empty where nothing can be.
        lost: what.
    """

    sql: str
    obstacle: str = ""
    remedy: str = ""
    loss: str = ""
    lost: str = ""

    def check(self, connection: Connection, *, lossy: bool) -> None:
        """Raises ``BadRequest``: something stands in the way, or is lost that may not be (``lossy`` allows it)."""
        if self.obstacle and connection.tuples(f"{self.obstacle} LIMIT 1"):
            raise BadRequest(self.remedy)
        if not lossy and self.loss and connection.tuples(f"{self.loss} LIMIT 1"):
            raise BadRequest(f"{self.lost} Give --lossy as well to go back without, or restore a backup from before.")


BACK: Mapping[int, Back] = {
    15: Back("DROP TABLE ledger_log; DROP TABLE ledger_head;"),
    16: Back(
        f"ALTER TABLE usage DROP COLUMN units; {_DROPPED}",
        "SELECT 1 FROM prices WHERE price LIKE '%\"per\\_%' ESCAPE '\\'",
        "Prices per unit (request, image, second, ...) are set, and the release before would charge nothing for them: "
        "remove them first (`router models price MODEL --remove`).",
        f"SELECT 1 FROM usage_hours WHERE {_COUNTED}",  # noqa: S608 - constant text
        "Usage rows and hourly sums have counts of units (requests, images, seconds, ...), which the release before "
        "has no place for; what was charged for them stays.",
    ),
    17: Back(
        "DROP TABLE response_items; DROP TABLE responses;",
        "",
        "",
        "SELECT 1 FROM responses",
        "Answers of /v1/responses are kept, which the release before has no place for.",
    ),
}
"""Number of a migration -> how it is undone."""
