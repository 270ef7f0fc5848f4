"""A provider's cards as its plugin hands them over: checked before prices and bounds are made of them."""

from __future__ import annotations

from typing import Any

from router.prices import RATES, Price
from router.types import ModelCard

__all__ = ["fault_of_card"]

_KINDS = ("", "chat", "embeddings")
_COUNTS = ("created", "prompt_overhead")
_KNOWN_OR_NONE = ("context_window", "max_output", "image_tokens", "audio_tokens", "file_tokens")
_MOST = 2**62  # what a database can hold


def fault_of_card(card: Any) -> str:
    """What is wrong with a card; empty where nothing is."""
    if not isinstance(card, ModelCard):
        return f"a router.ModelCard is wanted, not {type(card).__name__}"
    if not isinstance(card.model, str) or not card.model or not card.model.isprintable():
        return f"a card's model is {card.model!r}, and must be a printable name"
    if card.kind not in _KINDS:
        return f"the card {card.model!r} is of the kind {card.kind!r}: write chat or embeddings"
    for name in (*_COUNTS, *_KNOWN_OR_NONE):
        value = getattr(card, name)
        if not (_is_count(value) or (value is None and name in _KNOWN_OR_NONE)):
            return f"the card {card.model!r} has {name} {value!r}, and it must be a whole number of at least 0"
    return _fault_of_price(card)


def _fault_of_price(card: ModelCard) -> str:
    price = card.price
    if price is None:
        return ""
    if not isinstance(price, Price):
        return f"the card {card.model!r} has the price {price!r}, which is no router.Price"
    for part in (price, *price.tiers):
        for name in RATES:
            rate = getattr(part, name)
            if rate is not None and not _is_count(rate):
                return f"the card {card.model!r} has the {name} rate {rate!r}: write nano-units per million tokens"
    return ""


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST
