"""What calls of a model are charged: what is set, and where that comes from."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from router.catalogue.prices import Found, PriceBook
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, Unavailable
from router.money.price_text import show_price
from router.money.prices import Price, is_complete, is_free, rates, request_of
from router.office.actor import Actor
from router.office.audit import Change, check_held, write
from router.office.office import Office, Shelf
from router.store import prices as table
from router.store.prices import PriceRow, list_prices
from router.types.offers import Estimate
from router.types.periods import iso_time
from router.types.records import ModelCard, Usage

if TYPE_CHECKING:
    from router.charging.estimator import Place

__all__ = [
    "EstimatedCall",
    "PriceRow",
    "PriceSet",
    "PriceShown",
    "estimate_call",
    "list_planned",
    "remove_price",
    "set_price",
    "show_price_of",
    "withdraw_price",
]


_HISTORY = 50
_YEAR_S = 366 * 86_400.0
_AHEAD_YEARS = 5


@dataclass(frozen=True, slots=True)
class PriceSet:
    """A price that was set, for everybody or for one list.

    Attributes:
        price_list: empty for everybody.
        starts_at: from when it holds, in Unix seconds; None: from now on.
        warnings: what is to be said beside.
    """

    model: str
    price_list: str
    price: Price
    currency: str
    starts_at: float | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PriceShown:
    """What a model is charged.

    Attributes:
        found: the price in force, and what kind of place it stands in.
        where: that place in words, or what is missing.
        cost: what the provider charges us; None where that is not known.
        list_price_usd: what the provider's list says; None where it says nothing.
        stored: all prices of the model in the database that hold.
        planned: those that are to hold, the soonest first.
        history: what held and holds there, removals as well, the newest first; the last fifty.
        currency: of all but ``list_price_usd``.
        warnings: what is to be said beside.
    """

    model: str
    found: Found
    where: str
    cost: Price | None
    list_price_usd: Price | None
    stored: Sequence[PriceRow]
    planned: Sequence[PriceRow]
    history: Sequence[PriceRow]
    currency: str
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EstimatedCall:
    """What a call of so many tokens would be charged now.

    Attributes:
        cost_nano: what the provider would charge us; None where that is not known.
        warnings: what is to be said beside.
    """

    estimate: Estimate
    cost_nano: int | None
    warnings: Sequence[str] = ()


def show_price_of(office: Office, model: str, price_list: str = "") -> PriceShown:
    """What a model is charged, and where that is set.

    Args:
        price_list: an account's; empty for the price for everybody.

    Raises:
        ModelNotFound: naming the nearest IDs.
        BadRequest: it is an alias.
    """
    place, warnings = _place(office.shelf, model)
    book = office.shelf.snapshot.prices
    found = book.explain(place.id, place.provider, place.card, price_list)
    names = (place.id, f"{place.provider}/{place.card.model}")
    database, now = office.database, office.clock()
    stored, planned = (
        [row for row in read(database, now) if row.model in names] for read in (list_prices, table.planned_prices)
    )
    rows = (stored, planned, table.price_history(database, names, now, limit=_HISTORY))
    where = _where(office, found, book, place)
    return PriceShown(place.id, found, where, book.cost(place.card), place.card.price, *rows, book.currency, warnings)


def list_planned(office: Office) -> list[PriceRow]:
    """Every price that is to hold, the soonest first."""
    return table.planned_prices(office.database, office.clock())


def set_price(
    office: Office,
    actor: Actor,
    model: str,
    price: Price,
    price_list: str = "",
    *,
    starts_at: float | None = None,
    expected: str | None = None,
) -> PriceSet:
    """Charge a model at this price from now on, in every worker within a second; or from a moment to come. A price is
    set as a whole; one that is planned from the same moment is replaced.

    Args:
        price: in the balance currency.
        price_list: for the accounts of this list alone; empty for everybody.
        starts_at: Unix seconds, in whole ones; None for now.
        expected: the price in force before and its source, as ``router.office.audit.state_of`` has them; None for any.

    Raises:
        ModelNotFound: naming the nearest IDs.
        BadRequest: it is an alias, the price lacks what the model is sold by, or the moment is past or far away.
        ConfigError: the configuration pins the price.
        Conflict: another price holds than was expected.
    """
    shelf, currency = office.shelf, office.currency
    begins = None if starts_at is None else _moment(office, starts_at)

    def change(transaction: Transaction) -> Change[PriceSet]:
        seen = shelf.within(transaction)
        place, warnings = _place(seen, model)
        if not is_free(price) and not is_complete(price, place.card.kind or "embeddings"):
            raise BadRequest(f"{place.id!r} serves {place.card.kind}: give --output as well.")
        _refuse_pinned(office, seen, place)
        held = seen.snapshot.prices.explain(place.id, place.provider, place.card, price_list)
        check_held(expected, held.price, held.source)
        now = office.clock()
        before = _in_force(transaction, now).get((price_list, place.id))
        table.set_price(transaction, place.id, price, price_list, starts_at=begins, now=now)
        if not is_free(price) and not is_complete(price, place.card.kind or "chat"):
            warnings.append(f"without --output {place.id} is sold for embeddings alone; chat calls are refused.")
        if begins is None:
            warnings += _still_planned(transaction, place.id, price_list, now)
        told = {"list": price_list, "price": show_price(price), "from": iso_time(begins), "before": before}
        return Change(PriceSet(place.id, price_list, price, currency, begins, warnings), place.id, told)

    return write(office, actor, "models price", change)


def remove_price(office: Office, actor: Actor, model: str, price_list: str = "") -> str:
    """Let a price hold no more: what it stood before holds again. The ID under which it stood. What is planned stays.

    Raises:
        ModelNotFound, NotFound: there is no such model, or no such price.
        BadRequest: it is an alias.
        Conflict: it is the last of a price list that accounts are charged by.
    """
    shelf = office.shelf

    def remove(transaction: Transaction) -> Change[str]:
        now = office.clock()
        stored = _in_force(transaction, now)
        name = model  # one that is gone can still be named as it stands there
        if (price_list, model) not in stored:
            name = _place(shelf.within(transaction), model)[0].id
        table.remove_price(transaction, name, price_list, now=now)
        return Change(name, name, {"list": price_list, "remove": True, "before": stored.get((price_list, name))})

    return write(office, actor, "models price", remove)


def withdraw_price(office: Office, actor: Actor, model: str, starts_at: float, price_list: str = "") -> PriceRow:
    """Forget a price that is planned from a moment on. The row that stood there.

    Raises:
        ModelNotFound, NotFound: there is no such model, or none is planned from then on.
        BadRequest: it is an alias.
        Conflict: it has begun to hold.
    """
    shelf, begins = office.shelf, float(math.ceil(starts_at))

    def withdraw(transaction: Transaction) -> Change[PriceRow]:
        now = office.clock()
        names = {row.model for row in table.planned_prices(transaction, now)}
        name = model if model in names else _place(shelf.within(transaction), model)[0].id
        row = table.withdraw_price(transaction, name, price_list, starts_at=begins, now=now)
        told = None if row.price is None else show_price(row.price)
        detail = {"list": price_list, "withdraw": True, "from": iso_time(begins), "before": told}
        return Change(row, name, detail)

    return write(office, actor, "models price", withdraw)


def estimate_call(office: Office, model: str, usage: Usage, price_list: str = "") -> EstimatedCall:
    """What a call with so many tokens would be charged, and would hold.

    Raises:
        ModelNotFound, ModelNotPriced: there is no such model, or it has no price.
        BadRequest: it is an alias.
    """
    from router.charging.estimator import Estimator

    shelf = office.shelf
    place, warnings = _place(shelf, model)
    estimator = Estimator(shelf.catalogue, shelf.resolver, office.settings.billing)
    try:
        places = estimator.places(place.id)
    except Unavailable:
        places = [place]
    estimate = estimator.of_counts(place.id, places, usage.prompt_tokens, usage.completion_tokens, price_list)
    cost = shelf.snapshot.prices.cost(place.card)
    cost_nano = None
    if cost is not None:
        used = replace(usage, units=request_of(cost))
        cost_nano = rates(cost, time.time(), usage.prompt_tokens).charge_nano(used)
    return EstimatedCall(estimate, cost_nano, warnings)


def _in_force(transaction: Transaction, now: float) -> dict[tuple[str, str], Any]:
    """(price list, ID) -> the price that is stored, as JSON has it."""
    rows = list_prices(transaction, now)
    return {(row.price_list, row.model): show_price(row.price) for row in rows if row.price is not None}


def _still_planned(transaction: Transaction, model: str, price_list: str, now: float) -> list[str]:
    planned = table.planned_prices(transaction, now)
    found = [row.starts_at for row in planned if (row.model, row.price_list) == (model, price_list)]
    return [f"from {iso_time(found[0])} on another price is planned, and stays so."] if found else []


def _moment(office: Office, starts_at: float) -> float:
    """A moment to come, in whole seconds. Raises ``BadRequest``."""
    now, begins = office.clock(), float(math.ceil(starts_at))
    if begins <= now:
        told = iso_time(begins)
        raise BadRequest(f"A price is planned from a moment to come, and {told} is past.", param="valid_from")
    if begins > now + _AHEAD_YEARS * _YEAR_S:
        raise BadRequest(f"A price is planned {_AHEAD_YEARS} years ahead at most.", param="valid_from")
    return begins


def _place(shelf: Shelf, model: str) -> tuple[Place, list[str]]:
    """The model that a name means, and what is to be said of it.

    Raises:
        ModelNotFound: naming the nearest IDs.
        BadRequest: it is an alias.
    """
    from router.charging.estimator import Place  # which brings all that reads bodies of requests

    snapshot = shelf.snapshot
    if model not in snapshot.entries and model in snapshot.aliases:
        raise BadRequest(f"{model!r} is an alias, and is charged as what it means: name {snapshot.aliases[model]!r}.")
    entry = snapshot.entries.get(model)
    if entry is not None:
        return Place(entry.id, entry.provider, entry.card), []
    try:
        target = shelf.resolver.route(model).targets[0]
    except Unavailable as error:
        name, _, bare = model.partition("/")
        card = _card(shelf, name, bare)
        if card is None:
            raise
        return Place(model, name, card), [error.in_full]
    return Place(target.id, target.provider.name, target.card), []


def _card(shelf: Shelf, provider: str, model: str) -> ModelCard | None:
    """The card of a model of a provider that is not set up."""
    found = shelf.providers.get(provider)
    return next((card for card in found.cards() if card.model == model), None) if found is not None else None


def _refuse_pinned(office: Office, shelf: Shelf, place: Place) -> None:
    found = shelf.snapshot.prices.explain(place.id, place.provider, place.card)
    if found.source == "pin":
        where = office.settings.where(f"prices.{found.name}")
        raise ConfigError(f"{where}: the price is fixed there, which wins over the database: change it in that file")


def _where(office: Office, found: Found, book: PriceBook, place: Place) -> str:
    if found.source == "pin":
        return office.settings.where(f"prices.{found.name}")
    if found.source == "unpriced":
        if book.lacks_rate(place.id, place.card):
            return f"no rate of USD to {book.currency} is known: set [billing] usd_rate, or give --input and --output"
        return "calls are refused: give --input and --output, or --free"
    return {
        "list": "the account's price list, in the database",
        "database": "the database",
        "profile": "the profile's catalogue, times the rate of USD",
        "card": "the provider's list price, times [billing] markup and the rate of USD",
    }[found.source]
