"""A policy of each role by a third party's means alone: state in a service of its own, asked over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bureau import QUOTA, TALLY, Bureau, open_bureau
from money_plans import good
from money_wire import TOKEN, House, TestKey, nano, new_schema, open_house, statuses

from router.store.keys import KeyChanges, change_key
from router.testing import Answer

pytestmark = pytest.mark.slow

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
WRONG = (
    "nothing at all", "a text", "no claim", "negative", "a float", "a bool", "too large", "an odd ceiling",
    "an odd bucket", "an odd refusal", "an odd window", "an endless window", "an odd message", "the balance",
    "an error", "a time-out",
)  # fmt: skip
UNSETTLED = ("settle and raise", "settle too late", "settle short", "settle below zero", "settle a half")


@dataclass(frozen=True)
class Place:
    """A house that two other people's policies rule, and their service."""

    house: House
    bureau: Bureau

    def endings(self, key: TestKey) -> list[dict[str, int]]:
        """How all leases have ended: of the billing policy, of the rate-limit policy."""
        return [dict(self.bureau.endings(key.account, pool)) for pool in ("quota", "tally")]

    def untouched(self, key: TestKey, marker: str) -> bool:
        """Whether a refused call has left nothing behind."""
        found = self.house.balance(key.account)
        used = any(any(amounts) for amounts in self.house.buckets(key.id).values())
        rows = self.house.usage(key.account) or self.house.holds(key.account) or self.house.reached(marker)
        return not (found.debits or found.held or used or rows)

    def logged(self, text: str, policy: str) -> bool:
        """Whether the log has an error that names the policy."""
        lines = [line for line in self.house.gateways[0].log if line.get("level") == "error"]
        return any(text in str(line) and policy in str(line) for line in lines)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, install: Callable[..., None]
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("third")
    install(folder / "site", "acme-quota", "quota", QUOTA)
    install(folder / "site", "acme-tally", "tally", TALLY)
    with pytest.MonkeyPatch.context() as patch, open_bureau() as bureau:
        patch.setenv("PYTHONPATH", str(folder / "site"))
        config: dict[str, Any] = {
            "gateway": {"billing": "quota", "rate_limit": "tally"},
            "plugins": {"quota": {"port": bureau.port}, "tally": {"port": bureau.port}},
        }
        if request.param == "sqlite":
            with open_house(folder, f"sqlite:///{folder / 'router.db'}", config=config) as house:
                yield Place(house, bureau)
                house.verify()
            return
        server = request.getfixturevalue("postgres_server")
        with new_schema(server) as url, open_house(folder, url, config=config) as house:
            yield Place(house, bureau)
            house.verify()


@pytest.fixture
def place(opened: Place) -> Iterator[Place]:
    yield opened
    opened.house.check()


@STREAM
def test_what_is_taken_is_settled_once_and_what_is_charged_counts(place: Place, stream: bool) -> None:
    key = place.house.key(budget="1")
    answer = place.house.call(key, max_tokens=100, stream=stream)
    assert answer.status == 200
    assert place.endings(key) == [{"settle": 1}, {"settle": 1}]
    (row,) = place.house.usage(key.account)
    assert row["charge_nano"] == place.house.balance(key.account).debits == 50 * TOKEN
    assert place.house.buckets(key.id)["budget"] == (50 * TOKEN, 0)
    assert place.bureau.settled(key.account, "quota") == [100 * TOKEN]  # at its price
    assert place.bureau.settled(key.account, "tally") == [50 * TOKEN]  # as it is charged


@STREAM
@pytest.mark.parametrize(
    ("trick", "leases"), [("claim nothing", {}), ("settle without a claim on the balance", {"settle": 1})]
)
def test_without_a_claim_on_the_balance_a_call_costs_nothing(
    place: Place, trick: str, leases: dict[str, int], stream: bool
) -> None:
    """Neither on the row nor in the header, whatever its list price is; what the ledger proves says the same."""
    key = place.house.key(place.house.account(), budget="1")
    answer = place.house.call(key, metadata={"trick": trick}, stream=stream)
    assert (answer.status, answer.headers.get("x-router-charge", "0")) == (200, "0")
    (row,) = place.house.usage(key.account)
    assert (row["charge_nano"], row["shortfall_nano"], row["completion_tokens"] > 0) == (0, 0, True)
    assert place.house.buckets(key.id).get("budget", (0, 0)) == (0, 0)
    assert place.endings(key) == [leases, {"settle": 1}]
    assert place.house.gateways[0].router("ledger", "verify")["ok"]


