"""What the tests of the office share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.office.actor import Actor
from router.office.office import Office

__all__ = ["ADA", "Opened", "entries"]

ADA = Actor("operator", "Ada", session="ses_1", address="192.0.2.7")

Opened = Callable[..., Office]


def entries(office: Office) -> list[tuple[Any, ...]]:
    """Every row of the audit log, newest first: action, actor, kind, session, address, subject."""
    sql = "SELECT action, actor, kind, session, address, subject FROM audit ORDER BY seq DESC"
    return office.database.read(lambda connection: connection.tuples(sql))
