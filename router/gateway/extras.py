"""What a call can ask for that providers charge beside the tokens: it has no price here, so it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest

__all__ = ["check_extras", "extras_shapes"]

_EXTRAS = frozenset({"audio", "enable_search", "models", "plugins", "search_parameters", "speed", "web_search_options"})
"""Searches, spoken answers, faster service, and lists of other models: paid wherever they are known."""
_CHOICES = {
    "service_tier": frozenset({"auto", "default", "flex", "standard"}),
    "modalities": frozenset({"text"}),
    "tools": frozenset({"function", "custom"}),
}
"""Field -> what it may say; of a list, each member; of tools, their types."""
_LOOKED_AT = _EXTRAS | _CHOICES.keys()


def check_extras(body: Mapping[str, Any]) -> None:
    """Refuse a body that asks for something without a price. What is ``null`` or ``false`` asks for nothing.

    Raises:
        BadRequest: naming the field.
    """
    if _LOOKED_AT.isdisjoint(body):
        return
    for name in sorted(_LOOKED_AT.intersection(body)):
        value = body[name]
        if value is None or value is False:
            continue
        if name in _EXTRAS:
            raise _refusal(name, f"'{name}' has no price on this gateway; send the request without it.")
        _check_choice(name, value)


def extras_shapes() -> dict[str, dict[str, Any]]:
    """Field -> what ``check_extras`` lets in, as JSON Schema."""
    shapes: dict[str, dict[str, Any]] = {name: {"enum": [None, False]} for name in sorted(_EXTRAS)}
    for name, choices in sorted(_CHOICES.items()):
        allowed: dict[str, Any] = {"enum": sorted(choices)}
        if name == "tools":
            allowed = {"type": "object", "properties": {"type": allowed}}
        shapes[name] = {"anyOf": [allowed, {"type": "array", "items": allowed}, {"enum": [None, False]}]}
    return shapes


def _check_choice(name: str, value: Any) -> None:
    for place, one in enumerate(value if isinstance(value, list) else [value]):
        said = one.get("type", "function") if isinstance(one, dict) else one
        if not isinstance(said, str) or said not in _CHOICES[name]:
            where = f"{name}[{place}]" if isinstance(value, list) else name
            allowed = ", ".join(sorted(_CHOICES[name]))
            raise _refusal(name, f"What '{where}' asks for has no price on this gateway; it may be {allowed}.")


def _refusal(name: str, message: str) -> BadRequest:
    return BadRequest(message, code="unpriced_extra", param=name)
