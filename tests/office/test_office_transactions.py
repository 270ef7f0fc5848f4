"""Customers' transactions: days of usage between transfers, and every balance accounts for all that is below it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from office_kit import ADA
from stored_usage import insert_usage

from router.db.connection import Connection
from router.errors import BadRequest, NotFound
from router.ledger.balances import balance
from router.ledger.system import REVENUE
from router.ledger.transfers import Transfer, post
from router.office import credits
from router.office.customers.transactions import Entry, EntryQuery, export_entries, list_entries
from router.office.office import Office
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

ASHGABAT = ZoneInfo("Asia/Ashgabat")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC).timestamp()


def spend(office: Office, account: str, number: int, at: float, charge_nano: int) -> None:
    """What the line leaves of a call: its row, its hour, its transfer."""
    words = ("chat", account, "key_1", "echo/echo", "echo", "echo", 200, "ok", "", False)
    record = CallRecord(f"req_{number:06}", at, *words, 1, 1, 0, 0, False, 1, None, charge_nano=charge_nano)

    def write(connection: Connection) -> None:
        insert_usage(connection, [record])
        if charge_nano:
            made = Transfer(f"req:{record.request_id}", "usage", account, REVENUE, charge_nano, "echo/echo", None, at)
            post(connection, made)

    office.database.write(write)


def move(office: Office, account: str, at: float, amount_nano: int, reference: str) -> None:
    """A grant, or below zero an adjustment, at a time of the test's choosing."""
    sides = ("@grants", account) if amount_nano > 0 else (account, "@adjustments")
    made = Transfer(reference, "grant" if amount_nano > 0 else "adjustment", *sides, abs(amount_nano), "why", None, at)
    office.database.write(lambda connection: post(connection, made))


@pytest.fixture
def busy(office: Office, account: str) -> str:
    """Three weeks: a grant, usage on most days, corrections between them."""
    move(office, account, NOON, 1_000_000, "grant:first")
    number = 0
    for day in range(1, 21):
        for hour in (0, 5, 11):
            number += 1
            spend(office, account, number, NOON + day * DAY + hour * 3600, 0 if day == 7 else 100 + number)
        if day % 5 == 0:
            move(office, account, NOON + day * DAY + 7200, -7, f"adjust:{day}")
    move(office, account, NOON + 20 * DAY + 40_000, 500, "grant:last")
    return account


def everything(office: Office, account: str, query: EntryQuery) -> list[Entry]:
    return [*export_entries(office, account, query)]


@pytest.mark.parametrize("zone", [UTC, ASHGABAT, BERLIN, ZoneInfo("Asia/Kathmandu")], ids=str)
def test_each_balance_is_what_lies_below_it(office: Office, busy: str, zone: ZoneInfo) -> None:
    found = everything(office, busy, EntryQuery(zone))
    assert found[0].balance_nano == balance(office.database, busy).balance
    below = 0
    for entry in reversed(found):
        below += entry.change_nano
        assert entry.balance_nano == below
    assert [one.day for one in found] == sorted((one.day for one in found), reverse=True)
    usage = [one for one in found if one.kind == "usage"]
    assert len({one.day for one in usage}) == len(usage)
    assert sum(one.change_nano for one in usage) == -sum(100 + n for n in range(1, 61) if n not in (19, 20, 21))
    assert 0 not in [one.change_nano for one in usage]
    assert [one.reference for one in found if one.kind == "grant"] == ["grant:last", "grant:first"]


def test_a_days_usage_stands_at_its_end_in_the_readers_zone(office: Office, account: str) -> None:
    move(office, account, NOON, 1000, "g")
    spend(office, account, 1, NOON + 7 * 3600 - 1, 10)  # 23:59:59 in Ashgabat
    spend(office, account, 2, NOON + 7 * 3600, 20)  # and midnight
    told = [(one.day, one.change_nano, one.balance_nano) for one in everything(office, account, EntryQuery(ASHGABAT))]
    first, second = date(2026, 10, 20), date(2026, 10, 21)
    assert told == [(second, -20, 970), (first, -10, 990), (first, 1000, 1000)]
    assert [one.change_nano for one in everything(office, account, EntryQuery(UTC))] == [-30, 1000]


