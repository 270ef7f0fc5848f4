"""Pages, files, both JSON APIs and the statement say the same to the last digit, in four time zones.

Also on the days on which clocks are changed, and at the ends of days and months.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from customer_kit import rows_of, table_of
from portal_site import Client, PortalSite, start_portal
from stored_usage import insert_usage

from router.db.connection import Connection
from router.ledger.system import REVENUE
from router.ledger.transfers import Transfer, post
from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

ZONES = ("UTC", "Asia/Ashgabat", "America/New_York", "Europe/Berlin")
FIRST, LAST = date(2025, 3, 1), date(2025, 11, 30)
GIVEN = "100.000000007"
CHANGES = (  # when clocks are changed in America and in Europe: forward, and back
    datetime(2025, 3, 9, 7, tzinfo=UTC),
    datetime(2025, 3, 30, 1, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
    datetime(2025, 11, 2, 6, tzinfo=UTC),
)
MIDNIGHTS = (
    datetime(2025, 5, 31, 19, tzinfo=UTC),  # Ashgabat
    datetime(2025, 5, 31, 22, tzinfo=UTC),  # Berlin
    datetime(2025, 6, 1, tzinfo=UTC),
    datetime(2025, 6, 1, 4, tzinfo=UTC),  # New York
)
"""The ends of days, and of a month."""

Spent = dict[Any, int]
"""Day, or hour -> nano-units."""


@dataclass
class Books:
    """A workspace with past calls.

    Attributes:
        calls: when each was, and what it was charged.
        management: its key for scripts.
    """

    site: PortalSite
    owner: Client
    account: str
    calls: list[tuple[float, int]]
    management: str

    def by(self, place: Callable[[float], Any]) -> Spent:
        """What was charged, by what a moment belongs to."""
        found: Spent = defaultdict(int)
        for at, charge_nano in self.calls:
            found[place(at)] += charge_nano
        return dict(found)

    def csv(self, path: str) -> list[dict[str, str]]:
        """A file's lines."""
        status, _, text = self.owner.get(path)
        assert status == 200, text
        return rows_of(text)

    def json(self, path: str) -> Any:
        """What scripts are told, numbers as they were written."""
        asked = urllib.request.Request(f"{self.site.gateway.url}{path}")
        asked.add_header("Authorization", f"Bearer {self.management}")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read(), parse_float=Decimal, parse_int=Decimal)


def moments() -> Iterator[float]:
    """Around each change of clocks every half hour of two days; a second before and at each midnight."""
    for change in CHANGES:
        for half_hours in range(-48, 49):
            yield change.timestamp() + half_hours * 1800
    for midnight in MIDNIGHTS:
        yield from (midnight.timestamp() - 1, midnight.timestamp())


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder: Path = tmp_path_factory.mktemp("agreement")
    with start_portal(folder, profile="nexgate", proof_of_work=False, free_credit="0") as site:
        owner = Client(site)
        owner.sign_up(name="Olga")
        account = str(site.gateway.router("accounts", "list")[-1]["id"])
        site.gateway.router("credits", "grant", account, GIVEN, "--reason", "a deposit")
        made = site.gateway.router("keys", "create", "--account", account, "--name", "ops", "--management")
        assert owner.post("/app/keys/new", {"name": "production"})[0] == 201
        key = site.gateway.router("keys", "list", "--account", account)[-1]["id"]
        calls = [(at, 1 + number * 1_000_003) for number, at in enumerate(moments())]
        site.gateway.stop()
        write_past(folder, account, str(key), calls)
        site.gateway.start()
        until_up(site)
        yield Books(site, owner, account, calls, str(made["api_key"]))


def write_past(folder: Path, account: str, key: str, calls: list[tuple[float, int]]) -> None:
    """What the line leaves of calls: their rows, their hours, their transfers."""
    words = ("chat", account, key, "echo/echo", "echo", "echo", 200, "ok", "", False)

    def write(connection: Connection) -> None:
        for number, (at, charge_nano) in enumerate(calls):
            record = CallRecord(f"req_{number:06}", at, *words, 7, 3, 0, 0, False, 1, None, charge_nano=charge_nano)
            insert_usage(connection, [record])
            reference = f"req:{record.request_id}"
            post(connection, Transfer(reference, "usage", account, REVENUE, charge_nano, "echo/echo", None, at))

    with closing(open_database("sqlite:///router.db", folder)) as database:
        database.write(write)


def until_up(site: PortalSite) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if site.ask("/healthz")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < deadline, "the portal did not come back"
        time.sleep(0.1)


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, books: Books) -> ZoneInfo:
    """One that the reader has chosen."""
    name = str(request.param)
    status, _, text = books.owner.post("/app/settings", {"name": "Olga", "zone": name, "locale": "en", "theme": ""})
    assert status == 303, text
    return ZoneInfo(name)


def nano(text: str) -> int:
    return int(Decimal(text) * 10**9)


def days_of(zone: ZoneInfo) -> Callable[[float], str]:
    return lambda at: datetime.fromtimestamp(at, zone).date().isoformat()


def hour_of(at: float) -> float:
    return at // 3600 * 3600


def moment_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_ledger_accepts_them(books: Books) -> None:
    assert books.site.gateway.router("ledger", "verify")["ok"] is True
    statement = books.site.gateway.router("credits", "statement", books.account, "--limit", "10000")
    usage = [line for line in statement if line["kind"] == "usage"]
    assert sorted(-nano(line["amount"]) for line in usage) == sorted(charge for _, charge in books.calls)


