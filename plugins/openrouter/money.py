"""OpenRouter's prices and costs: decimal texts in USD per token, and a float of USD per call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from router import ModelCard, Price
from router.upstream import object_at

__all__ = ["card_of", "take_cost_nano"]

_NANO = 10**9
_PER_MILLION = 10**6
_DEAREST = Decimal(100)  # USD for one token: nobody asks more
_COST_MAX = Decimal(10**6)
_RATES: Mapping[str, str] = {
    "input": "prompt",
    "cached_input": "input_cache_read",
    "cache_write": "input_cache_write",
    "output": "completion",
    "reasoning": "internal_reasoning",
}
"""Ours -> theirs."""
_NO_PRICES = ("discount", "web_search")
_UNSEEN = ("cost", "cost_details", "is_byok")


def card_of(card: ModelCard, entry: Mapping[str, Any]) -> ModelCard:
    """The card with what an entry of ``GET /models`` tells (``context_length``, ``top_provider``, ``pricing``)."""
    window = _count(entry.get("context_length"))
    most = _count(object_at(entry, "top_provider").get("max_completion_tokens"))
    made = object_at(entry, "architecture").get("output_modalities")
    author = card.model.partition("/")[0]
    pricing = object_at(entry, "pricing")
    beside = _beside_tokens(pricing, made)
    return replace(
        card,
        kind="chat" if isinstance(made, list) and "text" in made else "",
        owned_by=author,
        context_window=window,
        max_output=most,
        price=None if beside else _price(pricing),
        unpriced=beside,
    )


def take_cost_nano(usage: dict[str, Any]) -> int | None:
    """What the call cost us, in nano-USD, and out of the usage with it: customers see what we charge them.

    With a provider's key of our own at OpenRouter, ``cost`` is OpenRouter's fee, and the provider's price beside it.
    """
    told = {name: usage.pop(name, None) for name in _UNSEEN}
    parts = [told["cost"]]
    if told["is_byok"] is True:
        parts.append(object_at(told, "cost_details").get("upstream_inference_cost"))
    amounts = [amount for part in parts if (amount := _usd(part)) is not None and amount <= _COST_MAX]
    return math.ceil(sum(amounts) * _NANO) if amounts else None


def _beside_tokens(pricing: Mapping[str, Any], made: Any) -> str:
    """What of a model is paid by other things than tokens of text; empty where nothing is.

    A search is paid as well, but by an extra alone, which is refused where calls are billed.
    """
    known = {*_RATES.values(), *_NO_PRICES}
    others = sorted(name for name, amount in pricing.items() if name not in known and _usd(amount) != 0)
    if others:
        return f"not paid by tokens alone: its list has a price for {', '.join(others)}"
    media = sorted(str(one) for one in made if one != "text") if isinstance(made, list) else []
    return f"not paid by tokens of text alone: it makes {', '.join(media)}" if media else ""


def _price(pricing: Mapping[str, Any]) -> Price | None:
    """None where nothing is told of one, or it is nothing: what is free for us is not so for customers."""
    usd = {name: _usd(pricing.get(other)) for name, other in _RATES.items()}
    rates: dict[str, Any] = {
        name: math.ceil(amount * _PER_MILLION * _NANO)
        for name, amount in usd.items()
        if amount is not None and amount <= _DEAREST and (amount or name in ("input", "output"))
    }
    if "input" not in rates or "output" not in rates or not any(rates.values()):
        return None
    return Price(**rates)


def _usd(value: Any) -> Decimal | None:
    """An amount that is none below zero (``-1`` is OpenRouter's mark of a price that changes)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
