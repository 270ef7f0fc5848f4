"""A profile's own catalogue: who serves an offer, what it is charged, and which lists show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from router import ModelCard, ModelNotFound, ModelNotPriced, Offer, Price, Unavailable
from router.catalogue import Catalogue, OperatorCatalogue, OverrideRow, PriceRules, ProfileCatalogue, ProviderModels
from router.charging.estimator import BODY_MAX, Estimator
from router.config.provider import ProviderSettings
from router.config.schema import BillingSettings
from router.errors import BadRequest, RouterError
from router.money.amounts import NANO
from router.providers.configured import ConfiguredProvider
from router.providers.endpoints import Endpoints
from router.providers.model_list import ModelListService
from router.providers.resolve import ModelResolver
from router.types.offers import TOKENS_MAX
from router.types.records import Key

LIST_PRICE = Price.per_million(input="1", output="4")
SOLD_AT = Price.per_million(input="3", output="12")
OFFERS = (
    Offer("zebra", ("ours/z-1",), SOLD_AT, context_window=1000, provider="zoo"),
    Offer("ape", ("gone/a-1", "ours/ape-own"), SOLD_AT),
    Offer("crow", ("gone/c-1", "lost/c-1"), Price.per_million(input="2", output="2")),
    Offer("vector", ("ours/v-1",), Price.per_million(input="0.1"), kind="embeddings"),
)
CARDS = [ModelCard("z-1", price=LIST_PRICE), ModelCard("other", price=LIST_PRICE, context_window=50)]
KEY = Key("key_1", "acct_1")


class Shelf:
    """The operator's rows."""

    def __init__(self, stored: OperatorCatalogue) -> None:
        self.stored = stored

    def version(self) -> int:
        return 1

    def load(self) -> OperatorCatalogue:
        return self.stored


class House:
    """A catalogue and all that reads it."""

    def __init__(
        self,
        *rows: OverrideRow,
        upstream: str = "",
        only: bool = False,
        spare: ProviderModels | None = None,
        rules: PriceRules = PriceRules(),  # noqa: B008 - immutable
        with_billing: bool = True,
        **stored: Any,
    ) -> None:
        listings = {"ours": ProviderModels(CARDS)} | ({"spare": spare} if spare is not None else {})
        offered = ProfileCatalogue(OFFERS, upstream, only)
        self.catalogue = Catalogue(
            listings, OperatorCatalogue(), Shelf(OperatorCatalogue(rows, **stored)), rules=rules, offered=offered
        )
        problems = {**dict.fromkeys(listings, ""), "gone": "set the environment variable GONE_KEY"}
        self.resolver = ModelResolver(self.catalogue, {name: provider(name, text) for name, text in problems.items()})
        self.lister = ModelListService(self.catalogue, self.resolver, OFFERS, with_billing=with_billing)
        self.estimator = Estimator(self.catalogue, self.resolver, BillingSettings())

    def target(self, model: str) -> str:
        """Who serves it."""
        target = self.resolver.route(model).targets[0]
        return f"{target.provider.name}/{target.model}"

    def served(self) -> list[str]:
        return [one.id for one in self.lister.served(KEY)]

    def shown(self) -> list[str]:
        return [one.id for one in self.lister.shown(self.catalogue.snapshot())]

    def price(self, model: str) -> tuple[Price | None, str]:
        entry = self.catalogue.snapshot().entries[model]
        found = self.catalogue.snapshot().prices.explain(entry.id, entry.provider, entry.card)
        return found.price, found.source


def provider(name: str, problem: str) -> ConfiguredProvider:
    hooks: dict[str, Any] = {"models": lambda context: []}
    return ConfiguredProvider(name, name, ProviderSettings(), hooks, None, Endpoints(name, ()), problem)  # type: ignore[arg-type]


@contextmanager
def refused(kind: type[RouterError], *parts: str) -> Iterator[None]:
    """What operators read of a refusal."""
    with pytest.raises(kind) as caught:
        yield
    for part in parts:
        assert part in caught.value.in_full


def test_the_first_route_whose_provider_is_active_serves() -> None:
    house = House()
    assert (house.target("zebra"), house.target("ape")) == ("ours/z-1", "ours/ape-own")
    card = house.resolver.route("zebra").targets[0].card
    assert (card.price, card.context_window) == (LIST_PRICE, 1000), "its own card, with the window that it lacks"


