"""Rows of memberships: who belongs to which account, as what."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.access_version import bump_access
from router.db.bulk import in_list
from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "MemberRow",
    "WorkspaceRow",
    "count_owners",
    "delete_member",
    "insert_member",
    "list_member_rows",
    "list_workspace_rows",
    "lock_account",
    "member_role",
    "revoke_account_keys",
    "revoke_idle_hidden",
    "set_member_role",
]

_MEMBERS = """
SELECT m.account_id, m.person_id, m.role, m.created_at, p.email, p.name, p.seen_at,
    EXISTS (SELECT 1 FROM factors f WHERE f.person_id = p.id AND f.confirmed AND f.kind <> 'recovery') AS second_factor
FROM members m JOIN people p ON p.id = m.person_id WHERE m.account_id = ? ORDER BY m.created_at, m.person_id
"""
_WORKSPACES = """
SELECT m.account_id, a.name, m.role, a.status FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.person_id = ? ORDER BY m.created_at, m.account_id
"""
_INSERT = """
INSERT INTO members (account_id, person_id, role, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (account_id, person_id) DO NOTHING
"""


_IDLE_HIDDEN = """
SELECT k.id FROM api_keys k WHERE k.kind = 'hidden' AND k.made_by <> '' AND k.status <> 'revoked' AND (
    k.expires_at <= ?
    OR NOT EXISTS (
        SELECT 1 FROM members m JOIN people p ON p.id = m.person_id
        WHERE m.account_id = k.account_id AND p.id = k.made_by AND m.role <> 'viewer' AND p.status = 'active'
    )
    OR (k.created_at < ? AND NOT EXISTS (
        SELECT 1 FROM usage_hours u WHERE u.account_id = k.account_id AND u.key_id = k.id AND u.hour >= ?
    ))
) ORDER BY k.id LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A membership with what is told of its person; ``second_factor``: whether they have one."""

    account_id: str
    person_id: str
    role: str
    created_at: float
    email: str
    name: str
    seen_at: float | None
    second_factor: bool


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A membership with what is told of its account."""

    account_id: str
    name: str
    role: str
    status: str


def insert_member(database: Runner, account_id: str, person_id: str, role: str, now: float) -> bool:
    """Make somebody a member; False where they are one already."""
    return database.write(lambda connection: connection.execute(_INSERT, (account_id, person_id, role, now))) == 1


def member_role(database: Runner, account_id: str, person_id: str) -> str:
    """What somebody may do in an account; empty for nothing."""
    sql = "SELECT role FROM members WHERE account_id = ? AND person_id = ?"
    rows = database.read(lambda connection: connection.tuples(sql, (account_id, person_id)))
    return str(rows[0][0]) if rows else ""


def set_member_role(database: Runner, account_id: str, person_id: str, role: str) -> bool:
    """Give a member another role; False where they are none."""
    sql = "UPDATE members SET role = ? WHERE account_id = ? AND person_id = ?"
    return database.write(lambda connection: connection.execute(sql, (role, account_id, person_id))) == 1


def delete_member(database: Runner, account_id: str, person_id: str) -> bool:
    """End a membership; False where there is none."""
    sql = "DELETE FROM members WHERE account_id = ? AND person_id = ?"
    return database.write(lambda connection: connection.execute(sql, (account_id, person_id))) == 1


def count_owners(database: Runner, account_id: str) -> int:
    """How many owners an account has."""
    sql = "SELECT COUNT(*) FROM members WHERE account_id = ? AND role = 'owner'"
    return int(database.read(lambda connection: connection.tuples(sql, (account_id,)))[0][0])


def lock_account(connection: Connection, account_id: str) -> bool:
    """Keep others from deciding about an account's members until the transaction ends; False where there is none."""
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    return connection.row(f"SELECT id FROM accounts WHERE id = ?{lock}", (account_id,)) is not None  # noqa: S608


def list_member_rows(database: Runner, account_id: str) -> list[MemberRow]:
    """An account's members, in the order in which they came."""
    rows = database.read(lambda connection: connection.rows(_MEMBERS, (account_id,)))
    return [MemberRow(**(row | {"second_factor": bool(row["second_factor"])})) for row in rows]


def list_workspace_rows(database: Runner, person_id: str) -> list[WorkspaceRow]:
    """The accounts that somebody belongs to, in the order in which they came to them."""
    return [WorkspaceRow(**row) for row in database.read(lambda connection: connection.rows(_WORKSPACES, (person_id,)))]


def revoke_account_keys(connection: Connection, account_id: str, *, hidden_of: str = "") -> int:
    """Revoke an account's keys; how many there were.

    Args:
        hidden_of: only the hidden ones that this person's pages call with.
    """
    where, params = "account_id = ? AND status <> 'revoked'", [account_id]
    if hidden_of:
        where, params = f"{where} AND kind = 'hidden' AND made_by = ?", [account_id, hidden_of]
    ended = connection.execute(f"UPDATE api_keys SET status = 'revoked' WHERE {where}", params)  # noqa: S608 - constants
    if ended:
        bump_access(connection)
    return ended


def revoke_idle_hidden(connection: Connection, now: float, unused_since: float) -> list[str]:
    """Revoke some of the hidden keys that are of no use; their IDs.

    They have run out, or were not used since a time, or their person calls no models in that account any more.
    """
    params = (now, unused_since, int(unused_since))
    ended = [id for (id,) in connection.tuples(_IDLE_HIDDEN, params)]
    if ended:
        one_of, values = in_list(connection.engine, ended)
        connection.execute(f"UPDATE api_keys SET status = 'revoked' WHERE id {one_of}", (values,))  # noqa: S608
        bump_access(connection)
    return ended
