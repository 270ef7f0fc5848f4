"""The native lane's request: the client's body, but for what the gateway keeps, bounds or runs no price for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from router.surfaces.proofs import PREFIX
from router.surfaces.responses.fields import LADDER
from router.types.request_rules import CAP, CAPS

__all__ = ["native_body", "passed_natively"]

_STRIPPED = {rung.name for rung in LADDER if not rung.native} | {"previous_response_id", "conversation"}
_BOUND = ("user", "safety_identifier", "prompt_cache_key", "service_tier")
"""Fields that a target is sent as a chat call would be: bound to the account, or taken off by its section."""
_NAMED = frozenset({"file_id", "file_url"})
"""Members of a part that name what is kept, or lies, elsewhere."""
_PROOFS = "reasoning.encrypted_content"


def passed_natively(body: Mapping[str, Any], items: Sequence[Any], dropped_types: Collection[str]) -> dict[str, Any]:
    """The body for providers that speak this wire, but for what each target decides.

    What has been kept stands in ``input`` itself, and nothing is kept at the provider: all customers share its account.

    Args:
        items: of its input, with those that are kept put in.
        dropped_types: types of hosted tools that are left out.
    """
    made = {name: value for name, value in body.items() if name not in _STRIPPED}
    made["input"] = [_passed(item, dropped_types) for item in items if not _is_ours(item)]
    made["store"] = False
    if isinstance(body.get("tools"), list):
        made["tools"] = _kept_tools(body["tools"], dropped_types)
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        if choice.get("type") in list(dropped_types):
            del made["tool_choice"]
        elif isinstance(choice.get("tools"), list):
            made["tool_choice"] = {**choice, "tools": _kept_tools(choice["tools"], dropped_types)}
    if body.get("reasoning") is not None:  # what is not kept there comes back with the next request
        made["include"] = list(dict.fromkeys([*(body.get("include") or ()), _PROOFS]))
    return made


def native_body(passed: Mapping[str, Any], chat: Mapping[str, Any], model: str, *, elsewhere: bool) -> dict[str, Any]:
    """The body for one target.

    Args:
        passed: what ``passed_natively`` made.
        chat: the chat call as the same target would have been sent it.
        model: as the provider knows it.
        elsewhere: whether another provider has been tried before: then no proof goes on, for it may be that one's.
    """
    made = {name: value for name, value in passed.items() if name not in _BOUND}
    made |= {name: chat[name] for name in _BOUND if name in chat}
    made["model"] = model
    cap = next((chat[name] for name in (CAP, *CAPS) if name in chat), None)
    if cap is not None:
        made["max_output_tokens"] = cap
    if elsewhere:
        made["input"] = [_anonymous(item) for item in passed["input"] if not _is_reasoning(item)]
    return made


def _is_reasoning(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "reasoning"


def _is_ours(item: Any) -> bool:
    """Whether an item is reasoning that providers of this wire cannot read: sealed by us, or without any proof."""
    proof = item.get("encrypted_content") if _is_reasoning(item) else ""
    return proof is None or (isinstance(proof, str) and proof.startswith(PREFIX))


def _anonymous(item: Any) -> Any:
    """An item without its ID, which pairs it with reasoning that is left out."""
    return {name: value for name, value in item.items() if name != "id"} if isinstance(item, Mapping) else item


def _passed(item: Any, dropped_types: Collection[str]) -> Any:
    """An item without hosted tools, and without files that are named beside those that are sent: they would be
    anybody's who shares the provider's account, or of any length."""
    if not isinstance(item, Mapping):
        return item
    if item.get("type") == "additional_tools" and isinstance(item.get("tools"), list):
        return {**item, "tools": _kept_tools(item["tools"], dropped_types)}
    for name in ("content", "output"):
        parts = item.get(name)
        if isinstance(parts, list) and any(isinstance(part, Mapping) and not _NAMED.isdisjoint(part) for part in parts):
            return {**item, name: [_unnamed(part) for part in parts]}
    return item


def _unnamed(part: Any) -> Any:
    return {name: value for name, value in part.items() if name not in _NAMED} if isinstance(part, Mapping) else part


def _kept_tools(tools: Sequence[Any], dropped_types: Collection[str]) -> list[Any]:
    return [tool for tool in tools if not (isinstance(tool, Mapping) and tool.get("type") in list(dropped_types))]
