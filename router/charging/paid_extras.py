"""What a call can ask for that providers charge beside the tokens: it has no price here, so it is refused.

What is paid wherever it is known stands here, and what single providers charge for in their own rules. All else passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from router.errors import BadRequest
from router.types.request_rules import RequestRules

__all__ = ["EXTRAS", "check_extras", "check_own_extras", "extras_shapes", "member_at"]

_EXTRAS = frozenset(
    {
        "audio",
        "enable_search",
        "models",
        "plugins",
        "search",
        "search_parameters",
        "speed",
        "web_search",
        "web_search_options",
    }
)
"""Searches, spoken answers, faster service, and lists of other models: paid wherever they are known."""
_CHOICES = {
    "service_tier": frozenset({"auto", "default", "flex", "standard", "standard_only"}),
    "modalities": frozenset({"text"}),
}
"""Field -> what it may say; of a list, each member."""
EXTRAS = _EXTRAS | _CHOICES.keys() | {"tools"}
"""Fields that are looked at, wherever a call goes."""

_TOOL_TYPES = ("function", "custom")
_BESIDE = frozenset({"cache_control", "function", "custom", "extra_content"})
"""Members of a tool that may be objects: any other one is how some provider names a tool of its own."""


def check_extras(body: Mapping[str, Any], rules: RequestRules = RequestRules()) -> None:  # noqa: B008  (it is frozen)
    """Refuse a body that asks for something without a price. What is ``null`` or ``false`` asks for nothing.

    Args:
        rules: of the provider that is to serve it.

    Raises:
        BadRequest: naming the field.
    """
    if not EXTRAS.isdisjoint(body):
        for name in sorted(EXTRAS.intersection(body)):
            value = body[name]
            if value is None or value is False:
                continue
            if name in _EXTRAS:
                raise _refusal(name)
            if name == "tools":
                _check_tools(value, rules)
            else:
                _check_choice(name, value)
    if rules.unpriced:
        check_own_extras(body, rules.unpriced)


def check_own_extras(body: Mapping[str, Any], unpriced: Mapping[str, Sequence[Any]]) -> None:
    """Refuse what one provider charges for.

    Args:
        unpriced: path -> the values that cost nothing.

    Raises:
        BadRequest: naming the path.
    """
    for path, harmless in unpriced.items():
        value = member_at(body, path.split("."))
        if value is not None and value is not False and value not in harmless:
            raise _refusal(path)


def member_at(body: Any, path: Iterable[str]) -> Any:
    """The value at a path of members; None where there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def extras_shapes() -> dict[str, dict[str, Any]]:
    """Field -> what ``check_extras`` lets in wherever a call goes, as JSON Schema."""
    shapes: dict[str, dict[str, Any]] = {name: {"enum": [None, False]} for name in sorted(_EXTRAS)}
    for name, choices in sorted(_CHOICES.items()):
        allowed = {"enum": sorted(choices)}
        shapes[name] = {"anyOf": [allowed, {"type": "array", "items": allowed}, {"enum": [None, False]}]}
    kinds = [
        {
            "required": [kind] if kind == "function" else ["type", kind],
            "properties": {**dict.fromkeys(_BESIDE, True), "type": {"enum": [kind]}, kind: {"type": "object"}},
            "additionalProperties": {"not": {"type": "object"}},
        }
        for kind in _TOOL_TYPES
    ]
    tool = {"type": "object", "anyOf": kinds}
    shapes["tools"] = {"anyOf": [{"type": "array", "items": tool}, {"enum": [None, False]}]}
    return shapes


def _check_tools(tools: Any, rules: RequestRules) -> None:
    """A tool is one that the client runs: a function or a custom one with its own member, and no other beside it."""
    for place, tool in enumerate(tools if isinstance(tools, list) else [tools]):
        where = f"tools[{place}]"
        if not isinstance(tool, dict):
            raise _tool_refusal(where)
        kind = tool.get("type", "function")
        own = tool.get(kind) if kind in _TOOL_TYPES else None
        if not isinstance(own, dict):
            if kind not in _TOOL_TYPES or not any(isinstance(tool.get(name), dict) for name in rules.tools):
                raise _tool_refusal(where)
        elif rules.tool_prefix and str(own.get("name", "")).startswith(rules.tool_prefix):
            raise _refusal(f"{where}.{kind}.name")
        for name, value in tool.items():
            if isinstance(value, dict) and name not in _BESIDE and name not in rules.tools:
                raise _refusal(f"{where}.{name}")


def _check_choice(name: str, value: Any) -> None:
    for place, one in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(one, str) or one not in _CHOICES[name]:
            where = f"{name}[{place}]" if isinstance(value, list) else name
            allowed = ", ".join(sorted(_CHOICES[name]))
            message = f"What '{where}' asks for has no price on this gateway; it may be {allowed}."
            raise BadRequest(message, code="unpriced_extra", param=name)


def _tool_refusal(where: str) -> BadRequest:
    message = (
        f"What '{where}' asks for has no price on this gateway: a tool is "
        '{"type": "function", "function": {"name": ...}}, or "custom" with its own member.'
    )
    return BadRequest(message, code="unpriced_extra", param="tools")


def _refusal(path: str) -> BadRequest:
    name = path.partition("[")[0]
    message = f"'{path}' has no price on this gateway; send the request without it."
    return BadRequest(message, code="unpriced_extra", param=name)
