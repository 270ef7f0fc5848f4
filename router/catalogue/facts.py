"""What is known of a model that no plugin describes: what the operator says, over what its provider's list told, over
the public catalogue that comes with the gateway.

``public.json`` holds windows, largest outputs and capabilities of models that many hosts serve, by the last part of
their name; the makers' published figures, gathered in autumn 2026 from this project's own lists and from those of
LiteLLM (MIT licence). A host may offer less than the maker: the operator's word goes before it. It holds no prices, as
each host has its own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from router.config.provider import CAPABILITIES, ModelFacts
from router.money.price_text import keep_price, kept_price, read_price
from router.types.records import ModelCard

__all__ = ["bare_card", "described", "facts_fault", "given_facts", "learned_card"]

_COUNTS = ("context_window", "max_output", "image_tokens", "audio_tokens", "file_tokens")
_LEARNED = frozenset(one.name for one in fields(ModelCard)) - {"model", "kind", "price", "capabilities"}


def bare_card(provider: str, model: str, kind: str = "") -> ModelCard:
    """The card of a model of which only the name is known: what the public catalogue says of that."""
    return _with_public(ModelCard(model, kind=kind, owned_by=provider))


def learned_card(provider: str, model: str, kind: str, facts: Mapping[str, Any]) -> ModelCard:
    """The card that a provider's list gave, as the database keeps it (``models sync``); its gaps are filled."""
    known = {name: value for name, value in facts.items() if name in _LEARNED}
    price = facts.get("price")
    card = ModelCard(
        model,
        kind,
        **{"owned_by": provider, **known},
        price=kept_price(price) if price is not None else None,
        capabilities=tuple(facts.get("capabilities", ())),
    )
    return _with_public(card)


def described(card: ModelCard, given: Mapping[str, Any]) -> ModelCard:
    """The card with the operator's facts over its own.

    Args:
        given: as ``given_facts`` makes them.
    """
    if not given:
        return card
    changed: dict[str, Any] = {name: given[name] for name in ("kind", *_COUNTS) if name in given}
    if "capabilities" in given:
        changed["capabilities"] = tuple(given["capabilities"])
        changed["reasoning"] = "reasoning" in changed["capabilities"]
    if "retires" in given:
        changed["retires"] = str(given["retires"])
    if "price" in given:
        changed["price"] = kept_price(given["price"])
    window, most = changed.get("context_window"), card.max_output
    if window is not None and most is not None and "max_output" not in changed and most > window:
        changed["max_output"] = None  # of a larger window than this host has
    return replace(card, **changed)


def given_facts(facts: ModelFacts) -> dict[str, Any]:
    """What a description says, as a JSON object; its cost under ``price``, in whole nano-units.

    Raises:
        ValueError: see ``facts_fault``.
    """
    given: dict[str, Any] = {name: value for name in _COUNTS if (value := getattr(facts, name)) is not None}
    if facts.kind:
        given["kind"] = facts.kind
    if facts.capabilities:
        given["capabilities"] = list(facts.capabilities)
    if facts.retires:
        given["retires"] = facts.retires
    if facts.cost:
        given["price"] = keep_price(read_price(facts.cost))
    return given


def facts_fault(facts: ModelFacts) -> tuple[str, str]:
    """(key, what is wrong with it) of a description; two empty texts where it is right."""
    unknown = [name for name in facts.capabilities if name not in CAPABILITIES]
    if unknown:
        return "capabilities", f"{unknown[0]!r} is none; the capabilities are {', '.join(CAPABILITIES)}"
    if facts.retires and not _is_day(facts.retires):
        return "retires", f"{facts.retires!r} is no day: write it as 2027-01-31"
    window = facts.context_window
    if window is not None and facts.max_output is not None and facts.max_output > window:
        return "max_output", f"{facts.max_output} is more than the context window of {window} tokens"
    try:
        given_facts(facts)
    except ValueError as error:
        return "cost", str(error)
    return "", ""


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _with_public(card: ModelCard) -> ModelCard:
    """What is not known of a model, from the public catalogue."""
    public = _public().get(card.model.rpartition("/")[2].lower().removesuffix(":free"))
    if public is None:
        return card
    if card.kind and public.get("kind", "chat") != card.kind:
        return card
    missing: dict[str, Any] = {name: public[name] for name in _COUNTS if name in public and getattr(card, name) is None}
    window = card.context_window
    if window is not None and missing.get("max_output", 0) > window:
        del missing["max_output"]
    if "kind" in public:
        missing["kind"] = public["kind"]
    if not card.capabilities and "capabilities" in public:
        missing["capabilities"] = tuple(public["capabilities"])
        missing["reasoning"] = card.reasoning or "reasoning" in public["capabilities"]
    return replace(card, **missing)


@functools.cache
def _public() -> Mapping[str, Mapping[str, Any]]:
    text = Path(__file__).with_name("public.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, Any]] = json.loads(text)
    return found
