"""A planned price, through a gateway's doors: from its moment on every worker and node charges by it, unasked."""

from __future__ import annotations

import json
import math
import threading
import time
from datetime import UTC, datetime

import pytest
from money_calls import TestKey
from money_wire import House

pytestmark = pytest.mark.slow

PLANNED = "test/planned"
_AHEAD_S = 2
_CALLERS = 4


def test_every_call_is_charged_by_the_price_of_its_moment(house: House) -> None:
    router = house.gateways[0].router
    router("models", "add", PLANNED, "--provider", "acme", "--model", "planned", "--replace")
    router("models", "price", PLANNED, "--input", "0", "--output", "1")
    key = house.key()
    house.call(key, model=PLANNED)
    begins = math.ceil(time.time()) + _AHEAD_S + 4 * len(house.gateways)  # a command takes seconds on a busy machine
    when = datetime.fromtimestamp(begins, UTC).isoformat()
    told = router("models", "price", PLANNED, "--input", "0", "--output", "3", "--from", when)
    assert told["valid_from"] == when.replace("+00:00", "Z")
    callers = [threading.Thread(target=_call_until, args=(house, key, begins + 1.0, one)) for one in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    rows = house.usage(key.account)
    shown = [(row["created_at"], row["latency_ms"], json.loads(row["prices"])["output"]) for row in rows]
    before = [price for at, took_ms, price in shown if at + (took_ms + 1) / 1000 < begins]
    after = [price for at, _, price in shown if at >= begins]
    assert set(before) == {"1"} and set(after) == {"3"} and len(after) >= _CALLERS, shown
    for row in rows:
        rate = int(json.loads(row["prices"])["output"])
        assert row["charge_nano"] == row["completion_tokens"] * rate * 1_000, "held and charged by one price"
    (spent,) = house.rows("SELECT SUM(charge_nano) AS nano FROM usage_hours WHERE account_id = ?", key.account)
    assert spent["nano"] == sum(row["charge_nano"] for row in rows)


def _call_until(house: House, key: TestKey, end: float, number: int) -> None:
    gateway = house.gateways[number % len(house.gateways)]
    while time.time() < end:
        assert house.call(key, gateway, model=PLANNED).status == 200