def test_pages_follow_one_another_without_a_gap(office: Office, busy: str) -> None:
    query = EntryQuery(ASHGABAT)
    whole = everything(office, busy, query)
    pages: list[Entry] = []
    before = ""
    while True:
        page = list_entries(office, busy, query, before=before, limit=3)
        assert len(page.entries) == 3 or not page.next
        pages += page.entries
        before = page.next
        if not before:
            break
    assert pages == whole


def test_a_page_stays_where_it_is_when_more_happens(office: Office, busy: str) -> None:
    query = EntryQuery(UTC)
    first = list_entries(office, busy, query, limit=4)
    rest = list_entries(office, busy, query, before=first.next, limit=4)
    credits.grant_credit(office, ADA, busy, 77, reason="later")
    spend(office, busy, 900, NOON + 30 * DAY, 5)
    assert list_entries(office, busy, query, before=first.next, limit=4) == rest


def test_months_and_kinds_keep_the_balances_of_the_whole_list(office: Office, busy: str) -> None:
    whole = everything(office, busy, EntryQuery(UTC))
    begin, end = (datetime(2026, month, 1, tzinfo=UTC).timestamp() for month in (11, 12))
    november = [one for one in whole if one.day.month == 11]
    october = [one for one in whole if one.day.month == 10]
    assert november
    assert everything(office, busy, EntryQuery(UTC, since=begin, until=end)) == november
    assert everything(office, busy, EntryQuery(UTC, until=begin)) == october
    kinds = ("adjustment", "refund")
    assert everything(office, busy, EntryQuery(UTC, kinds)) == [one for one in whole if one.kind in kinds]
    assert everything(office, busy, EntryQuery(UTC, ("usage",), begin, end)) == [
        one for one in november if one.kind == "usage"
    ]


def test_a_return_of_a_call_is_part_of_its_usage(office: Office, account: str) -> None:
    move(office, account, NOON, 1000, "g")
    spend(office, account, 1, NOON + 60, 30)
    back = Transfer("back:req_000001:ok", "return", REVENUE, account, 12, "echo/echo", "req:req_000001", NOON + 90)

    def correct(connection: Connection) -> None:
        post(connection, back)
        connection.execute("UPDATE usage_hours SET charge_nano = charge_nano - 12")

    office.database.write(correct)
    found = everything(office, account, EntryQuery(UTC))
    assert [(one.kind, one.change_nano, one.balance_nano) for one in found] == [
        ("usage", -18, 982),
        ("grant", 1000, 1000),
    ]


def test_what_is_none_is_refused(office: Office, account: str) -> None:
    with pytest.raises(NotFound, match="no account"):
        list_entries(office, "acct_none", EntryQuery(UTC))
    for text in ("x", "1", "1.2026-13-01", "1.0001-01-01", "-1.", "1.2026-01-01.", "9" * 25 + "."):
        with pytest.raises(BadRequest, match="no place in this list"):
            list_entries(office, account, EntryQuery(UTC), before=text)
    page = list_entries(office, account, EntryQuery(UTC), before=f"{'9' * 19}.2026-01-01")
    assert (page.entries, page.next) == ([], "")


def test_the_newest_page_reads_ends_of_indexes(office: Office, busy: str) -> None:
    if office.database.engine != "sqlite":
        pytest.skip("the planner of PostgreSQL scans so small a table")
    from router.ledger import statement

    half = (busy, 1, 0.0, 1e12, 5)
    plan = office.database.read(
        lambda connection: connection.tuples(f"EXPLAIN QUERY PLAN {statement._OTHERS}", (*half, *half, 5))
    )
    text = " ".join(str(row[-1]) for row in plan)
    assert "transfers_other" in text
    assert "transfers_credit" in text
    assert "SCAN transfers" not in text
