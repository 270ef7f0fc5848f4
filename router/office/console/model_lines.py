"""Models as the operator's lists show them: what they cost us, what they are sold for, and why one cannot be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from router.catalogue.prices import Found
from router.catalogue.snapshot import CatalogueEntry, Snapshot
from router.money.prices import ALL_RATES, RATES, UNIT_RATES, Price, has_rates, is_complete, is_free, rates
from router.office.office import Office
from router.store.rates import Rate, get_rate

__all__ = ["ModelLine", "PriceBasis", "below_cost", "model_line", "model_lines", "price_basis"]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model.

    Attributes:
        entry: what the catalogue says of it.
        aliases: that mean it.
        fallbacks: that are tried when it fails.
        found: what everybody is charged, and where that stands.
        cost: what its provider charges us, in the balance currency; None where that is not known.
        below_cost: the rates at which it is sold for less than it costs.
        why_not: why it cannot be called, each reason in words; empty where it can.
    """

    entry: CatalogueEntry
    aliases: Sequence[str]
    fallbacks: Sequence[str]
    found: Found
    cost: Price | None
    below_cost: Sequence[str]
    why_not: Sequence[str]


@dataclass(frozen=True, slots=True)
class PriceBasis:
    """By what list prices become prices.

    Attributes:
        markup: decimal text: what list prices are multiplied by.
        rate_nano: units of the balance currency for one USD, in nano; None where it is not known.
        fetched: the rate that was fetched last; None where it is set, or never was.
    """

    currency: str
    markup: str
    rate_nano: int | None
    fetched: Rate | None


def model_lines(office: Office) -> list[ModelLine]:
    """All models, disabled ones included, by ID."""
    snapshot = office.shelf.snapshot
    aliases: dict[str, list[str]] = {}
    for alias, target in sorted(snapshot.aliases.items()):
        aliases.setdefault(target, []).append(alias)
    return [_line(office, snapshot, snapshot.entries[name], aliases.get(name, ())) for name in sorted(snapshot.entries)]


def model_line(office: Office, model_id: str) -> ModelLine | None:
    """One model; None where the catalogue has none of this ID."""
    snapshot = office.shelf.snapshot
    entry = snapshot.entries.get(model_id)
    if entry is None:
        return None
    aliases = sorted(alias for alias, target in snapshot.aliases.items() if target == model_id)
    return _line(office, snapshot, entry, aliases)


def price_basis(office: Office) -> PriceBasis:
    """By what list prices become prices now."""
    book, billing = office.shelf.snapshot.prices, office.settings.billing
    fetched = get_rate(office.database, book.currency) if billing.usd_rate_url else None
    return PriceBasis(book.currency, billing.markup, book.rate_nano, fetched)


def below_cost(price: Price | None, cost: Price | None, at: float) -> list[str]:
    """The rates at which a price is below a cost, whatever the length of the prompt; none where either is not known."""
    if price is None or cost is None or not (has_rates(price) and has_rates(cost)):
        return []
    above = (tier.above_tokens for one in (price, cost) for tier in one.tiers)
    prompts = {0, *(bound + 1 for bound in above if bound is not None)}
    found = {name for tokens in prompts for name in _below(price, cost, at, tokens)}
    return [name for name in ALL_RATES if name in found]


def _below(price: Price, cost: Price, at: float, prompt_tokens: int) -> Iterator[str]:
    sold, paid = rates(price, at, prompt_tokens), rates(cost, at, prompt_tokens)
    yield from (name for name in RATES if getattr(sold, name) < getattr(paid, name))
    if paid.units is not None:
        for name in UNIT_RATES:
            if getattr(paid.units, name) > (getattr(sold.units, name) if sold.units is not None else 0):
                yield name


def _line(office: Office, snapshot: Snapshot, entry: CatalogueEntry, aliases: Sequence[str]) -> ModelLine:
    book = snapshot.prices
    found, cost = book.explain(entry.id, entry.provider, entry.card), book.cost(entry.card)
    below = below_cost(found.price, cost, office.clock())
    fallbacks, why_not = snapshot.fallbacks.get(entry.id, ()), tuple(_why_not(office, snapshot, entry))
    return ModelLine(entry, tuple(aliases), tuple(fallbacks), found, cost, below, why_not)


def _why_not(office: Office, snapshot: Snapshot, entry: CatalogueEntry) -> Iterator[str]:
    problems: Mapping[str, str] = {name: one.problem for name, one in office.shelf.providers.items()}
    if not entry.enabled:
        yield "It is disabled."
    if entry.provider in snapshot.off:
        yield f"Its provider, {entry.provider}, is turned off."
    elif not entry.available:
        problem = problems.get(entry.provider) or f"there is no section [providers.{entry.provider}]"
        yield f"Its provider, {entry.provider}, is not set up: {problem}."
    if not office.settings.gateway.bills:
        return
    price = snapshot.price_of(entry)
    if price is None and snapshot.prices.lacks_rate(entry.id, entry.card):
        yield f"No rate of USD to {snapshot.prices.currency} is known."
    elif price is None:
        yield "It has no price."
    elif not is_free(price) and not is_complete(price, entry.card.kind or "chat"):
        yield f"Its price lacks what {entry.card.kind or 'chat'} calls are charged by."
