"""``verify``: silent over a sound ledger, under load too; and each kind of damage is found and named."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from books import NOW, fill, record, settle, take
from stored_usage import insert_usage

from router.db.connection import Connection
from router.db.database import Database
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Capture
from router.ledger.transfers import AMOUNT_MAX_NANO, adjust, grant
from router.ledger.verify import CHECKS, verify
from router.metering.usage_rows import prune_usage
from router.money.amounts import NANO
from router.store.accounts import Account, create_account


def failed(database: Database) -> dict[str, str]:
    checks = verify(database)
    assert [check.name for check in checks] == list(CHECKS)
    assert all(bool(check.detail) is not check.ok for check in checks)
    return {check.name: check.detail for check in checks if not check.ok}


def test_a_new_database_is_sound(database: Database) -> None:
    assert failed(database) == {}


def test_a_ledger_with_everything_in_it_is_sound(database: Database, account: Account) -> None:
    fill(database, account.id)
    short = create_account(database, "Short")
    grant(database, short.id, 10, reason="little")
    written = settle(database, take(database, short.id, "req_short", 10), 25)
    assert (written.charge_nano, written.shortfall_nano) == (10, 15)
    assert settle(database, take(database, short.id, "req_nothing", 0), 5).charge_nano == 0
    assert failed(database) == {}


def test_sums_beyond_64_bits_are_summed(database: Database) -> None:
    for number in range(3):
        rich = create_account(database, f"Rich {number}")
        for _ in range(9):
            grant(database, rich.id, AMOUNT_MAX_NANO - 1, reason="a billion")
    assert failed(database) == {}
    database.write(lambda connection: connection.execute("UPDATE balances SET credits = credits - 1"))
    assert set(failed(database)) == {"debits_equal_credits", "balances_equal_transfers", "lots_equal_balances"}


DAMAGES: dict[str, tuple[str, set[str]]] = {
    "more credit": ("UPDATE balances SET credits = credits + 5", {"debits_equal_credits", "balances_equal_transfers"}),
    "less debit": (
        "UPDATE balances SET debits = debits - 5",
        {"debits_equal_credits", "balances_equal_transfers", "lots_equal_balances"},
    ),
    "both alike": (
        "UPDATE balances SET debits = debits + 5, credits = credits + 5",
        {"balances_equal_transfers"},
    ),
    "a transfer gone": (
        "DELETE FROM transfers WHERE reference = 'req:req_1'",
        {
            "debits_equal_credits",
            "balances_equal_transfers",
            "running_balances",
            "usage_equals_charges",
            "refunds_within_charges",
            "transfers_chained",
        },
    ),
    "another amount": (
        "UPDATE transfers SET amount_nano = 81 WHERE reference = 'req:req_2'",
        {
            "debits_equal_credits",
            "balances_equal_transfers",
            "running_balances",
            "usage_equals_charges",
            "transfers_chained",
        },
    ),
    "another balance": (
        "UPDATE transfers SET balance_nano = 1 WHERE reference = 'req:req_2'",
        {"running_balances", "transfers_chained"},
    ),
    "another side": (
        "UPDATE transfers SET credit = '@grants' WHERE reference = 'req:req_2'",
        {"debits_equal_credits", "transfers_chained"},
    ),
    "a hold gone": ("DELETE FROM holds WHERE id = 'req_3'", {"held_equals_open_holds"}),
    "less held": ("UPDATE balances SET held = held - 1", {"held_equals_open_holds"}),
    "a bucket's held": (
        "UPDATE buckets SET held = held + 1 WHERE id = 'windows:requests:key_1'",
        {"held_equals_open_holds"},
    ),
    "a bucket gone": ("DELETE FROM buckets WHERE id = 'host:budget:key_1'", {"held_equals_open_holds"}),
    "another charge": (
        "UPDATE usage SET charge_nano = 79 WHERE request_id = 'req_2'",
        {"usage_equals_charges", "hours_equal_rows"},
    ),
    "a charge from nowhere": (
        "UPDATE usage SET charge_nano = 1 WHERE request_id = 'req_free'",
        {"usage_equals_charges", "hours_equal_rows"},
    ),
    "another's charge": (
        "UPDATE usage SET account_id = 'acct_2' WHERE request_id = 'req_2'",
        {"usage_equals_charges", "hours_equal_rows"},
    ),
    "a row gone": ("DELETE FROM usage WHERE request_id = 'req_2'", {"usage_equals_charges", "hours_equal_rows"}),
    "a shortfall from nowhere": (
        "UPDATE usage SET shortfall_nano = 1 WHERE request_id = 'req_2'",
        {"shortfalls_match"},
    ),
    "a refund above the charge": (
        "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, about, reason, created_at) "
        "SELECT 'refund:req_1:2', 'refund', debit, credit, 51, balance_nano + 51, about, '', 1 FROM transfers "
        "WHERE reference = 'refund:req_1:1'",
        {"debits_equal_credits", "balances_equal_transfers", "refunds_within_charges", "transfers_chained"},
    ),
    "a refund of nothing": (
        "UPDATE transfers SET about = 'req:req_none' WHERE reference = 'refund:req_1:1'",
        {"refunds_within_charges", "transfers_chained"},
    ),
    "another reason": ("UPDATE transfers SET reason = 'for me' WHERE kind = 'grant'", {"transfers_chained"}),
    "the last transfer gone, and its money with it": (
        "DELETE FROM transfers WHERE reference = 'refund:req_1:1'",
        {"debits_equal_credits", "balances_equal_transfers", "transfers_chained", "audit_matches_transfers"},
    ),
    "more tokens": ("UPDATE usage SET completion_tokens = 2 WHERE request_id = 'req_free'", {"hours_equal_rows"}),
    "an hour's tokens": ("UPDATE usage_hours SET prompt_tokens = prompt_tokens - 1", {"hours_equal_rows"}),
    "a total's charge": ("UPDATE usage_totals SET charge_nano = charge_nano + 1", {"hours_equal_rows"}),
    "an hour gone": ("DELETE FROM usage_hours", {"hours_equal_rows"}),
    "less used": ("UPDATE buckets SET used = used - 1 WHERE id = 'host:budget:key_1'", {"buckets_unchanged"}),
    "another entry": ("UPDATE audit SET actor = 'nobody' WHERE seq = 1", {"audit_chained"}),
    "an entry gone": ("DELETE FROM audit WHERE seq = 1", {"audit_chained", "audit_matches_transfers"}),
    "the last entry gone": (
        "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)",
        {"audit_chained", "audit_matches_transfers"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_damage_is_found(
    database: Database, account: Account, tamper: Callable[..., None], damage: str
) -> None:
    fill(database, account.id)
    sql, names = DAMAGES[damage]
    tamper(sql)
    assert set(failed(database)) == names


REPLACED = {
    "sqlite": [
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE seq = 1",
        "REPLACE INTO {table} SELECT * FROM {table}",
        "UPDATE OR REPLACE {table} SET seq = 2 WHERE seq = 1",
    ],
    "postgresql": ["TRUNCATE {table}", "TRUNCATE {table} CASCADE"],
}


@pytest.mark.parametrize("table", ["transfers", "audit"])
def test_what_is_only_added_to_cannot_be_replaced_or_emptied(database: Database, account: Account, table: str) -> None:
    fill(database, account.id)
    for sql in REPLACED[database.engine]:
        with pytest.raises(Exception, match="never changed"):
            database.write(lambda connection, sql=sql: connection.execute(sql.format(table=table)))  # type: ignore[misc]
    assert failed(database) == {}


def test_a_shortfall_without_its_row_is_found(
    database: Database, account: Account, tamper: Callable[..., None]
) -> None:
    grant(database, account.id, 10, reason="little")
    settle(database, take(database, account.id, "req_short", 10), 25)
    tamper("UPDATE usage SET shortfall_nano = 0")
    assert failed(database)["shortfalls_match"] == "short:req_short: 0.000000015, its row says 0"
    tamper("DELETE FROM usage")
    assert failed(database)["shortfalls_match"] == "short:req_short: 0.000000015, its row says nothing"


def test_a_reference_that_stands_twice_is_found(database: Database, account: Account) -> None:
    fill(database, account.id)

    def twice(connection: Connection) -> None:
        connection.execute("ALTER TABLE transfers RENAME TO sound")
        connection.execute("CREATE TABLE transfers AS SELECT * FROM sound")
        connection.execute("UPDATE transfers SET reference = 'req:req_1' WHERE reference = 'grant:credit'")

    database.write(twice)
    assert failed(database)["references_unique"] == "req:req_1: 2 transfers"


def test_a_negative_balance_is_found(database: Database, account: Account) -> None:
    def unchecked(connection: Connection) -> None:
        connection.execute("ALTER TABLE balances RENAME TO sound")
        connection.execute("CREATE TABLE balances AS SELECT * FROM sound")
        connection.execute("UPDATE balances SET debits = 5")

    database.write(unchecked)
    assert f"account {account.id}: 0 in, 0.000000005 out" in failed(database)["no_negative_balance"]


def test_of_many_offences_some_are_told(database: Database, account: Account, tamper: Callable[..., None]) -> None:
    grant(database, account.id, 1000, reason="credit")
    for number in range(12):
        settle(database, take(database, account.id, f"req_{number:02}", 10), 10)
    tamper("UPDATE usage SET charge_nano = 11")
    detail = failed(database)["usage_equals_charges"]
    assert detail.count("its row says") == 5
    assert detail.endswith("; and more")


def test_pruned_rows_are_no_alarm(database: Database, account: Account, tamper: Callable[..., None]) -> None:
    fill(database, account.id)
    later = NOW + 90_000
    written = record("req_later", account.id, created_at=later)
    held = take(database, account.id, "req_later", 10, now=later)
    operation = Capture(held, [1, 40, 5, 0], record("req_later", account.id, 5, created_at=later))
    database.write(lambda connection: LedgerBatch(lambda: later)(connection, [operation]))
    assert prune_usage(database, NOW + 1) == 3
    assert failed(database) == {}
    tamper("DELETE FROM usage")
    assert "req:req_later" in failed(database)["usage_equals_charges"]
    database.write(lambda connection: insert_usage(connection, [written]))
    assert "req:req_later: 0.000000005, its row says 0" in failed(database)["usage_equals_charges"]


def test_there_is_no_false_alarm_under_load(database: Database, account: Account) -> None:
    grant(database, account.id, 100 * NANO, reason="much")

    def work(numbers: range) -> None:
        for number in numbers:
            settle(database, take(database, account.id, f"req_{number}", 7), 5)
            adjust(database, account.id, -1 if number % 2 else 1, reason="noise")

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work, range(first, first + 40)) for first in (0, 100)]
        while not all(one.done() for one in working):
            assert failed(database) == {}
        for one in working:
            one.result()
    assert failed(database) == {}
