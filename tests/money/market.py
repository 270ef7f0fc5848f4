"""Catalogues, routes and calls for tests of prices and terms: no database, no upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.catalogue import Catalogue, OperatorCatalogue, PriceRules, ProviderModels
from router.charging.quote import PriceQuoter
from router.charging.terms import CallPricing
from router.config.provider import Timeouts
from router.config.schema import BillingSettings
from router.money.price_text import read_price
from router.providers.resolve import Route, Target
from router.surfaces.chat.surface import CHAT
from router.surfaces.checked import look
from router.surfaces.embeddings import EMBEDDINGS
from router.types.records import Key, ModelCard, Price
from router.types.request_rules import RequestRules

__all__ = ["AT", "Market", "card", "chat", "price"]

AT = 1_700_000_000.0


def price(**table: Any) -> Price:
    """``price(input="2.50", output="10")``."""
    return read_price(table)


def card(model: str = "large", **changes: Any) -> ModelCard:
    """A chat model of 100,000 tokens that costs 1 and 2 units per million; no overhead, so that counts are plain."""
    values = {
        "context_window": 100_000,
        "max_output": 1_000,
        "price": price(input="1", output="2"),
        "prompt_overhead": 0,
    }
    return ModelCard(model, **{**values, **changes})


def chat(content: Any = "hello", **fields: Any) -> dict[str, Any]:
    """A body with one message."""
    return {"model": "acme/large", "messages": [{"role": "user", "content": content}], **fields}


class _Shelf:
    def __init__(self, stored: OperatorCatalogue) -> None:
        self.stored = stored
        self.number = 1

    def version(self) -> int:
        return self.number

    def load(self) -> OperatorCatalogue:
        return self.stored


@dataclass(frozen=True)
class _Provider:
    name: str
    kind: str = "acme"
    rules: RequestRules = field(default=RequestRules())
    drops: tuple[str, ...] = ()
    hooks: Mapping[str, Any] = field(default_factory=dict)

    def timeouts(self, model: str) -> Timeouts:
        return Timeouts()

    def dropped(self, model: str) -> tuple[str, ...]:
        return self.drops

    def caps(self, model: str) -> tuple[str, ...]:
        return tuple(name for name in self.rules.caps if name not in self.drops)


@dataclass
class Market:
    """One provider ``acme`` and what its models cost; a call may go to all of them, in their order."""

    cards: Sequence[ModelCard] = field(default_factory=lambda: [card()])
    rules: PriceRules = field(default_factory=PriceRules)
    stored: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    billing: BillingSettings = field(default_factory=BillingSettings)
    with_billing: bool = True
    request_rules: RequestRules = field(default=RequestRules())
    drops: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.shelf = _Shelf(OperatorCatalogue(prices=self.stored))
        listings = {"acme": ProviderModels(self.cards)}
        self.catalogue = Catalogue(listings, OperatorCatalogue(), self.shelf, rules=self.rules, max_age_s=-1.0)
        self.quoter = PriceQuoter(self.catalogue, self.billing, with_billing=self.with_billing)
        self.targets = tuple(self.target(one) for one in self.cards)
        self.route = Route(f"acme/{self.cards[0].model}", self.targets, ())

    def target(self, one: ModelCard) -> Target:
        provider = _Provider("acme", rules=self.request_rules, drops=self.drops)
        return Target(f"acme/{one.model}", provider, one)  # type: ignore[arg-type]

    def terms(self, body: Mapping[str, Any], *, price_list: str = "", at: float = AT) -> CallPricing:
        """Of a chat call, or of an embeddings call where the body has an ``input``."""
        key = Key("key_1", "acct_1", price_list=price_list)
        kind = "embeddings" if "input" in body else "chat"
        plan = self.quoter.plan(EMBEDDINGS if kind == "embeddings" else CHAT, key, self.route)
        return self.quoter.terms(plan, body, look(kind, body), at)
