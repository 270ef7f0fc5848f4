"""What is kept of a person in all tables, for themselves: without secrets, hashes and texts of links."""

from __future__ import annotations

from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["exported_rows"]

_QUERIES = {
    "sessions": "SELECT id, account_id, created_at, seen_at, expires_at, address, agent FROM web_sessions",
    "second_factors": "SELECT id, kind, name, created_at, used_at FROM factors",
    "links": "SELECT id, purpose, email, created_at, expires_at FROM tickets",
    "security_events": "SELECT at, kind, address, agent, detail FROM security_events",
    "notices": "SELECT type, account_id, subject, detail, created_at, read_at FROM notices",
    "notice_settings": "SELECT type, in_app, mail, threshold_nano FROM notice_settings",
    "signups": "SELECT at, domain, network, account_id, verdict, credit_nano FROM signups",
    "mails": "SELECT recipient, purpose, subject, status, created_at, sent_at FROM outbox",
}
_INVITED = """
SELECT email, account_id, role, created_at, expires_at FROM tickets WHERE purpose = 'invite' AND made_by = ?
"""


def exported_rows(database: Runner, person_id: str) -> dict[str, list[dict[str, Any]]]:
    """What of it -> rows, as JSON takes them."""

    def read(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        found = {name: connection.rows(f"{sql} WHERE person_id = ?", (person_id,)) for name, sql in _QUERIES.items()}
        return found | {"invitations": connection.rows(_INVITED, (person_id,))}

    return database.read(read)
