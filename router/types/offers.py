"""What lists of models show, and what an estimate says: the records that dialects render."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.errors import ConfigError
from router.money.amounts import format_nano
from router.money.price_text import read_price
from router.money.prices import UNIT_RATES, Price
from router.types.records import ModelCard

__all__ = ["TOKENS_MAX", "ComingPrice", "Estimate", "Listed", "Offer", "load_offers"]

TOKENS_MAX = 1_000_000_000
"""Of a count of tokens that an estimate is asked for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model of a profile's own catalogue.

    It serves as soon as one of its routes does, or an operator names a provider for all that have none; the operator's
    rows and prices win over it.

    Attributes:
        id: as clients write it.
        routes: ``provider/model`` of what may serve it, best first; the first whose provider is active does.
        price: what calls are charged, in USD, unless an operator set another price: a balance in another currency is
            charged by the rate, and ``[billing] markup`` does not touch it. None leaves the provider's list price.
        kind: ``chat`` or ``embeddings``.
        context_window: tokens of prompt and output together, as advertised.
        created: Unix seconds, as lists show it; 0 leaves it to the provider's card.
        display_name, provider, category, hint, badge: for people who choose a model.
    """

    id: str
    routes: tuple[str, ...]
    price: Price | None = None
    kind: str = "chat"
    context_window: int | None = None
    created: int = 0
    display_name: str = ""
    provider: str = ""
    category: str = ""
    hint: str = ""
    badge: str = ""


@dataclass(frozen=True, slots=True)
class ComingPrice:
    """What calls are to be charged, in the balance currency.

    Attributes:
        starts_at: from when; Unix seconds.
    """

    starts_at: float
    price: Price


@dataclass(frozen=True, slots=True)
class Listed:
    """One model in a list.

    Attributes:
        id: as clients write it.
        card: what is known of it.
        price: what calls are charged, in the balance currency; None where it has no price.
        offer: its place in the profile's own catalogue; None for any other model.
        available: whether calls to it can be served: it is enabled, priced, and its provider is set up.
        currency: the balance currency.
        coming: what calls are to be charged, the soonest first.
    """

    id: str
    card: ModelCard
    price: Price | None = None
    offer: Offer | None = None
    available: bool = True
    currency: str = "USD"
    coming: tuple[ComingPrice, ...] = ()

    @property
    def created(self) -> int:
        """Unix seconds; 0 where nobody knows."""
        return self.offer.created if self.offer is not None and self.offer.created else self.card.created

    @property
    def owned_by(self) -> str:
        """Who made the model: the profile's own word, which does not tell who serves it, or else the provider's."""
        return self.offer.provider if self.offer is not None and self.offer.provider else self.card.owned_by

    @property
    def unit_prices(self) -> dict[str, str]:
        """What calls are charged beside tokens, as decimal text by the names of prices; empty where that is nothing."""
        given = () if self.price is None else ((name, getattr(self.price, name)) for name in UNIT_RATES)
        return {name: format_nano(rate) for name, rate in given if rate}

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and output together, as advertised; None where nobody knows."""
        advertised = self.offer.context_window if self.offer is not None else None
        return advertised if advertised is not None else self.card.context_window


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call would come to. Amounts are in nano-units of ``currency``.

    Attributes:
        model: the public ID.
        currency: the balance currency.
        prompt_tokens, completion_tokens: what was priced.
        counted_by: ``given`` (the caller named the counts) or ``bound`` (the most that the messages can come to).
        input_nano, output_nano: the parts of tokens.
        units_nano: the part of what is paid beside tokens: of the request, where that has a price.
        total_nano: all together, rounded up once.
        hold_nano: what a prepaid call with these bounds holds of the balance until it is settled.
    """

    model: str
    currency: str
    prompt_tokens: int
    completion_tokens: int
    counted_by: str
    input_nano: int
    output_nano: int
    total_nano: int
    hold_nano: int
    units_nano: int = 0


def load_offers(path: Path) -> tuple[Offer, ...]:
    """The offers in a file of ``["model"]`` tables, in its order; their keys are those of ``Offer``.

    ``price`` is a table of decimal texts per million tokens, as ``router.money.price_text`` reads it.

    Raises:
        ConfigError: naming the file and the model.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_offer(model_id, table, path) for model_id, table in tables.items())


def _offer(model_id: str, table: dict[str, Any], path: Path) -> Offer:
    try:
        price = table.pop("price", None)
        read = read_price(price) if price is not None else None
        return Offer(model_id, tuple(table.pop("routes", ())), read, **table)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path.name}: model {model_id!r}: {error}") from None
