"""A model ID -> a route: the ordered targets that may serve the call, and why."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from router.catalogue.catalogue import Catalogue
from router.catalogue.facts import bare_card
from router.catalogue.snapshot import CatalogueEntry, Snapshot
from router.errors import Forbidden, ModelNotFound, RouterError, Unavailable
from router.providers.configured import ConfiguredProvider
from router.types.records import Key, ModelCard

__all__ = ["ModelResolver", "Route", "Target", "printable_id"]

_ALIAS_STEPS = 8
_REMEMBERED_MAX = 1000
_COMPARED_MAX = 40
_SHOWN_MAX = 128


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and the model it knows; ``id`` is the public ID."""

    id: str
    provider: ConfiguredProvider
    card: ModelCard

    @property
    def model(self) -> str:
        return self.card.model

    def is_larger_than(self, other: Target) -> bool:
        """Whether its context window is known to hold more."""
        return (self.card.context_window or 0) > (other.card.context_window or 0)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes.

    Attributes:
        model: the ID as the client wrote it, which is what its answer shows.
        targets: best first; never empty.
        steps: how the ID was understood, one sentence each, for ``router routes explain``.
    """

    model: str
    targets: tuple[Target, ...]
    steps: tuple[str, ...]


class ModelResolver:
    """Resolves against the catalogue's snapshot and the configured providers."""

    def __init__(self, catalogue: Catalogue, providers: Mapping[str, ConfiguredProvider]) -> None:
        self._catalogue = catalogue
        self._providers = providers
        idle = [provider for provider in providers.values() if not provider.active]
        self._idle_models = {card.model: provider for provider in idle for card in provider.cards()}
        self._last: tuple[Snapshot, dict[str, Route]] = (catalogue.snapshot(), {})

    def route(self, model_id: str, key: Key | None = None) -> Route:
        """The route for an exact public ID, an alias, ``provider/model``, or a bare model that one provider serves.

        Args:
            key: leaves out the fallbacks that are not in its scope; None for all.

        Raises:
            ModelNotFound: none of these; the message names the nearest IDs.
            Forbidden: the model is not in the key's scope.
            Unavailable: the provider is not set up; the detail says what to set.
        """
        route = self._known(model_id)
        if key is None or not key.scope:
            return route
        first, *fallbacks = route.targets
        if not (key.may_use(model_id) or _in_scope(key, first)):
            message = f"This API key may not use the model '{printable_id(model_id)}'."
            raise Forbidden(message, code="model_not_allowed", param="model")
        return replace(route, targets=(first, *(target for target in fallbacks if _in_scope(key, target))))

    def entry(self, model_id: str) -> CatalogueEntry:
        """What an ID means, whether or not its provider is set up.

        Raises:
            ModelNotFound: it means nothing, or is disabled.
        """
        return self._entry(model_id, self._catalogue.snapshot(), [])

    def allows(self, key: Key, model_id: str) -> bool:
        """Whether a call for ``model_id`` would have a route with this key."""
        try:
            self.route(model_id, key)
        except RouterError:
            return False
        return True

    def _known(self, model_id: str) -> Route:
        snapshot = self._catalogue.snapshot()
        if self._last[0] is not snapshot:
            self._last = (snapshot, {})
        known = self._last[1]
        route = known.get(model_id)
        if route is None:
            route = self._resolve(model_id, snapshot)
            if len(known) < _REMEMBERED_MAX:
                known[model_id] = route
        return route

    def _resolve(self, model_id: str, snapshot: Snapshot) -> Route:
        steps: list[str] = []
        entry = self._entry(model_id, snapshot, steps)
        off = entry.provider in snapshot.off
        if not entry.available and not off:
            raise self._idle(entry.provider, model_id)
        fallbacks = list(self._fallbacks(entry, model_id, snapshot, steps))
        if not off:
            return Route(model_id, (self._target(entry), *fallbacks), tuple(steps))
        if not fallbacks:
            raise _turned_off(entry.provider, model_id)
        steps.insert(len(steps) - len(fallbacks), f"its provider {entry.provider!r} is turned off")
        return Route(model_id, tuple(fallbacks), tuple(steps))

    def _entry(self, model_id: str, snapshot: Snapshot, steps: list[str]) -> CatalogueEntry:
        name = model_id
        while name not in snapshot.entries and name in snapshot.aliases and len(steps) < _ALIAS_STEPS:
            steps.append(f"{name!r} is an alias of {snapshot.aliases[name]!r}")
            name = snapshot.aliases[name]
        entry = snapshot.entries.get(name)
        if entry is not None:
            steps.append(f"{name!r} is in the catalogue ({entry.source})")
        else:
            entry = self._by_target(name, snapshot, steps) or self._by_model(name, snapshot, steps)
        if entry is None:
            raise self._not_found(name, model_id, snapshot)
        if not entry.enabled:
            raise ModelNotFound(f"The model '{printable_id(model_id)}' is disabled on this gateway.", param="model")
        return entry

    def _target(self, entry: CatalogueEntry) -> Target:
        return Target(entry.id, self._providers[entry.provider], entry.card)

    def _fallbacks(self, entry: CatalogueEntry, asked: str, snapshot: Snapshot, steps: list[str]) -> Iterator[Target]:
        """The operator's targets for an ID: listed under the ID as asked for, else under the model's own."""
        for model_id in snapshot.fallbacks.get(asked) or snapshot.fallbacks.get(entry.id) or ():
            following = snapshot.entries.get(snapshot.aliases.get(model_id, model_id))
            following = following or self._by_target(model_id, snapshot, [])
            if following is not None and following.enabled and following.available:
                steps.append(f"falls back to {following.id!r}")
                yield self._target(following)
            else:
                steps.append(f"would fall back to {model_id!r}, which is not there")

    def _by_target(self, name: str, snapshot: Snapshot, steps: list[str]) -> CatalogueEntry | None:
        entry = snapshot.by_target.get(name)
        if entry is not None:
            steps.append(f"{name!r} names the provider and model of {entry.id!r}")
            return entry
        provider, slash, model = name.partition("/")
        if slash and model and provider in snapshot.unlisted:
            steps.append(f"provider {provider!r} passes on models that are on no list")
            return CatalogueEntry(name, provider, bare_card(provider, model), source="unlisted")
        return None

    def _by_model(self, name: str, snapshot: Snapshot, steps: list[str]) -> CatalogueEntry | None:
        entries = [entry for entry in snapshot.by_model.get(name, ()) if entry.enabled]
        if len({entry.provider for entry in entries}) > 1:
            choices = ", ".join(repr(entry.id) for entry in entries)
            raise ModelNotFound(
                f"The model '{name}' is served by several providers: ask for one of {choices}.", param="model"
            )
        if entries:
            steps.append(f"only {entries[0].provider!r} serves a model called {name!r}")
            return entries[0]
        return None

    def _not_found(self, name: str, asked: str, snapshot: Snapshot) -> Unavailable | ModelNotFound:
        provider = self._providers.get(name.partition("/")[0]) or self._idle_models.get(name)
        if provider is not None and provider.name in snapshot.off and not snapshot.closed:
            return _turned_off(provider.name, asked)
        if provider is not None and not provider.active and not snapshot.closed:
            return self._idle(provider.name, asked)
        near = _nearest(name, [entry.id for entry in snapshot.listed()])
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near else f" {ModelNotFound.listed_at}"
        via = f" is an alias of '{printable_id(name)}', which" if name != asked else ""
        return ModelNotFound(f"The model '{printable_id(asked)}'{via} does not exist.{hint}", param="model")

    def _idle(self, name: str, asked: str) -> Unavailable:
        """The provider of a model is not set up, or there is none of that name at all."""
        provider = self._providers.get(name)
        problem = provider.problem if provider is not None else ""
        remedy = problem or f"write a section [providers.{name}], or name another provider with [gateway] upstream"
        model = printable_id(asked)
        return Unavailable(
            f"The model '{model}' cannot be served at present: it is not set up completely on this gateway.",
            code="provider_not_configured",
            param="model",
            headers={"x-should-retry": "false"},
            detail=f"The model '{model}' needs the provider {name!r}, which is not set up: {remedy}.",
        )


