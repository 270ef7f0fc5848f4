"""OpenRouter's public list of models with their prices, or a list of the same shape, as models of a provider here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from router.catalogue.facts import facts_fault, given_facts
from router.config.provider import ModelFacts
from router.errors import BadRequest
from router.office.importing.records import ForeignModel, FoundElsewhere, OddRow, per_million

__all__ = ["find_in_list"]

_RATES = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
}
_UNITS = {"request": "per_request", "image": "", "web_search": "per_search"}
_INPUTS = {"image": "images", "audio": "audio", "file": "files"}
_PRICE_MAX = 10**15
_ABILITIES = {"tools": "tools", "reasoning": "reasoning"}


def find_in_list(content: bytes, provider: str) -> FoundElsewhere:
    """The models of a list.

    Args:
        content: a JSON object with ``data``, as ``GET /api/v1/models`` gives it.
        provider: the name of the provider here that serves them.

    Raises:
        BadRequest: it is no such list.
    """
    try:
        document = json.loads(content, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadRequest("The list is no JSON.") from None
    models = document.get("data") if isinstance(document, dict) else None
    if not isinstance(models, list):
        raise BadRequest("The list has no data: it must be a JSON object as GET /api/v1/models of OpenRouter gives it.")
    found = FoundElsewhere("openrouter")
    for place, entry in enumerate(models, 1):
        id = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(id, str) or not id:
            found.bad.append(OddRow(f"data[{place}]", "has no id"))
            continue
        try:
            if _varies(entry):
                found.left.append(OddRow(id, "has no price of its own: it leads to others"))
            else:
                found.models.append(ForeignModel(id, f"{provider}/{id}", provider, id, "chat", _facts(entry)))
        except ValueError as error:
            found.bad.append(OddRow(id, str(error)))
    return found


def _varies(entry: Mapping[str, Any]) -> bool:
    prices = entry.get("pricing")
    if not isinstance(prices, dict):
        raise ValueError("has no pricing")
    return str(prices.get("prompt")) == "-1"


def _facts(entry: Mapping[str, Any]) -> dict[str, Any]:
    prices, top = entry["pricing"], _table(entry, "top_provider")
    cost: dict[str, Any] = {
        ours: per_million(prices[name]) for name, ours in _RATES.items() if _is_charged(prices, name)
    }
    cost |= {ours: _plain(prices[name]) for name, ours in _UNITS.items() if ours and _is_charged(prices, name)}
    if cost:
        cost.setdefault("input", "0")
    inputs = _texts(_table(entry, "architecture"), "input_modalities")
    facts = ModelFacts(
        context_window=_count(entry, "context_length"),
        max_output=_count(top, "max_completion_tokens"),
        capabilities=(
            *(ours for theirs, ours in _INPUTS.items() if theirs in inputs),
            *(ours for theirs, ours in _ABILITIES.items() if theirs in _texts(entry, "supported_parameters")),
        ),
        cost=cost or {"free": True},
    )
    key, fault = facts_fault(facts)
    if fault:
        raise ValueError(f"{key}: {fault}")
    return given_facts(facts)


def _is_charged(prices: Mapping[str, Any], name: str) -> bool:
    try:
        return prices.get(name) is not None and Decimal(str(prices[name])) != 0
    except ArithmeticError:
        raise ValueError(f"{name}: {str(prices[name])[:40]!r} is no price") from None


def _plain(price: Any) -> str:
    value = Decimal(str(price))
    if not value.is_finite() or not 0 <= value < _PRICE_MAX:
        raise ValueError(f"{str(price)[:40]!r} is no price")
    return f"{round(value, 9):f}"


def _table(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _texts(entry: Mapping[str, Any], name: str) -> list[str]:
    value = entry.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _count(entry: Mapping[str, Any], name: str) -> int | None:
    value = entry.get(name)
    if value is None or value == 0:
        return None
    if type(value) is not int or not 0 < value < 10**12:
        raise ValueError(f"{name} is {str(value)[:40]!r}: it must be a whole number of tokens")
    return value
