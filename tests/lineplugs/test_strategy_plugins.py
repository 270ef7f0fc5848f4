"""The bundled strategies, each by itself: the order that it gives, and what it says of it."""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from router_plugins.latency import Latency
from router_plugins.latency import Settings as LatencySettings
from router_plugins.latency.measures import Measure, Measures, Place
from router_plugins.price import Price
from router_plugins.price import Settings as PriceSettings
from router_plugins.weighted import Settings as WeightedSettings
from router_plugins.weighted import Weighted
from strategy_room import call, context, option

from router import Attempt, CallRecord

ONE, TWO, THREE = (option(name) for name in ("one", "two", "three"))


def first_of(plugin: Weighted, settings: WeightedSettings, fields: dict[str, str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(4000):
        body = {name: value.format(number) for name, value in fields.items()}
        found[plugin.route_targets(context(settings), [ONE, TWO, THREE], call(**body))[0]] += 1
    return found


@pytest.mark.parametrize("fields", [{}, {"user": "person {}"}, {"prompt_cache_key": "thread {}"}])
def test_weights_are_shares_of_the_calls(fields: dict[str, str]) -> None:
    settings = WeightedSettings({"one/x": 3, "two": 1, "three": 0})
    found = first_of(Weighted(random.Random(7)), settings, fields)
    assert "three/x" not in found and 0.72 < found["one/x"] / found.total() < 0.78


def test_one_without_weight_is_tried_last_and_related_calls_stay_together() -> None:
    plugin, settings = Weighted(random.Random(7)), WeightedSettings({"one": 0})
    orders = {tuple(plugin.route_targets(context(settings), [ONE, TWO, THREE], call(user="ann"))) for _ in range(50)}
    assert len(orders) == 1 and orders.pop()[-1] == "one/x"
    drawn = {
        tuple(plugin.route_targets(context(WeightedSettings(sticky=False)), [ONE, TWO], call(user="ann")))
        for _ in range(50)
    }
    assert len(drawn) == 2


def test_weights_explain_themselves() -> None:
    told = Weighted().explain_targets(context(WeightedSettings({"two": 3, "three": 0})), [ONE, TWO, THREE])
    assert [(one.id, one.reason) for one in told] == [
        ("two/x", "weight 3 of 4: the first of 75 % of the calls"),
        ("one/x", "weight 1 of 4: the first of 25 % of the calls"),
        ("three/x", "weight 0: after all others"),
    ]


@pytest.mark.parametrize("weights", [{"one": -1}, {"one": 2_000_000}])
def test_a_weight_that_is_none_is_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"weights\.one must be from 0 to 1000000"):
        WeightedSettings(weights)


PRICED = [
    option("dear", charge=300, cost=1),
    option("odd"),
    option("cheap", charge=100, cost=5),
    option("near", charge=104),
]


@pytest.mark.parametrize(
    ("settings", "order"),
    [
        (PriceSettings(), ["cheap", "near", "dear", "odd"]),
        (PriceSettings(by="cost"), ["dear", "cheap", "odd", "near"]),
        (PriceSettings(within_percent=4), ["cheap", "near", "dear", "odd"]),
        (PriceSettings(within_percent=200), ["dear", "cheap", "near", "odd"]),
    ],
)
def test_the_cheapest_comes_first_and_equal_ones_stay(settings: PriceSettings, order: list[str]) -> None:
    assert Price().route_targets(context(settings), PRICED) == [f"{name}/x" for name in order]
    told = Price().explain_targets(context(settings), PRICED)
    assert [one.id for one in told] == [f"{name}/x" for name in order]


def test_a_price_is_told_with_its_currency() -> None:
    told = Price().explain_targets(context(PriceSettings()), [option("one", charge=2_500_000), option("two")])
    assert [one.reason for one in told] == ["charged: 0.0025 USD", "charged: unknown"]


class Shared:
    """A table of measures, as the database would keep it."""

    def __init__(self) -> None:
        self.rows_by_key: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.asked = 0

    def read(self, function: Any) -> Any:
        self.asked += 1
        return function(self)

    write = read

    def execute(self, sql: str, params: tuple[Any, ...]) -> int:
        self.rows_by_key[params[:3]] = params
        return 1

    def rows(self, sql: str, params: tuple[Any, ...]) -> list[dict[str, Any]]:
        names = ("worker", "target", "streamed", "ms", "samples", "at")
        found = (dict(zip(names, row, strict=True)) for row in self.rows_by_key.values())
        return [row for row in found if row["worker"] != params[0] and row["at"] >= params[1]]


class Room:
    """A worker with the plugin, and a clock."""

    def __init__(self, shared: Shared, name: str = "one", **settings: Any) -> None:
        self.now = 1000.0
        self.plugin = Latency(lambda: self.now, random.Random(7), name)
        self.context = context(LatencySettings(**{"explore": 0.0, **settings}), shared)
        self.plugin.startup(self.context)

    def finished(self, *attempts: Attempt, first_ms: int | None = None, streamed: bool = True) -> None:
        record = SimpleNamespace(attempts=attempts, streamed=streamed, first_token_ms=first_ms)
        self.plugin.call_finished(cast(CallRecord, record))

    def order(self, *targets: Any, **fields: Any) -> list[str]:
        given = self.plugin.route_targets(self.context, targets or [ONE, TWO, THREE], call(stream=True, **fields))
        return [one.partition("/")[0] for one in given]


def ok(provider: str, ms: int = 1) -> Attempt:
    return Attempt(provider, "x", "ok", 200, ms)


def test_the_fastest_comes_first_and_who_is_not_measured_last() -> None:
    room = Room(Shared())
    assert room.order() == ["one", "two", "three"]
    room.finished(ok("two"), first_ms=300)
    room.finished(ok("three"), first_ms=100)
    assert room.order() == ["three", "two", "one"]
    told = room.plugin.explain_targets(room.context, [ONE, TWO, THREE], call(stream=True))
    assert [one.reason for one in told] == [
        "100 ms to the first output",
        "300 ms to the first output",
        "not measured yet",
    ]


def test_a_measure_moves_ends_and_leaves_out_what_came_before_the_attempt() -> None:
    room = Room(Shared(), keep_s=60)
    room.finished(Attempt("one", "x", "timeout", None, 5000), ok("two"), first_ms=5100)
    assert room.order() == ["two", "one", "three"]
    for _ in range(40):
        room.finished(ok("one"), first_ms=10)
    assert room.order()[0] == "one"
    room.now += 61
    assert room.order() == ["one", "two", "three"]
    assert room.plugin._known(room.context).of(Place("one/x", True), room.now) is None  # type: ignore[attr-defined]


def test_what_a_client_did_wrong_is_no_measure() -> None:
    room = Room(Shared())
    room.finished(Attempt("one", "x", "bad_request", 400, 5))
    room.finished(ok("two"), first_ms=5000)
    assert room.order() == ["two", "one", "three"]


def test_targets_that_are_about_as_fast_keep_their_order() -> None:
    room = Room(Shared(), within_percent=10)
    for provider, ms in (("one", 109), ("two", 100), ("three", 111)):
        room.finished(ok(provider), first_ms=ms)
    assert room.order() == ["one", "two", "three"]


def test_some_calls_explore_and_none_goes_to_one_that_rests() -> None:
    room = Room(Shared(), explore=0.25)
    room.finished(ok("one"), first_ms=10)
    found = Counter(room.order(ONE, TWO, option("three", ready=False))[0] for _ in range(2000))
    assert "three" not in found and 0.2 < found["two"] / 2000 < 0.3


def test_workers_tell_each_other_and_no_more_often_than_they_should() -> None:
    shared = Shared()
    one, other = Room(shared), Room(shared, "other")
    one.now += 11
    one.finished(ok("two"), first_ms=50)
    one.finished(ok("three"), first_ms=500)
    assert other.order() == ["one", "two", "three"]
    asked = shared.asked
    one.finished(ok("three"), first_ms=500)
    assert shared.asked == asked
    one.now = other.now = 1030
    one.finished(ok("three"), first_ms=500)
    other.finished(ok("one"), first_ms=9000)
    assert other.order() == ["two", "three", "one"]


def test_many_places_stay_bounded() -> None:
    measures = Measures(0.2, 60)
    for number in range(20_001):
        measures.add(Place(f"made-up/{number}", True), 1.0, 0.0)
    assert len(measures.own()) <= 10_000
    assert Measure(0.0, 0, 0.0).with_sample(80.0, 1.0, 0.2) == Measure(80.0, 1, 1.0)
