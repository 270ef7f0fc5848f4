"""More calls at once than there is money for: exactly what fits is served, and nothing is lost."""

from __future__ import annotations

import pytest
from money_wire import MODEL, TOKEN, House, nano, statuses

CAP = 10
CALL = CAP * TOKEN


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_balance_for_ten_calls_serves_ten_of_fifty(house: House, stream: bool) -> None:
    key = house.key(house.account(nano(10 * CAP)))
    volley = house.fire([key] * 50, max_tokens=CAP, stream=stream).wait(answered=40, reached=10)
    held = house.balance(key.account)
    assert (held.balance, held.held, held.available) == (10 * CALL, 10 * CALL, 0)
    answers = volley.finish()
    assert statuses(answers) == {200: 10, 402: 40}
    assert house.balance(key.account).balance == 0
    assert house.holds(key.account) == []
    assert [row["charge_nano"] for row in house.usage(key.account)] == [CALL] * 10