def _turned_off(name: str, asked: str) -> Unavailable:
    """An operator has turned the provider of a model off."""
    model, remedy = printable_id(asked), f"`router providers enable {name}`"
    return Unavailable(
        f"The model '{model}' cannot be served at present.",
        code="provider_turned_off",
        param="model",
        detail=f"The model '{model}' needs the provider {name!r}, which is turned off: {remedy}.",
    )


def _in_scope(key: Key, target: Target) -> bool:
    """By its public ID, or by provider and model: ``acme/*`` is all that acme serves, whatever it is called here."""
    return key.may_use(target.id) or key.may_use(f"{target.provider.name}/{target.model}")


def printable_id(model_id: str) -> str:
    """A model ID from a client as a message may show it."""
    shown = model_id if len(model_id) <= _SHOWN_MAX else f"{model_id[:_SHOWN_MAX]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in shown)


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known IDs that a wrong one may have meant, closest first.

    ``difflib`` takes up to 0.1 ms for one comparison, on the event loop: it sees only those with most letter pairs in
    common.
    """
    name = name.lower()[:_SHOWN_MAX]
    folded = {model_id.lower(): model_id for model_id in known}
    if "/" not in name:
        folded = {short.rpartition("/")[2]: model_id for short, model_id in folded.items()}
    pairs = _pairs(name)
    likely = heapq.nlargest(_COMPARED_MAX, folded, key=lambda candidate: len(pairs & _pairs(candidate)))
    return [folded[match] for match in difflib.get_close_matches(name, likely, n=3)]


def _pairs(text: str) -> set[str]:
    return {text[place : place + 2] for place in range(len(text) - 1)}