def test_a_refusal_is_the_policys_own_and_undoes_the_others(place: Place) -> None:
    key = place.house.key()
    marker = place.house.plan(good(1, 1))
    place.bureau.pools[f"tally:{key.account}"] = 0
    answer = place.house.call(key, tag=marker)
    assert (answer.status, answer.error["message"]) == (429, "All places are taken.")
    assert answer.headers["retry-after"] == "7"
    assert place.endings(key) == [{"undo": 1}, {}]
    place.bureau.pools[f"quota:{key.account}"] = 0
    answer = place.house.call(key, tag=marker)
    assert (answer.status, answer.error["message"]) == (402, "The quota service says no.")
    assert place.endings(key) == [{"undo": 1}, {}]
    assert place.untouched(key, marker)


@pytest.mark.parametrize("cap", [10, None])
def test_what_the_host_refuses_is_undone(place: Place, cap: int | None) -> None:
    for key in (place.house.key(place.house.account(nano(9))), place.house.key(budget=nano(9))):
        marker = place.house.plan(good(1, 1))
        assert place.house.call(key, tag=marker, max_tokens=cap).status == 402
        assert place.endings(key) == [{"undo": 1}, {"undo": 1}]
        assert place.untouched(key, marker)


def test_a_cap_of_ours_is_claimed_anew(place: Place) -> None:
    key = place.house.key(place.house.account(nano(300)))
    answer = place.house.call(key, max_tokens=None, tag=place.house.plan(good(1, 300)))
    assert (answer.status, answer.headers["x-router-max-tokens"]) == (200, "300")
    assert place.endings(key) == [{"undo": 1, "settle": 1}] * 2


def test_a_key_that_has_changed_is_claimed_anew(place: Place) -> None:
    key = place.house.key()
    for _ in range(4):  # both workers know it
        assert place.house.call(key).status == 200
    before = place.endings(key)
    change_key(place.house.database, key.id, KeyChanges(scope=("acme/*",)))
    assert place.house.call(key).status == 200
    assert place.endings(key) == [{**one, "settle": one["settle"] + 1, "undo": 1} for one in before]


def test_a_call_that_fails_is_settled_at_nothing(place: Place) -> None:
    key = place.house.key()
    marker = place.house.plan(Answer.error(500))
    assert place.house.call(key, model=place.house.shaky(), tag=marker).status == 502
    assert place.endings(key) == [{"settle": 1}, {"settle": 1}]
    assert place.bureau.settled(key.account, "quota") == [0]
    assert place.house.balance(key.account).debits == 0


def test_as_many_calls_as_there_are_places(place: Place) -> None:
    key = place.house.key()
    place.bureau.pools[f"tally:{key.account}"] = 5
    volley = place.house.fire([key] * 20).wait(answered=15, reached=5)
    assert statuses(volley.finish()) == {200: 5, 429: 15}
    assert place.endings(key) == [{"settle": 5, "undo": 15}, {"settle": 5}]


@pytest.mark.parametrize("trick", WRONG)
def test_a_policy_that_fails_lets_nothing_pass(place: Place, trick: str) -> None:
    key = place.house.key()
    marker = place.house.plan(good(1, 1))
    answer = place.house.call(key, tag=marker, metadata={"trick": trick})
    assert (answer.status, answer.error["code"]) == (500, "policy_failed")
    assert answer.error["message"] == "The policy 'tally' failed."
    assert place.endings(key) == [{"undo": 1}, {}]
    assert place.untouched(key, marker)
    assert place.logged(f"failed on the claims of call {answer.request_id}", "tally")


@pytest.mark.parametrize("trick", UNSETTLED)
def test_a_policy_that_fails_to_settle_settles_in_full(place: Place, trick: str) -> None:
    key = place.house.key()
    answer = place.house.call(key, max_tokens=100, metadata={"trick": trick})
    assert answer.status == 200
    bucket = f"tally:{trick}:{key.id}"
    assert place.house.rows("SELECT used, held FROM buckets WHERE id = ?", bucket) == [{"used": 3, "held": 0}]
    assert place.house.balance(key.account).debits == 50 * TOKEN
    assert place.endings(key) == [{"settle": 1}, {"settle": 1}]
    assert place.logged("failed to settle", "tally")


def test_a_service_that_is_away_lets_nothing_pass(place: Place) -> None:
    key = place.house.key()
    marker = place.house.plan(good(1, 1))
    place.bureau.away.add(f"quota:{key.account}")
    answer = place.house.call(key, tag=marker)
    assert (answer.status, answer.error["code"]) == (500, "policy_failed")
    assert place.untouched(key, marker)
