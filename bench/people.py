"""Accounts with past calls, and people who look at them: the crowd of ``bench.portal``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from bench.clicking import Person
from bench.gateway import OurGateway
from bench.past import Mix, owners_of_all
from router.app.start import assemble
from router.db.database import Database
from router.db.ids import new_id
from router.money.amounts import NANO
from router.office.actor import GATEWAY
from router.office.office import Office
from router.office.payments.refunds import record_payment
from router.office.people.people import person_of
from router.office.people.records import Visit
from router.office.people.sessions import open_session
from router.portal.all_pages import ALL_PAGES
from router.portal.web.pages import PageRoute
from router.store.keys import create_key
from router.store.people.members import insert_member
from router.store.people.people import PersonRow, insert_person
from router.store.webhooks.endpoints import EndpointRow, insert_endpoint, new_endpoint_id

__all__ = ["BIG", "Crowd", "make_crowd"]

BIG = "the big account"
"""What pages of people in it are marked with."""

_BIG_KEYS = 20
_BIG_SHARE, _BIG_PEOPLE = 2, 5
"""Of how many calls, and of how many people, one is the big account's."""
_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3")
_FAILING = 997
_PUBLIC = ("/app/models", "/app/models/<path:model_id>", "/app/docs")
_NOT_CLICKED = ("/app/logs.csv", "/app/settings/export", "/app/topup/review", "/app/topups.csv", "/app/verify")
"""A file of all calls of a week is no page: it is sent as it is read, however long it is. Whoever has proved an address
is led on from the page that asks for it, and what a payment costs is shown of an amount that was typed."""
_VARIANTS = (
    *("/app/?range=90d&show=calls", "/app/usage?by=model&range=90d", "/app/usage?by=key&per=hour&range=7d"),
    *("/app/usage?range=last-month", "/app/logs?range=30d", "/app/logs?status=failed&range=30d"),
    *(
        "/app/logs?model=openai/gpt-4.1&range=30d",
        "/app/logs?key={key_id}&range=30d",
        "/app/logs?error=none_such&range=30d",
    ),
    *("/app/logs?before={request_id}&range=30d", "/app/transactions?kind=grant", "/app/transactions?kind=usage"),
)
"""The same pages, asked for otherwise."""


@dataclass(frozen=True)
class _Seat:
    """Somebody, before there is anything to see."""

    cookie: str
    account: str
    key: str
    topup: str
    webhook: str
    big: bool


@dataclass(frozen=True)
class Crowd:
    """Who there is.

    Attributes:
        mix: whose past calls are.
    """

    mix: Mix
    seats: Sequence[_Seat]

    def with_pages(self, database: Database) -> list[Person]:
        """Everybody, with addresses of what there is in their account."""
        people = []
        for seat in self.seats:
            call = _early_call(database, seat.account)
            values = {"key_id": seat.key, "request_id": call, "model_id": "openai/gpt-4o", "topup_id": seat.topup}
            values["webhook_id"] = seat.webhook
            pages = {_named(path): _filled(path, values) for path in _paths()}
            people.append(Person(seat.cookie, pages, BIG if seat.big else ""))
        return people


def make_crowd(gateway: OurGateway, database: Database, people: int) -> Crowd:
    """Add people to a gateway's accounts, the first of which has half of all calls and a fifth of the people."""
    owners = owners_of_all(database)
    big = owners[0][0]
    keys = [create_key(database, big, f"key {number}")[0].id for number in range(_BIG_KEYS)]
    mixed = [one for pair in zip(_again(big, keys), owners, strict=False) for one in pair]
    with closing(assemble(gateway.folder / "router.toml", gateway.environment())) as assembly:
        seats = []
        for number in range(people):
            is_big = number % _BIG_PEOPLE == 0
            account, key = (big, keys[0]) if is_big else owners[1 + number % (len(owners) - 1)]
            cookie, topup = _log_in(assembly.office, account, number), _pay(assembly.office, account, number)
            seats.append(_Seat(cookie, account, key, topup, _hook(database, account), is_big))
    return Crowd(Mix(mixed, _MODELS, _FAILING), seats)


def _again(account: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    while True:
        for key in keys:
            yield account, key


def _pay(office: Office, account: str, number: int) -> str:
    """A payment of an account's; its ID."""
    reference = f"transfer {number}"
    return record_payment(office, GATEWAY, account, 10 * NANO, reference=reference, reason="a bench's").id


def _hook(database: Database, account: str) -> str:
    """A webhook of an account's that is switched off; its ID."""
    named = (new_endpoint_id(), account, "https://example.org/events", "", (), "disabled", "", "")
    row = EndpointRow(*named, None, None, 20, 0, None, time.time(), "bench")
    insert_endpoint(database, row)
    return row.id


def _log_in(office: Office, account: str, number: int) -> str:
    """A new owner of an account; the cookie."""
    now, email = time.time(), f"person{number}@example.org"
    row = PersonRow(
        id=new_id("pers"),
        email=email,
        email_key=email,
        name=f"Person {number}",
        password="",
        locale="",
        zone="Asia/Ashgabat",
        theme="system",
        status="active",
        operator=False,
        verified_at=now,
        created_at=now,
        seen_at=now,
    )
    insert_person(office.database, row)
    insert_member(office.database, account, row.id, "owner", now)
    text = open_session(office, person_of(row), Visit("127.0.0.1", "bench", "en"), complete=True)
    return f"__Host-s={text}"


def _early_call(database: Database, account: str) -> str:
    """One of an account's first calls: a page that goes on from it is the last of many."""
    sql = "SELECT request_id FROM usage WHERE account_id = ? ORDER BY created_at LIMIT 5"
    return str(database.read(lambda connection: connection.tuples(sql, (account,)))[-1][0])


def _paths() -> list[str]:
    """The address of every page that somebody who is logged in may click at."""
    return [*(page.path for page in ALL_PAGES if _is_clicked(page)), *_VARIANTS]


def _is_clicked(page: PageRoute) -> bool:
    if page.method != "GET" or page.json or page.path in _NOT_CLICKED or page.path.startswith("/app/plugins"):
        return False
    if "<method>" in page.path:  # no method is on
        return False
    return page.access not in ("public", "operator") or page.path in _PUBLIC


def _named(path: str) -> str:
    """How a table calls it."""
    return re.sub(r"<(?:path:)?(\w+)>|{(\w+)}", lambda found: (found[1] or found[2]).upper(), path)


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"<(?:path:)?(\w+)>|{(\w+)}", lambda found: values[found[1] or found[2]], path)
