"""Accounts: what owns keys, and will pay."""

from __future__ import annotations

import time
from dataclasses import dataclass

from router.db.access_version import bump_access, end_calls
from router.db.connection import Connection
from router.db.counting import recount_account
from router.db.ids import check_name, new_id
from router.db.transaction import Runner
from router.errors import BadRequest, NotFound

__all__ = [
    "OPERATORS",
    "Account",
    "create_account",
    "get_account",
    "keep_operators",
    "list_accounts",
    "list_price_lists",
    "rename_account",
    "set_account_price_list",
    "set_account_status",
    "set_account_tier",
]

OPERATORS = "acct_operators"
"""The row that operators' keys refer to, since each key has an account. It is none: in no list, and never paying."""

_COLUMNS = "id, name, status, created_at, tier, price_list"
_STATUSES = ("active", "suspended")


@dataclass(frozen=True, slots=True)
class Account:
    """One account.

    Attributes:
        id: ``acct_...``.
        name: the operator's label; need not be unique.
        status: ``active`` or ``suspended`` (its keys count as disabled).
        created_at: Unix seconds.
        tier: whose limits hold for its keys; empty for those of everybody.
        price_list: whose prices its calls are charged; empty for those of everybody.
    """

    id: str
    name: str
    status: str
    created_at: float
    tier: str = ""
    price_list: str = ""


def create_account(database: Runner, name: str, *, id: str = "") -> Account:
    """Make an active account, with a balance of zero.

    Args:
        id: of one that must not be made twice; a random one where empty.

    Raises:
        BadRequest: the name is empty, too long or holds control characters.
    """
    account = Account(id or new_id("acct"), check_name(name, "an account's name"), "active", time.time())

    def insert(connection: Connection) -> Account:
        connection.execute(
            f"INSERT INTO accounts ({_COLUMNS}) VALUES (?, ?, ?, ?, '', '')",  # noqa: S608 - constant text
            (account.id, account.name, account.status, account.created_at),
        )
        connection.execute("INSERT INTO balances (account_id) VALUES (?)", (account.id,))
        return account

    return database.write(insert)


def keep_operators(connection: Connection) -> None:
    """Let there be the row that operators' keys refer to."""
    sql = f"INSERT INTO accounts ({_COLUMNS}) VALUES (?, 'operators', 'active', ?, '', '') ON CONFLICT (id) DO NOTHING"  # noqa: S608
    connection.execute(sql, (OPERATORS, time.time()))


def get_account(database: Runner, account_id: str) -> Account:
    """Raises:
    NotFound: there is no such account.
    """
    row = database.read(
        lambda connection: connection.row(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account_id,))  # noqa: S608
    )
    if row is None or account_id == OPERATORS:
        raise _unknown(account_id)
    return Account(**row)


def list_accounts(database: Runner, *, after: str | None = None, limit: int | None = None) -> list[Account]:
    """Accounts, oldest first.

    Args:
        after: only those behind the one with this ID.
        limit: how many at most; None for all.

    Raises:
        NotFound: there is no account ``after``.
    """
    where = "AND (created_at, id) > (SELECT created_at, id FROM accounts WHERE id = ?)" if after is not None else ""
    page = "LIMIT ?" if limit is not None else ""
    sql = f"SELECT {_COLUMNS} FROM accounts WHERE id <> ? {where} ORDER BY created_at, id {page}"  # noqa: S608
    params = [OPERATORS, *(value for value in (after, limit) if value is not None)]
    if after is not None:
        get_account(database, after)
    return [Account(**row) for row in database.read(lambda connection: connection.rows(sql, params))]


def set_account_status(database: Runner, account_id: str, status: str, *, now: bool = False) -> None:
    """Suspend an account, or make it active again.

    Args:
        now: whether the calls under way of one that is suspended end, too.

    Raises:
        NotFound: there is no such account.
        BadRequest: ``status`` is neither ``active`` nor ``suspended``.
    """
    if status not in _STATUSES:
        raise BadRequest(f"An account's status is one of {', '.join(_STATUSES)}.")
    _set(database, account_id, "status", status, ended=now and status == "suspended")


def rename_account(database: Runner, account_id: str, name: str) -> None:
    """Give an account another name.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is empty, too long or holds control characters.
    """
    _set(database, account_id, "name", check_name(name, "an account's name"))


def set_account_tier(database: Runner, account_id: str, tier: str) -> None:
    """Put an account into a tier; empty takes it out of its own.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is too long or holds control characters.
    """
    _set(database, account_id, "tier", tier and check_name(tier, "a tier's name"))


def set_account_price_list(database: Runner, account_id: str, price_list: str) -> None:
    """Charge an account by a price list; empty by the prices for everybody.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is too long or holds control characters.
    """
    _set(database, account_id, "price_list", price_list and check_name(price_list, "a price list's name"))


def list_price_lists(database: Runner) -> list[str]:
    """The names of the price lists that hold a price, or are to hold one, sorted."""
    sql = """
        SELECT DISTINCT list FROM prices p WHERE list <> '' AND price IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM prices n
            WHERE n.list = p.list AND n.model = p.model AND n.starts_at > p.starts_at AND n.price IS NULL
        )
    """
    return sorted(name for (name,) in database.read(lambda connection: connection.tuples(sql)))


def _set(database: Runner, account_id: str, column: str, value: str, *, ended: bool = False) -> None:
    def change(connection: Connection) -> None:
        sql = f"UPDATE accounts SET {column} = ? WHERE id = ?"  # noqa: S608 - a column of ours
        if account_id == OPERATORS or not connection.execute(sql, (value, account_id)):
            raise _unknown(account_id)
        bump_access(connection)
        if ended:
            end_calls(connection, account_id, "disabled")
        if column == "tier":
            recount_account(connection, account_id)

    database.write(change)


def _unknown(account_id: str) -> NotFound:
    return NotFound(
        f"There is no account {account_id[:40]!r}. `router accounts list` shows all.", code="account_not_found"
    )