def test_days_are_those_of_the_reader(books: Books, zone: ZoneInfo) -> None:
    days = books.by(days_of(zone))
    span = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    asked = urlencode(span)
    shown = {row["day"]: nano(row["price_USD"]) for row in books.csv(f"/app/usage.csv?{asked}")}
    assert shown == days
    entries = books.csv("/app/transactions.csv?kind=usage")
    assert {row["day"]: -nano(row["amount"]) for row in entries} == days
    rows = books.csv(f"/app/logs.csv?{asked}")
    logged: Spent = defaultdict(int)
    for row in rows:
        logged[days_of(zone)(moment_of(row["created_at"]))] += nano(row["price"])
    assert (len(rows), dict(logged)) == (len(books.calls), days)
    told = json.loads(books.owner.get(f"/api/usage?{asked}")[2])
    assert {line["day"]: nano(line["price"]) for line in told["data"]} == days
    page = books.owner.get(f"/app/?{asked}")[2]
    names = {
        line[0]: nano(line[2].removeprefix("$")) for line in table_of(page) if len(line) == 3 and line[2][:1] == "$"
    }
    assert names == {named(day): amount for day, amount in days.items()}
    assert str(zone) in page


def named(day: str) -> str:
    when = date.fromisoformat(day)
    return f"{when.day} {when:%b} {when.year}"


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: f"{one:%m-%d}")
def test_hours_are_there_once_on_days_of_23_and_25(books: Books, zone: ZoneInfo, change: datetime) -> None:
    day = change.astimezone(zone).date()
    first, last = day - timedelta(days=1), day + timedelta(days=1)
    asked = urlencode({"per": "hour", "from": first.isoformat(), "to": last.isoformat()})
    rows = books.csv(f"/app/usage.csv?{asked}")
    inside = {
        start: amount
        for start, amount in books.by(hour_of).items()
        if first <= datetime.fromtimestamp(start, zone).date() <= last
    }
    assert len({row["hour"] for row in rows}) == len(rows), "an hour that comes twice is told apart by its offset"
    assert {moment_of(row["hour"]): nano(row["price_USD"]) for row in rows} == inside
    scripts = books.json(f"/api/v1/activity?{urlencode({'from': first, 'to': last, 'group_by': 'hour'})}")["data"]
    told = {moment_of(row["hour"]): nano(row["usage_text"]) for row in scripts}
    assert {start: amount for start, amount in told.items() if start in inside} == {
        start: amount for start, amount in inside.items() if start in told
    }
    assert set(inside) - set(told) == {one for one in inside if not within_utc(one, first, last)}


def within_utc(at: float, first: date, last: date) -> bool:
    return first <= datetime.fromtimestamp(at, UTC).date() <= last


def test_a_day_of_the_logs_holds_what_its_bar_does(books: Books, zone: ZoneInfo) -> None:
    """As one follows the link of a day's usage."""
    for day, amount in books.by(days_of(zone)).items():
        rows = books.csv(f"/app/logs.csv?from={day}&to={day}")
        assert sum(nano(row["price"]) for row in rows) == amount, day


def test_months_add_up(books: Books, zone: ZoneInfo) -> None:
    whole = books.csv("/app/transactions.csv")
    months = sorted({row["day"][:7] for row in whole}, reverse=True)
    assert [row for month in months for row in books.csv(f"/app/transactions.csv?month={month}")] == whole
    spent = books.by(lambda at: f"{datetime.fromtimestamp(at, zone):%Y-%m}")
    for month, amount in spent.items():
        rows = books.csv(f"/app/transactions.csv?month={month}&kind=usage")
        assert -sum(nano(row["amount"]) for row in rows) == amount, month


def test_totals_are_one_number(books: Books, zone: ZoneInfo) -> None:
    spent = sum(charge for _, charge in books.calls)
    told = books.json("/api/v1/credits")["data"]
    assert nano(str(told["total_usage"])) == spent
    entries = books.csv("/app/transactions.csv")
    given = sum(nano(row["amount"]) for row in entries if row["kind"] != "usage")
    balance = given - spent
    assert nano(str(told["total_credits"])) == nano(GIVEN) == given
    assert nano(str(told["balance"])) == nano(entries[0]["balance_after"]) == balance
    money = json.loads(books.owner.get("/api/balance")[2])
    assert (nano(money["used"]), nano(money["balance"])) == (spent, balance)
    asked = urlencode({"from": FIRST.isoformat(), "to": LAST.isoformat()})
    exact = f'title="{Decimal(spent).scaleb(-9).normalize():f} USD"'
    assert exact in books.owner.get(f"/app/usage?{asked}")[2]
    assert f'title="{Decimal(balance).scaleb(-9).normalize():f} USD"' in books.owner.get("/app/")[2]
    assert sum(nano(row["usage_text"]) for row in books.json(f"/api/v1/activity?{asked}")["data"]) == spent
    assert sum(logs_of(books)) == spent


def logs_of(books: Books) -> Iterator[int]:
    """What each call was charged, page by page."""
    after = ""
    while True:
        page = books.json(f"/api/v1/logs?{urlencode({'limit': 100, **({'after': after} if after else {})})}")
        yield from (nano(row["total_cost_text"]) for row in page["data"])
        after = page["next"]
        if after is None:
            return


def test_today_and_this_month_are_those_of_the_reader(books: Books, zone: ZoneInfo) -> None:
    page = books.owner.get("/app/")[2]
    found = re.findall(r"<dt>Spent (today|this month)</dt><dd class=\"figure\"><span title=\"([\d.]+) USD\"", page)
    assert [(what, nano(amount)) for what, amount in found] == [("today", 0), ("this month", 0)]
