"""Alerts: found, told once to operators, over by themselves; on both engines, by the test's own clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.db.connection import Connection
from router.office.alerts import current_alerts, failing_jobs, look_for_alerts, note_alert, unpriced
from router.office.office import Office
from router.store.care.circuits import CircuitRow, delete_circuits, put_circuits

pytestmark = pytest.mark.slow

NOW = 1_800_000_000.0
REFUSED = CircuitRow("openai", "default", "", "auth", True, 30.0, NOW + 30, "wrk_1", "host")


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(office: Office, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(office, "clock", made)
    return made


def circuits(office: Office, *rows: CircuitRow) -> None:
    office.database.write(lambda connection: put_circuits(connection, rows))


def causes(office: Office) -> set[str]:
    return {one.cause for one in current_alerts(office)}


def test_a_refused_key_and_an_unpaid_bill_are_told_once_and_end_by_themselves(office: Office, clock: Clock) -> None:
    told: list[str] = []

    def look() -> int:
        return look_for_alerts(office, lambda _, one: told.append(one.cause))

    unpaid = replace(REFUSED, provider="xai", kind="billing")
    circuits(office, REFUSED, unpaid, replace(REFUSED, provider="meta", kind="server"))
    assert look() == 2 and look() == 0
    assert causes(office) == {"upstream_key/openai/default", "upstream_bill/xai/default"} == set(told)
    assert all(one.remedy and one.since == NOW for one in current_alerts(office))
    clock.now += 60
    office.database.write(lambda connection: delete_circuits(connection, [REFUSED.key], 0))
    assert look() == 0 and causes(office) == {"upstream_bill/xai/default"}
    clock.now += 600
    circuits(office, replace(REFUSED, open_until=clock.now + 30))
    assert look() == 0, "it came back within a day"
    assert causes(office) >= {"upstream_key/openai/default"} and len(told) == 2
    office.database.write(lambda connection: delete_circuits(connection, [REFUSED.key], 0))
    clock.now += 60
    look()
    clock.now += 2 * 86_400
    circuits(office, replace(REFUSED, open_until=clock.now + 30), unpaid)
    assert look() == 1 and told[-1] == "upstream_key/openai/default"


def test_what_workers_met_counts_for_a_while(office: Office, clock: Clock) -> None:
    def note(connection: Connection) -> None:
        note_alert(connection, [unpriced("openai/new"), *failing_jobs([("sweep", 3)])], clock.now)

    office.database.write(note)
    assert look_for_alerts(office) == 2
    assert causes(office) == {"unpriced/openai/new", "job/sweep"}
    clock.now += 400
    assert look_for_alerts(office) == 0 and causes(office) == {"unpriced/openai/new"}
    clock.now += 3600
    look_for_alerts(office)
    assert causes(office) == set()


def test_a_model_that_costs_more_than_it_brings_is_a_loss(office: Office, clock: Clock) -> None:
    hour = int(NOW) // 3600 * 3600
    row = (
        "INSERT INTO usage_totals (hour, model, provider, calls, charge_nano, cost_nano, errors, prompt_tokens, "
        "cached_tokens, completion_tokens, reasoning_tokens, uncosted, images, milliseconds, characters, searches, "
        "requests) VALUES (?, ?, 'p', ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
    )
    values = [("a", 10, 5, 6), ("b", 10, 6, 6), ("c", 9, 5, 6), ("free", 10, 0, 6)]

    def write(connection: Connection) -> None:
        for model, calls, charge, cost in values:
            connection.execute(row, (hour, model, calls, charge, cost))

    office.database.write(write)
    look_for_alerts(office)
    assert causes(office) == {"margin/a"}


def test_each_operator_gets_a_mail(office: Office, clock: Clock) -> None:
    people = (
        "INSERT INTO people (id, email, email_key, name, password, locale, zone, theme, status, operator, created_at) "
        "VALUES (?, ?, ?, '', '', '', '', 'system', 'active', ?, ?)"
    )

    def write(connection: Connection) -> None:
        for name, operator in (("one", True), ("two", True), ("three", False)):
            address = f"{name}@example.com"
            connection.execute(people, (f"pers_{name}", address, address, operator, NOW))

    office.database.write(write)
    circuits(office, REFUSED)
    look_for_alerts(office)
    look_for_alerts(office)
    sql = "SELECT recipient, subject, text FROM outbox ORDER BY recipient"
    mails = office.database.read(lambda connection: connection.tuples(sql))
    assert [mail[0] for mail in mails] == ["one@example.com", "two@example.com"]
    assert all("refuses our key" in mail[1] and "set-key openai" in mail[2] for mail in mails)
