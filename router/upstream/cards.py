"""Model cards: from the data beside a plugin (``models.toml``), and from a provider's own list."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from router.errors import ConfigError
from router.money.price_text import read_price
from router.types.records import ModelCard

__all__ = ["listed_card", "listed_cards", "load_cards"]

_WINDOWS = ("max_model_len", "context_window", "context_length", "max_context_length")
"""What vLLM and SGLang, Groq, OpenRouter and Together, and Mistral and LM Studio call the window."""
_OUTPUTS = ("max_completion_tokens", "max_output_tokens", "max_output_length")
_COUNT_MAX = 2**40


def load_cards(path: Path, *, owned_by: str) -> tuple[ModelCard, ...]:
    """The cards in a file of ``["model"]`` tables, whose keys are those of ``ModelCard``.

    ``price`` is a table of decimal texts in USD per million tokens, as ``router.money.price_text`` reads it
    (``{ input = "2.50", output = "10.00" }``).

    Raises:
        ConfigError: naming the file and the model.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_card(model, table, owned_by, path) for model, table in tables.items())


def _card(model: str, table: dict[str, Any], owned_by: str, path: Path) -> ModelCard:
    try:
        price = table.pop("price", None)
        read = read_price(price) if price is not None else None
        return ModelCard(model, price=read, **{"owned_by": owned_by, **table})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path.name}: model {model!r}: {error}") from None


def listed_card(entry: Mapping[str, Any]) -> ModelCard:
    """The card of one entry (``{"id", "created", "owned_by"}``), of unknown kind; with its window and its largest
    output where a server tells them by one of the names that are usual beside OpenAI's.
    """
    owner, created = _text(entry.get("owned_by")), _count(entry.get("created")) or 0
    window = next(filter(None, (_count(entry.get(name)) for name in _WINDOWS)), None)
    most = next(filter(None, (_count(entry.get(name)) for name in _OUTPUTS)), None)
    if window is not None and most is not None and most >= window:
        most = None  # the window itself bounds it
    return ModelCard(entry["id"], kind="", owned_by=owner, created=created, context_window=window, max_output=most)


def listed_cards(value: Any, card_of: Callable[[Mapping[str, Any]], ModelCard] = listed_card) -> tuple[ModelCard, ...]:
    """The cards in the answer of ``GET /models``, an object with a list ``data``. What has no ``id`` is left out."""
    data = value.get("data") if isinstance(value, dict) else None
    entries = data if isinstance(data, list) else ()
    return tuple(card_of(one) for one in entries if isinstance(one, dict) and _text(one.get("id")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < _COUNT_MAX else None
