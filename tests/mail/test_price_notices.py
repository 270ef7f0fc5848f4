"""A coming price is told once to those whose workspaces use the model, at what they will pay."""

from __future__ import annotations

import pytest
from mail_kit import ADA, MakeOffice, MovedClock, add_person, outbox, told

from router.money.prices import Price
from router.office.accounts import create_account, set_price_list
from router.office.actor import GATEWAY, Actor
from router.office.audit import list_audit
from router.office.office import Office
from router.office.people.notices import set_notice_setting
from router.office.people.watching import tell_planned_prices
from router.office.prices import set_price, withdraw_price

DAY = 86_400.0
DEARER = Price.per_million(input="0.125", output="12")


@pytest.fixture
def model(office: Office) -> str:
    return next(one.id for one in office.shelf.snapshot.entries.values() if one.id.startswith("echo/"))


def uses(office: Office, account: str, model: str, days_ago: float = 5) -> None:
    hour = int(office.clock() - days_ago * DAY) // 3600 * 3600
    columns = "account_id, hour, key_id, model, provider, calls, errors, prompt_tokens, cached_tokens, "
    columns += "completion_tokens, reasoning_tokens, charge_nano, cost_nano, uncosted"
    row = (account, hour, "key_1", model, "echo", 1, 0, 1, 0, 1, 0, 0, 0, 0)
    sql = f"INSERT INTO usage_hours ({columns}) VALUES ({', '.join('?' * len(row))})"
    office.database.write(lambda connection: connection.execute(sql, row))


def customer(office: Office, model: str, name: str, days_ago: float = 5) -> tuple[str, str]:
    """Somebody whose workspace used the model: both IDs."""
    account = create_account(office, ADA, f"{name}'s").id
    uses(office, account, model, days_ago)
    return account, add_person(office, account, name=name)


def test_who_uses_a_model_is_told_of_its_coming_price_once(office: Office, model: str, clock: MovedClock) -> None:
    _, ann = customer(office, model, "ann")
    _, old = customer(office, model, "old", days_ago=40)
    begins = clock.now + 10 * DAY
    set_price(office, ADA, model, Price.per_million(input="0.1", output="10"))
    assert tell_planned_prices(office, GATEWAY) == 0, "what holds at once is not coming"
    clock.move(1)
    set_price(office, ADA, model, DEARER, starts_at=begins)
    assert [tell_planned_prices(office, GATEWAY) for _ in range(2)] == [1, 0]
    assert told(office, ann) == [f"The price of {model} changes"] and told(office, old) == []
    [mail] = outbox(office)
    assert "$0.125" in mail["text"] and "$12.00" in mail["text"] and "ann's uses" in mail["text"].replace("\n", " ")
    [entry] = list_audit(office, action="notices announce")
    assert entry.subject == model and entry.detail["told"] == 1
    clock.move(1)
    set_price(office, ADA, model, DEARER, starts_at=begins)
    assert tell_planned_prices(office, GATEWAY) == 0, "the same price from the same moment on"
    clock.move(1)
    set_price(office, ADA, model, Price.per_million(input="0.2", output="12"), starts_at=begins)
    assert tell_planned_prices(office, GATEWAY) == 1 and len(outbox(office)) == 2
    withdraw_price(office, ADA, model, begins)
    assert tell_planned_prices(office, GATEWAY) == 0
    marks = "SELECT name FROM meta WHERE name LIKE 'price_told:%'"
    assert len(office.database.read(lambda connection: connection.tuples(marks))) == 1, "those replaced are forgotten"


def test_each_is_told_what_they_will_pay(office: Office, model: str, clock: MovedClock) -> None:
    listed, lena = customer(office, model, "lena")
    _, ann = customer(office, model, "ann")
    set_price(office, ADA, model, Price.per_million(input="0.1", output="10"))
    clock.move(1)
    set_price(office, ADA, model, Price.per_million(input="0.05", output="5"), "partners")
    set_price_list(office, ADA, listed, "partners")
    clock.move(1)
    set_price(office, ADA, model, DEARER, starts_at=clock.now + 10 * DAY)
    assert tell_planned_prices(office, GATEWAY) == 1 and told(office, lena) == [], "their list has a price of its own"
    clock.move(1)
    set_price(
        office, ADA, model, Price.per_million(input="0.07", output="7"), "partners", starts_at=clock.now + 9 * DAY
    )
    assert tell_planned_prices(office, GATEWAY) == 1
    assert len(told(office, ann)) == len(told(office, lena)) == 1
    assert "$0.07" in outbox(office)[-1]["text"]


def test_nobody_is_told_who_or_where_that_is_off(
    office: Office, make_office: MakeOffice, model: str, clock: MovedClock
) -> None:
    _, ann = customer(office, model, "ann")
    set_notice_setting(office, Actor("person", ann), ann, "price_changes", in_app=True, mail=False)
    set_price(office, ADA, model, DEARER, starts_at=clock.now + 10 * DAY)
    silent = make_office('[portal]\npublic_url = "https://portal.example.com"\nprice_notices = false\n')
    assert tell_planned_prices(silent, GATEWAY) == 0 and told(office, ann) == []
    assert tell_planned_prices(office, GATEWAY) == 1
    assert len(told(office, ann)) == 1 and outbox(office) == []