def test_without_a_route_the_upstream_serves_under_the_name_that_it_lists() -> None:
    bare = House(upstream="spare", spare=ProviderModels([], unlisted=True))
    assert (bare.target("crow"), bare.target("ape")) == ("spare/c-1", "ours/ape-own")
    assert House(upstream="spare", spare=ProviderModels([ModelCard("crow")])).target("crow") == "spare/crow"
    assert House(upstream="spare", spare=ProviderModels([], {"gone/c-1": {}})).target("crow") == "spare/gone/c-1"


def test_what_is_not_set_up_is_named_to_callers_and_shown_to_everybody() -> None:
    house = House()
    with refused(Unavailable, "'gone'", "GONE_KEY"):
        house.resolver.route("crow")
    with refused(Unavailable, "[providers.lost]", "[gateway] upstream"):
        House(upstream="lost").resolver.route("crow")
    assert "crow" not in house.served()
    assert house.shown() == ["zebra", "ape", "crow", "vector"], "in the profile's order"
    assert [one.available for one in house.lister.shown(house.catalogue.snapshot())] == [True, True, False, True]


def test_the_operator_wins() -> None:
    moved, off = OverrideRow("zebra", "ours", "other", "chat", True), OverrideRow("ape", None, None, "", False)
    house = House(moved, off, OverrideRow("crow", "elsewhere", "c", "chat", True))
    assert house.target("zebra") == "ours/other"
    assert house.price("zebra") == (SOLD_AT, "profile"), "it is still the same model to those who buy it"
    with refused(ModelNotFound, "disabled"):
        house.resolver.route("ape")
    with refused(Unavailable, "'elsewhere'"):
        house.resolver.route("crow")
    assert house.shown() == ["zebra", "crow", "vector"]


def test_prices_of_the_operator_win_over_the_offers_and_those_over_the_cards() -> None:
    pin, stored = Price.per_million(input="9", output="9"), Price.per_million(input="8", output="8")
    house = House(rules=PriceRules({"zebra": pin}), prices={("", "ape"): stored, ("gold", "ape"): pin})
    assert house.price("zebra") == (pin, "pin")
    assert house.price("ape") == (stored, "database")
    assert house.price("crow") == (OFFERS[2].price, "profile")
    assert house.price("ours/z-1") == (LIST_PRICE, "card")
    assert [one.price for one in house.lister.served(Key("k", "a", price_list="gold")) if one.id == "ape"] == [pin]


