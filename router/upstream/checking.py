"""What a provider's plugin hands over, checked before it is used: cards for prices and bounds, wires for calls."""

from __future__ import annotations

import re
from typing import Any

from router.money.modalities import MODALITIES
from router.money.prices import ALL_RATES, Price
from router.types.records import ModelCard

__all__ = ["fault_of_card", "fault_of_wire"]

_COUNTS = ("created", "prompt_overhead")
_KNOWN_OR_NONE = ("context_window", "max_output", "image_tokens", "audio_tokens", "file_tokens")
_MOST = 2**62  # what a database can hold
_STEPS = ("post", "reply", "stream")
_MISSING = object()


def fault_of_card(card: Any) -> str:
    """What is wrong with a card; empty where nothing is."""
    if not isinstance(card, ModelCard):
        return f"a router.ModelCard is wanted, not {type(card).__name__}"
    if not isinstance(card.model, str) or not card.model or not card.model.isprintable():
        return f"a card's model is {card.model!r}, and must be a printable name"
    if card.kind not in ("", *MODALITIES):
        return f"the card {card.model!r} is of the kind {card.kind!r}: write one of {', '.join(MODALITIES)}"
    for name in (*_COUNTS, *_KNOWN_OR_NONE):
        value = getattr(card, name)
        if not (_is_count(value) or (value is None and name in _KNOWN_OR_NONE)):
            return f"the card {card.model!r} has {name} {value!r}, and it must be a whole number of at least 0"
    return _fault_of_price(card)


def fault_of_wire(wire: Any) -> str:
    """What is wrong with the ``Wire`` that a ``compiled`` hook gives, and in which member; empty where nothing is."""
    kind = type(wire).__name__
    for name in _STEPS:
        if not callable(getattr(wire, name, None)):
            return f"{kind} has no method {name!r}"
    edits, reads_usage = getattr(wire, "edits", _MISSING), getattr(wire, "reads_usage", _MISSING)
    most = getattr(wire, "reply_bytes_max", _MISSING)
    if edits is not None and not (isinstance(edits, re.Pattern) and isinstance(edits.pattern, bytes)):
        return f"{kind}{_given('edits', edits)}, and it must be a compiled pattern of bytes, or None"
    if type(reads_usage) is not bool:
        return f"{kind}{_given('reads_usage', reads_usage)}, and it must be True or False"
    if type(most) is not int or most < 1:
        return f"{kind}{_given('reply_bytes_max', most)}, and it must be a whole number of at least 1"
    return ""


def _given(name: str, value: Any) -> str:
    return f" has no {name!r}" if value is _MISSING else f" has {name} {value!r:.100}"


def _fault_of_price(card: ModelCard) -> str:
    price = card.price
    if price is None:
        return ""
    if not isinstance(price, Price):
        return f"the card {card.model!r} has the price {price!r}, which is no router.Price"
    for part in (price, *price.tiers):
        for name in ALL_RATES:
            rate = getattr(part, name)
            if rate is not None and not _is_count(rate):
                return f"the card {card.model!r} has the {name} rate {rate!r}: write whole nano-units"
    return ""


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST
