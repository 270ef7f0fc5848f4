"""What the tests of mails share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.office.actor import Actor
from router.office.office import Office

__all__ = ["ADA", "VALUES", "MakeOffice", "MovedClock", "outbox"]

ADA = Actor("operator", "Ada", address="192.0.2.7")

MakeOffice = Callable[..., Office]

VALUES: Mapping[str, str] = {
    "ticket": "a-Ticket_1",
    "lasts_s": "86400",
    "email": "new@example.com",
    "at": "1764450000",
    "address": "192.0.2.9",
    "agent": "Mozilla/5.0",
    "workspace": "Ours",
    "invited_by": "bob@example.com",
    "role": "developer",
    "key": "backend",
    "percent": "80",
    "used_nano": "8000000000",
    "budget_nano": "10000000000",
    "balance_nano": "1234567890",
    "threshold_nano": "5000000000",
    "amount_nano": "5000000000",
    "expires_at": "1764450000",
    "retires_at": "1764450000",
    "model": "openai/gpt-4.1",
}
"""A value of every name that a mail needs."""


class MovedClock:
    """Unix seconds, which only the test moves."""

    def __init__(self) -> None:
        self.now = 1_764_450_000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


def outbox(office: Office) -> list[dict[str, Any]]:
    """Every row of the outbox, oldest first."""
    sql = "SELECT * FROM outbox ORDER BY created_at, id"
    return office.database.read(lambda connection: connection.rows(sql))
