"""What the tests of mails share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_string, policy
from pathlib import Path
from typing import Any

from router.db.connection import Connection
from router.office.actor import Actor
from router.office.office import Office
from router.office.people.notices import list_notices

__all__ = ["ADA", "VALUES", "MailServer", "MakeOffice", "MovedClock", "StartServer", "add_person", "outbox", "told"]

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
    "starts_at": "1764450000",
    "input_rate_nano": "125000000",
    "output_rate_nano": "12000000000",
    "model": "openai/gpt-4.1",
}
"""A value of every name that a mail needs."""


class MovedClock:
    """Unix seconds, which only the test moves."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))  # keys are made by the machine's

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


def outbox(office: Office) -> list[dict[str, Any]]:
    """Every row of the outbox, oldest first."""
    sql = "SELECT * FROM outbox ORDER BY created_at, id"
    return office.database.read(lambda connection: connection.rows(sql))


@dataclass(frozen=True)
class MailServer:
    """A mail server that runs.

    Attributes:
        folder: where it writes what it takes.
        authority: the file of the certificate that it shows; None for one without TLS.
    """

    port: int
    folder: Path
    authority: Path | None

    def taken(self) -> list[dict[str, Any]]:
        """What it took, oldest first; ``message`` is the mail, parsed."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.iterdir())]
        return [one | {"message": message_from_string(one["mail"], policy=policy.default)} for one in found]

    def settings(self, more: str = "") -> str:
        """``[mail]`` for it."""
        lines = ["[mail]", 'transport = "smtp"', 'host = "localhost"', f"port = {self.port}"]
        lines.append('sender = "Our portal <portal@example.com>"')
        if self.authority is None:
            lines.append('security = "none"')
        return "\n".join([*lines, more, ""])


StartServer = Callable[..., MailServer]


def add_person(
    office: Office, account: str = "", role: str = "owner", *, name: str = "ann", locale: str = "en", **more: Any
) -> str:
    """The ID of a new person, ``NAME@example.com``, who is a member of an account; ``more`` are columns of the row."""
    columns = {
        "id": f"pers_{name}",
        "email": f"{name}@example.com",
        "email_key": f"{name}@example.com",
        "name": "",
        "password": "",
        "locale": locale,
        "zone": "",
        "theme": "system",
        "status": "active",
        "operator": False,
        "verified_at": 1.0,
        "created_at": 1.0,
        **more,
    }
    places = ", ".join("?" * len(columns))

    def insert(connection: Connection) -> None:
        connection.execute(f"INSERT INTO people ({', '.join(columns)}) VALUES ({places})", list(columns.values()))
        if account:
            connection.execute("INSERT INTO members VALUES (?, ?, ?, ?)", (account, columns["id"], role, 1.0))

    office.database.write(insert)
    return str(columns["id"])


def told(office: Office, person_id: str, language: str = "en") -> list[str]:
    """What a person was told, newest first: the titles."""
    return [one.title for one in list_notices(office, person_id, language=language)]
