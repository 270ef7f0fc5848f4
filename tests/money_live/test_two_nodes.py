"""Two `router serve` on one PostgreSQL: what one of them takes is gone for the other at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from money_wire import TOKEN, House, nano, statuses

pytestmark = pytest.mark.slow

CAP = 10


@pytest.fixture
def nodes(postgresql_house: House) -> Iterator[House]:
    assert len(postgresql_house.gateways) == 2
    yield postgresql_house
    postgresql_house.check()


def test_both_nodes_serve_and_no_more_than_there_is_money_for(nodes: House) -> None:
    """200 calls, half at each node, on one account with money for 120; each worker holds its own."""
    key = nodes.key(nodes.account(nano(120 * CAP)))
    volley = nodes.fire([key] * 200, max_tokens=CAP).wait(answered=80, reached=120)
    workers = {row["owner"] for row in nodes.holds(key.account)}
    places = nodes.rows("SELECT id, process FROM workers WHERE expires_at > 0")
    assert len(workers & {place["id"] for place in places}) > 1
    answers = volley.finish()
    assert statuses(answers) == {200: 120, 402: 80}
    assert nodes.balance(key.account).balance == 0


def test_what_one_node_served_counts_at_the_other(nodes: House) -> None:
    here, there = nodes.gateways
    key = nodes.key(nodes.account(nano(2 * CAP)), limits={"requests_per_minute": 10})
    first, second = nodes.call(key, here, max_tokens=CAP), nodes.call(key, there, max_tokens=CAP)
    assert [one.headers["x-ratelimit-remaining-requests"] for one in (first, second)] == ["9", "8"]
    for gateway in nodes.gateways:
        refused = nodes.call(key, gateway, max_tokens=CAP)
        assert refused.status == 402
        assert "0 USD is available" in refused.error["message"]


@pytest.mark.parametrize("limit", ["requests_per_minute", "concurrent", "spend_per_month"])
def test_a_limit_is_one_for_both(nodes: House, limit: str) -> None:
    key = nodes.key(limits={limit: 7 * CAP * TOKEN if limit == "spend_per_month" else 7})
    volley = nodes.fire([key] * 40, max_tokens=CAP).wait(answered=33, reached=7)
    assert statuses(volley.finish()) == {200: 7, 429: 33}


def test_a_command_at_one_node_holds_at_the_other(nodes: House) -> None:
    here, there = nodes.gateways
    key = nodes.key()
    assert [nodes.call(key, there).status for _ in range(4)] == [200] * 4
    here.router("limits", "set", "--key", key.id, "--concurrent", "0")
    assert [nodes.call(key, there).status for _ in range(4)] == [429] * 4
    here.router("keys", "revoke", key.id)
    assert [nodes.call(key, there).status for _ in range(4)] == [401] * 4
