"""The fields of forms that tell of models: prices, and what a model can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from router.catalogue.facts import facts_fault, given_facts
from router.config.provider import CAPABILITIES, TOKENS, ModelFacts
from router.money.price_text import kept_price, read_price, show_price
from router.money.prices import ALL_RATES, Price
from router.office.forms.fields import OfficeField
from router.surfaces.field_kinds import short

__all__ = ["FactsField", "PriceField"]

_COUNTS = ("context_window", "max_output", "image_tokens", "audio_tokens", "file_tokens")
_RATE = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"}
_RATES: Mapping[str, Any] = dict.fromkeys(ALL_RATES, _RATE)


class PriceField(OfficeField):
    """A price as ``router.toml`` has it: ``{"input": "2.50", "output": "10"}``; gives a ``Price``."""

    def shape(self) -> dict[str, Any]:
        return {"type": "object", "properties": {**_RATES, "free": {"type": "boolean"}, "tiers": {"type": "array"}}}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Price:
        try:
            return read_price(value)
        except ValueError as error:
            raise ValidationError(f"is no price: {error}") from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else show_price(value)


class FactsField(OfficeField):
    """What a model can do, and costs us: gives it as ``router.catalogue.facts.given_facts`` does."""

    def shape(self) -> dict[str, Any]:
        count = {"type": "integer", "minimum": TOKENS["min"], "maximum": TOKENS["max"]}
        can = {"type": "array", "items": {"enum": list(CAPABILITIES)}}
        cost = {"type": "object", "properties": dict(_RATES), "additionalProperties": False}
        retires = {"type": "string", "format": "date"}
        properties = {**dict.fromkeys(_COUNTS, count), "capabilities": can, "cost": cost, "retires": retires}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, not {short(value)}")
        known = (*_COUNTS, "capabilities", "cost", "retires")
        unknown = sorted(set(value) - set(known))
        if unknown:
            raise ValidationError(f"has no {unknown[0][:100]!r}: it takes {', '.join(known)}")
        for name in _COUNTS:
            _check_count(name, value.get(name))
        can, cost = value.get("capabilities") or [], value.get("cost") or {}
        if not isinstance(can, list) or not all(isinstance(one, str) for one in can) or not isinstance(cost, dict):
            raise ValidationError("must have capabilities as a list of texts, and cost as an object")
        if not isinstance(retires := value.get("retires") or "", str):
            raise ValidationError("is wrong at retires: must be a day such as 2027-01-31")
        counts: dict[str, Any] = {name: value.get(name) for name in _COUNTS}
        facts = ModelFacts(capabilities=tuple(can), cost=cost, retires=retires, **counts)
        key, fault = facts_fault(facts)
        if fault:
            raise ValidationError(f"is wrong at {key}: {fault}")
        return given_facts(facts)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        if value is None:
            return None
        told = {name: one for name, one in value.items() if name not in ("price", "kind")}
        return told | ({"cost": show_price(kept_price(value["price"]))} if "price" in value else {})


def _check_count(name: str, count: Any) -> None:
    if count is not None and (type(count) is not int or not TOKENS["min"] <= count <= TOKENS["max"]):
        raise ValidationError(f"is wrong at {name}: must be a whole number from 1 to {TOKENS['max']}")
