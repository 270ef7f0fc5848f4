"""The catalogue: the providers' own cards, the operator's rows over them, and the aliases, as one snapshot in memory.

The database holds the rows; a worker asks it at most once a second whether they have changed. While the database
does not answer, the last snapshot stays in force.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from router.catalogue.prices import PriceBook, PriceRules
from router.errors import StoreError
from router.tariff import kept_price
from router.types import ModelCard, Price

__all__ = ["Catalogue", "Entry", "Listing", "Row", "Rows", "Snapshot", "Stored", "build_snapshot"]

_FACTS = frozenset(one.name for one in fields(ModelCard)) - {"model", "kind", "price"}
_USD = PriceRules()
_log = logging.getLogger("router.catalogue")


@dataclass(frozen=True, slots=True)
class Entry:
    """One public model ID.

    Attributes:
        id: as clients write it.
        provider: configured provider name.
        card: what is known of the model; ``card.model`` is the name that the upstream knows.
        enabled: whether calls may use it.
        source: ``provider`` (its own list), ``configuration`` or ``operator``.
    """

    id: str
    provider: str
    card: ModelCard
    enabled: bool = True
    source: str = "provider"


@dataclass(frozen=True, slots=True)
class Row:
    """The operator's word on a public model ID: a model, or (without a provider) a switch on a listed one.

    ``facts`` holds fields of ``ModelCard``, as ``router models sync`` found them.
    """

    id: str
    provider: str | None
    model: str | None
    kind: str
    enabled: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


class Rows(Protocol):
    """Where the operator's rows and aliases are kept."""

    def version(self) -> int:
        """A number that grows with each change."""
        ...

    def load(self) -> Stored:
        """All of it."""
        ...


@dataclass(frozen=True)
class Stored:
    """The operator's part of the catalogue.

    Attributes:
        aliases: alias -> model ID.
        fallbacks: model ID -> model IDs to try next.
        prices: (price list, public ID or ``provider/model``) -> price in the balance currency.
        rates: currency -> units of it for one USD, in nano, as fetched.
    """

    rows: Sequence[Row] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prices: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    rates: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """What one active provider brings: its cards, and whether it passes models on that are on no list."""

    cards: Sequence[ModelCard]
    configured: Sequence[str] = ()
    unlisted: bool = False


@dataclass(frozen=True)
class Snapshot:
    """An immutable view of the catalogue.

    Attributes:
        entries: public ID -> entry, disabled ones included.
        aliases: alias -> model ID.
        by_target: ``provider/model`` -> entry, where the public ID is another.
        by_model: bare model -> entries that serve it.
        unlisted: providers that pass on models that are on no list.
        fallbacks: model ID -> model IDs to try next, best first.
        prices: what each model is charged and costs.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    by_target: Mapping[str, Entry] = field(default_factory=dict)
    by_model: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    unlisted: frozenset[str] = frozenset()
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prices: PriceBook = field(default_factory=PriceBook)

    def listed(self) -> list[Entry]:
        """What ``GET /v1/models`` shows: enabled entries, then aliases of enabled entries, sorted by ID."""
        shown = {entry.id: entry for entry in self.entries.values() if entry.enabled}
        for alias, target in self.aliases.items():
            entry = self.entries.get(target)
            if entry is not None and entry.enabled:
                shown.setdefault(alias, Entry(alias, entry.provider, entry.card, True, "alias"))
        return [shown[model_id] for model_id in sorted(shown)]


class Catalogue:
    """Keeps the snapshot fresh.

    Args:
        listings: active provider -> what it brings.
        pinned: aliases and fallbacks of the configuration; they win over the database's.
        rows: the operator's rows.
        rules: what the configuration says of prices.
        max_age_s: how old the answer to "has it changed?" may be.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        listings: Mapping[str, Listing],
        pinned: Stored,
        rows: Rows,
        *,
        rules: PriceRules = _USD,
        max_age_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listings = listings
        self._pinned = pinned
        self._rows = rows
        self._rules = rules
        self._max_age_s = max_age_s
        self._clock = clock
        self._checked_at = -max_age_s - 1
        self._version: int | None = None
        self._snapshot = build_snapshot(listings, pinned, rules)

    def snapshot(self) -> Snapshot:
        """The view in force, at most ``max_age_s`` behind the database (as long as that answers)."""
        now = self._clock()
        if now - self._checked_at > self._max_age_s:
            self._checked_at = now  # before asking: calls that arrive meanwhile use the old snapshot
            self._refresh()
        return self._snapshot

    def _refresh(self) -> None:
        try:
            version = self._rows.version()
            if version != self._version:
                stored, pinned = self._rows.load(), self._pinned
                merged = Stored(
                    (*stored.rows, *pinned.rows),
                    {**stored.aliases, **pinned.aliases},
                    {**stored.fallbacks, **pinned.fallbacks},
                    stored.prices,
                    stored.rates,
                )
                self._snapshot = build_snapshot(self._listings, merged, self._rules)
                self._version = version
        except StoreError as error:
            _log.warning("the catalogue is served from memory: %s", error.message)


def build_snapshot(
    listings: Mapping[str, Listing],
    stored: Stored,
    rules: PriceRules = _USD,
) -> Snapshot:
    """Merge providers' lists and operator's rows; a row wins over the list, a row of an inactive provider stays out."""
    entries = _listed_entries(listings)
    for row in stored.rows:
        if row.provider is None or row.model is None:
            if row.id in entries:
                entries[row.id] = replace(entries[row.id], enabled=row.enabled)
        elif row.provider in listings:
            known = entries.get(f"{row.provider}/{row.model}")
            card = known.card if known else _card(row.model, row)
            entries[row.id] = Entry(row.id, row.provider, card, row.enabled, "operator")
    by_target: dict[str, Entry] = {}
    by_model: dict[str, list[Entry]] = {}
    for entry in entries.values():
        by_target.setdefault(f"{entry.provider}/{entry.card.model}", entry)
        by_model.setdefault(entry.card.model, []).append(entry)
    unlisted = frozenset(name for name, listing in listings.items() if listing.unlisted)
    book = PriceBook(rules, stored.prices, stored.rates.get(rules.currency))
    return Snapshot(entries, dict(stored.aliases), by_target, by_model, unlisted, dict(stored.fallbacks), book)


def _card(model: str, row: Row) -> ModelCard:
    facts = {name: value for name, value in row.facts.items() if name in _FACTS}
    price = row.facts.get("price")
    return ModelCard(
        model, row.kind, **{"owned_by": row.provider, **facts}, price=kept_price(price) if price is not None else None
    )


def _listed_entries(listings: Mapping[str, Listing]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for provider, listing in listings.items():
        for card in listing.cards:
            entries[f"{provider}/{card.model}"] = Entry(f"{provider}/{card.model}", provider, card)
        for model in listing.configured:
            entry_id = f"{provider}/{model}"
            if entry_id not in entries:
                entries[entry_id] = Entry(
                    entry_id, provider, ModelCard(model, kind="", owned_by=provider), source="configuration"
                )
    return entries
