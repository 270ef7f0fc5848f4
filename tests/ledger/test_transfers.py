"""Granting, adjusting, refunding: what is posted, what is refused, what becomes of many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peewee
import pytest

from router.db.database import Database
from router.errors import BadRequest, Conflict, NotFound, RouterError
from router.ledger import transfers
from router.ledger.balances import Balance, balance
from router.ledger.system import REVENUE
from router.ledger.transfers import AMOUNT_MAX_NANO, Transfer, adjust, grant, post, refund
from router.money.amounts import INT64_MAX, NANO
from router.store.accounts import Account, create_account
from router.store.audit import AuditEntry
from router.store.opening import open_database


def charge(database: Database, account: Account, request_id: str, amount_nano: int) -> Transfer:
    transfer = Transfer(f"req:{request_id}", "usage", account.id, REVENUE, amount_nano, "openai/gpt-4o")
    return database.write(lambda connection: post(connection, transfer))


def rows(database: Database, table: str = "transfers") -> int:
    return len(database.read(lambda connection: connection.tuples(f"SELECT 1 FROM {table}")))


def test_a_new_account_has_nothing(database: Database, account: Account) -> None:
    assert balance(database, account.id) == Balance(0, 0, 0)
    with pytest.raises(NotFound, match="no account 'acct_none'"):
        balance(database, "acct_none")


def test_a_grant_is_posted_with_the_balance_that_it_led_to(database: Database, account: Account) -> None:
    first = grant(database, account.id, 5 * NANO, reason="welcome", reference="w-1")
    assert (first.reference, first.kind, first.debit, first.credit) == ("grant:w-1", "grant", "@grants", account.id)
    assert (first.balance_nano, first.reason) == (5 * NANO, "welcome")
    second = grant(database, account.id, 1, reason="more")
    assert second.balance_nano == 5 * NANO + 1
    assert second.seq > first.seq > 0
    assert second.reference != grant(database, account.id, 1, reason="more").reference
    assert balance(database, account.id).balance == 5 * NANO + 2


def test_an_adjustment_goes_both_ways_and_never_below_zero(database: Database, account: Account) -> None:
    up = adjust(database, account.id, 7, reason="found")
    assert (up.debit, up.credit, up.change_nano(account.id)) == ("@adjustments", account.id, 7)
    down = adjust(database, account.id, -3, reason="lost")
    assert (down.debit, down.credit, down.change_nano(account.id)) == (account.id, "@adjustments", -3)
    with pytest.raises(BadRequest, match=r"has 0\.000000004 available: 0\.000000005 cannot be taken"):
        adjust(database, account.id, -5, reason="too much")
    assert balance(database, account.id) == Balance(7, 3, 0)
    adjust(database, account.id, -4, reason="all of it")
    assert balance(database, account.id).balance == 0


def test_what_calls_hold_cannot_be_taken(database: Database, account: Account) -> None:
    grant(database, account.id, 10, reason="ten")
    database.write(lambda connection: connection.execute("UPDATE balances SET held = 8"))
    with pytest.raises(BadRequest, match=r"0\.000000002 available \(0\.00000001 less 0\.000000008 held by calls\)"):
        adjust(database, account.id, -3, reason="held")
    assert adjust(database, account.id, -2, reason="free").balance_nano == 8
    assert balance(database, account.id) == Balance(10, 2, 8)


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX_NANO + 1, INT64_MAX, 10**30])
def test_absurd_amounts_are_refused_and_nothing_is_written(database: Database, account: Account, amount: int) -> None:
    with pytest.raises(BadRequest, match="above"):
        grant(database, account.id, amount, reason="absurd")
    assert rows(database) == 0
    assert balance(database, account.id) == Balance()


def test_what_an_account_was_ever_given_fits_the_column(database: Database, account: Account) -> None:
    for number in range(9):
        grant(database, account.id, AMOUNT_MAX_NANO, reason=f"billion {number}")
    with pytest.raises(BadRequest, match=r"more than 9223372036\.854775807 in all"):
        grant(database, account.id, AMOUNT_MAX_NANO, reason="one too many")
    assert balance(database, account.id).balance == 9 * AMOUNT_MAX_NANO


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines", "nul\0"])
def test_a_reason_is_one_line_of_text(database: Database, account: Account, reason: str) -> None:
    for post_one in (
        lambda: grant(database, account.id, 1, reason=reason),
        lambda: adjust(database, account.id, 1, reason=reason),
        lambda: refund(database, "req_1", reason=reason),
    ):
        with pytest.raises(BadRequest, match="A reason must"):
            post_one()
    assert rows(database) == 0


def test_unknown_accounts_and_system_accounts_are_refused(database: Database, account: Account) -> None:
    with pytest.raises(NotFound, match="no account 'acct_none'"):
        grant(database, "acct_none", 1, reason="whom?")
    with pytest.raises(ValueError, match="between a customer and a system account"):
        grant(database, "@revenue", 1, reason="ours")
    assert rows(database) == 0


def test_a_reference_is_used_once_by_anybody(database: Database, account: Account) -> None:
    other = create_account(database, "Other")
    grant(database, account.id, 5, reason="once", reference="invoice 7")
    for again in (account, other):
        with pytest.raises(Conflict, match="'grant:invoice 7' already"):
            grant(database, again.id, 5, reason="twice", reference="invoice 7")
    assert adjust(database, other.id, 5, reason="of another kind", reference="invoice 7").balance_nano == 5
    assert balance(database, account.id).balance == 5


def test_a_refund_gives_back_the_rest_or_a_part(database: Database, account: Account) -> None:
    grant(database, account.id, 100, reason="hundred")
    charge(database, account, "req_1", 60)
    part = refund(database, "req_1", 25, reason="slow")
    assert (part.reference, part.about, part.debit, part.balance_nano) == ("refund:req_1:1", "req:req_1", REVENUE, 65)
    with pytest.raises(BadRequest, match=r"at most 0\.000000035 can be refunded, not 0\.000000036"):
        refund(database, "req_1", 36, reason="too much")
    rest = refund(database, "req_1", reason="all of it")
    assert (rest.reference, rest.amount_nano, rest.balance_nano) == ("refund:req_1:2", 35, 100)
    for amount in (None, 1):
        with pytest.raises(BadRequest, match="nothing left to refund"):
            refund(database, "req_1", amount, reason="again")
    for amount in (0, -1):
        charge(database, account, f"req_{amount}", 10)
        with pytest.raises(BadRequest, match="must be above zero"):
            refund(database, f"req_{amount}", amount, reason="less than nothing")


def test_only_a_charge_can_be_refunded(database: Database, account: Account) -> None:
    grant(database, account.id, 100, reason="hundred", reference="x")
    for request_id in ("req_none", "grant:x", "", "x" * 500):
        with pytest.raises(NotFound, match="Nothing was charged for a call"):
            refund(database, request_id, reason="what?")


def test_many_at_once_lose_and_invent_nothing(database_url: str, database: Database, account: Account) -> None:
    grant(database, account.id, 50, reason="fifty")
    others = [open_database(database_url, Path()) for _ in range(2)]
    databases = [database, *others]

    def move(number: int) -> int:
        try:
            adjust(databases[number % 3], account.id, -3 if number % 2 else 2, reason=f"move {number}")
        except BadRequest:
            return 0
        return -3 if number % 2 else 2

    try:
        with ThreadPoolExecutor(8) as pool:
            moved = sum(pool.map(move, range(120)))
    finally:
        for other in others:
            other.close()
    found = balance(database, account.id)
    assert found.balance == 50 + moved
    last = database.read(
        lambda connection: connection.row("SELECT balance_nano FROM transfers ORDER BY seq DESC LIMIT 1")
    )
    assert last == {"balance_nano": found.balance}


@pytest.mark.parametrize("same_account", [True, False])
def test_of_several_with_one_reference_one_wins(
    database_url: str, database: Database, account: Account, same_account: bool
) -> None:
    accounts = [account.id, account.id if same_account else create_account(database, "Other").id]
    databases = [open_database(database_url, Path()) for _ in range(4)]

    def try_it(number: int) -> str:
        try:
            grant(databases[number % 4], accounts[number % 2], 5, reason="race", reference="one")
        except RouterError as error:
            return str(error.code)
        return "made"

    try:
        with ThreadPoolExecutor(8) as pool:
            outcomes = sorted(pool.map(try_it, range(16)))
    finally:
        for one in databases:
            one.close()
    assert outcomes == ["made", *["reference_used"] * 15]
    assert sum(balance(database, one).balance for one in set(accounts)) == 5


def test_of_many_refunds_at_once_no_more_than_the_charge_is_given_back(database: Database, account: Account) -> None:
    grant(database, account.id, 100, reason="hundred")
    charge(database, account, "req_1", 10)

    def try_it(_: int) -> int:
        try:
            return refund(database, "req_1", 3, reason="race").amount_nano
        except BadRequest:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_it, range(12))) == 9
    assert balance(database, account.id).balance == 99


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transfers SET amount_nano = 6",
        "DELETE FROM transfers",
        "UPDATE balances SET debits = 6",
        "UPDATE balances SET held = 6",
        "UPDATE balances SET held = -1",
        "UPDATE balances SET credits = 4, held = 5",
        "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at) "
        "VALUES ('a', 'grant', '@grants', 'x', 0, 0, '', 0)",
        "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at) "
        "VALUES ('a', 'grant', '@grants', '@grants', 1, 0, '', 0)",
        "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at) "
        "VALUES ('a', 'grant', '@grants', 'x', 1, -1, '', 0)",
        "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at) "
        "VALUES ('grant:g', 'grant', '@grants', 'x', 1, 1, '', 0)",
        "INSERT INTO buckets (id, window_start, used, held) VALUES ('b', 0, -1, 0)",
        "INSERT INTO buckets (id, window_start, used, held) VALUES ('b', 0, 0, -1)",
        "INSERT INTO balances (account_id) VALUES ('nobody')",
    ],
)
def test_the_database_itself_forbids_what_must_never_be(database: Database, account: Account, sql: str) -> None:
    grant(database, account.id, 5, reason="five", reference="g")
    with pytest.raises((peewee.PeeweeException, RouterError)):
        database.write(lambda connection: connection.execute(sql))
    assert balance(database, account.id) == Balance(5, 0, 0)
    assert rows(database) == 1


def test_money_is_audited_in_its_own_transaction(
    database: Database, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def refuse(connection: object, entry: AuditEntry) -> None:
        seen.append(entry.detail["made"])
        raise BadRequest("the log is full")

    monkeypatch.setattr(transfers, "insert_audit", refuse)
    with pytest.raises(BadRequest, match="the log is full"):
        grant(database, account.id, 5, reason="five", reference="g")
    assert seen == ["grant:g"]
    assert rows(database) == 0