def test_offers_follow_the_rate_and_not_the_markup() -> None:
    rules = PriceRules(currency="TMT", markup_nano=2 * NANO, rate_nano=7 * NANO // 2)
    assert House(rules=rules).price("zebra") == (Price.per_million(input="10.5", output="42"), "profile")
    assert House(rules=rules).price("ours/z-1")[0] == Price.per_million(input="7", output="28")
    unknown = House(rules=PriceRules(currency="TMT", rate_nano=None))
    assert unknown.price("zebra") == (None, "unpriced")
    with refused(ModelNotPriced, "no rate of USD to TMT"):
        unknown.estimator.answer(b'{"model": "zebra", "prompt_tokens": 1}')


def test_other_models_are_served_unless_only_offers_are() -> None:
    assert House().served() == ["ape", "ours/other", "ours/z-1", "vector", "zebra"]
    mine = OverrideRow("mine", "ours", "other", "chat", True)
    house = House(mine, only=True, spare=ProviderModels([], unlisted=True), aliases={"best": "zebra"})
    assert house.served() == ["ape", "best", "mine", "vector", "zebra"]
    assert house.shown() == ["zebra", "ape", "crow", "vector", "mine"]
    assert house.target("ours/z-1") == "ours/z-1"
    assert house.resolver.route("ours/z-1").targets[0].id == "zebra", "and is charged as such"
    for hidden in ("spare/anything", "gone/a-1"):
        with refused(ModelNotFound, "does not exist"):
            house.resolver.route(hidden)


def test_lists_leave_out_what_has_no_price_where_calls_are_charged() -> None:
    rows = (OverrideRow("new", "ours", "unheard-of", "chat", True),)
    assert "new" not in House(*rows).served() + House(*rows).shown()
    free = House(*rows, with_billing=False)
    assert "new" in free.served() and "new" in free.shown()
    with refused(ModelNotFound, "on no list"):
        House(*rows).lister.one(KEY, "new")


def test_an_alias_is_listed_at_the_price_of_what_it_means() -> None:
    (best,) = (one for one in House(aliases={"best": "zebra"}).lister.served(KEY) if one.id == "best")
    assert (best.price, best.offer, best.owned_by) == (SOLD_AT, OFFERS[0], "zoo")


def test_an_estimate_has_the_request_beside_the_tokens() -> None:
    asked = Price.per_million(input="3", output="12", per_request="0.005")
    house = House(prices={("", "zebra"): asked})
    found = house.estimator.answer(b'{"model": "zebra", "prompt_tokens": 1001, "completion_tokens": 7}')
    assert (found.input_nano, found.output_nano, found.units_nano) == (1001 * 3_000, 7 * 12_000, 5_000_000)
    assert found.total_nano == found.hold_nano == 1001 * 3_000 + 7 * 12_000 + 5_000_000
    body = b'{"model": "zebra", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}'
    bound = house.estimator.answer(body)
    assert bound.units_nano == 5_000_000 and bound.hold_nano == bound.total_nano > 5_000_000
    (listed,) = [one for one in house.lister.served(KEY) if one.id == "zebra"]
    assert listed.unit_prices == {"per_request": "0.005"}


def test_given_counts_are_priced_exactly() -> None:
    found = House().estimator.answer(b'{"model": "zebra", "prompt_tokens": 1001, "completion_tokens": 7}')
    assert (found.input_nano, found.output_nano, found.total_nano) == (3_003_000, 84_000, 3_087_000)
    assert (found.hold_nano, found.counted_by, found.currency) == (3_087_000, "given", "USD")
    again = House().estimator.answer(b'{"model": "zebra", "input_tokens": 1001, "output_tokens": 7}')
    assert again == found
    assert House().estimator.answer(b'{"model": "crow", "prompt_tokens": 1}').total_nano == 2_000, "not set up yet"


def test_messages_are_bounded_and_never_come_to_more_than_the_hold() -> None:
    body = b'{"model": "zebra", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10}'
    found = House().estimator.answer(body)
    assert (found.counted_by, found.prompt_tokens, found.completion_tokens) == ("bound", 37, 10)
    assert found.total_nano == found.hold_nano == 37 * 3_000 + 10 * 12_000
    open_end = House().estimator.answer(body.replace(b', "max_tokens": 10', b""))
    assert open_end.prompt_tokens + open_end.completion_tokens == 1000, "the window is shared"
    assert open_end.total_nano <= open_end.hold_nano


def test_the_hold_is_that_of_the_dearest_target() -> None:
    house = House(fallbacks={"ours/z-1": ["zebra"]})
    found = house.estimator.answer(b'{"model": "ours/z-1", "prompt_tokens": 1000000}')
    assert (found.total_nano, found.hold_nano) == (NANO, 3 * NANO)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (b"[]", ["must be a JSON object"]),
        (b'{"prompt_tokens": 1}', ["'model' is required"]),
        (b'{"model": "zebra"}', ["'prompt_tokens'", "'messages'"]),
        (b'{"model": "zebra", "prompt_tokens": -1}', ["'prompt_tokens'", "from 0 to 1000000000, not -1"]),
        (b'{"model": "zebra", "prompt_tokens": %d}' % (TOKENS_MAX + 1), ["'prompt_tokens'", "1000000001"]),
        (b'{"model": "zebra", "output_tokens": 1e400}', ["JSON"]),
        (b'{"model": "zebra", "prompt_tokens": NaN}', ["NaN"]),
        (b'{"model": "zebra", "prompt_tokens": 1.5}', ["a whole number"]),
        (b'{"model": "zebra", "prompt_tokens": "1"}', ["a whole number"]),
        (b'{"model": "zebra", "prompt_tokens": true}', ["a whole number"]),
        (b'{"model": "zebra", "prompt_tokens": 1, "input_tokens": 2}', ["'input_tokens' says otherwise"]),
        (b'{"model": "zebra", "prompt_tokens": 1, "messages": [{"role": "user"}]}', ["either counts"]),
        (b'{"model": "zebra", "messages": []}', ["at least one message"]),
        (b'{"model": "zebra", "messages": [{"role": "user"}], "max_tokens": 0}', ["'max_tokens'"]),
        (b'{"model": "zebra", "messages": [{"role": "user"}], "web_search_options": {}}', ["no price"]),
        (b'{"model": "vector", "messages": [{"role": "user"}]}', ["serves embeddings, not chat"]),
    ],
)
def test_a_bad_question_is_refused(body: bytes, parts: Sequence[str]) -> None:
    with refused(BadRequest, *parts):
        House().estimator.answer(body)


def test_unknown_models_are_not_found() -> None:
    with refused(ModelNotFound, "Did you mean 'zebra'"):
        House().estimator.answer(b'{"model": "zebre", "prompt_tokens": 1}')
    assert BODY_MAX < 2**20
