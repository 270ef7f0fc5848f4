"""Statements: complete, in order, page by page, and read from the ends of two indexes at any depth."""

from __future__ import annotations

from typing import Any

import pytest
from books import fill

from router.db.connection import Connection
from router.db.database import Database
from router.errors import NotFound
from router.ledger.statement import statement
from router.ledger.transfers import grant
from router.store.accounts import Account, create_account

MANY = 20_000


def test_it_tells_every_transfer_newest_first(database: Database, account: Account) -> None:
    other = create_account(database, "Other")
    grant(database, other.id, 5, reason="not ours")
    fill(database, account.id)
    lines = statement(database, account.id)
    assert [(line.kind, line.change_nano(account.id), line.balance_nano) for line in lines] == [
        ("refund", 20, 870),
        ("usage", -80, 850),
        ("usage", -70, 930),
        ("adjustment", -100, 1000),
        ("grant", 1100, 1100),
    ]
    assert [line.reason for line in statement(database, other.id)] == ["not ours"]
    with pytest.raises(NotFound, match="no account '@revenue'"):
        statement(database, "@revenue")


def test_pages_follow_one_another(database: Database, account: Account) -> None:
    fill(database, account.id)
    whole = statement(database, account.id)
    pages = []
    before = None
    while page := statement(database, account.id, before=before, limit=2):
        pages += page
        before = page[-1].seq
    assert pages == whole
    for absurd in (0, -1):
        assert statement(database, account.id, before=absurd) == statement(database, account.id, limit=absurd) == []
    assert statement(database, account.id, before=2**70, limit=10**9) == whole


def test_a_page_at_any_depth_is_read_from_the_indexes(database: Database, account: Account) -> None:
    """Accounts with much and with little, among calls by the thousand that all credit one account."""
    rare = create_account(database, "Rare")
    fill_many(database, account.id, rare.id)
    grant(database, rare.id, 5, reason="after them")
    for one, before in ((account.id, None), (account.id, MANY // 2), (rare.id, None), (rare.id, 100)):
        found = statement(database, one, before=before, limit=50)
        assert len(found) == (50 if one == account.id else 2 if before is None else 1)
    for one in (account.id, rare.id):
        plan = database.read(lambda connection, one=one: explained(connection, one))
        assert "Seq Scan" not in plan
        assert "SCAN transfers" not in plan


def fill_many(database: Database, busy: str, rare: str) -> None:
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
    columns = "reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at"

    def write(connection: Connection) -> None:
        connection.execute(f"INSERT INTO transfers ({columns}) VALUES ('g', 'grant', '@grants', '{rare}', 9, 9, '', 1)")
        connection.execute(
            f"INSERT INTO transfers ({columns}) {numbers} "
            f"SELECT 'req:' || i, 'usage', '{busy}', '@revenue', 1, {MANY} - i, 'm', i FROM n"
        )
        connection.execute("ANALYZE")

    database.write(write)


def explained(connection: Connection, account: str) -> str:
    from router.ledger import statement as module

    explain = "EXPLAIN QUERY PLAN " if connection.engine == "sqlite" else "EXPLAIN "
    params: tuple[Any, ...] = (account, MANY, 50, account, MANY, 50, 50)
    return str(connection.tuples(explain + module._PAGE, params))
