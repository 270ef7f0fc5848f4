"""The native lane's request: the client's body as it came, but for what chooses who pays, who is who, and the cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.surfaces.known_fields import NOT_OURS
from router.surfaces.messages.ladder import FIELDS, Way
from router.surfaces.proofs import PREFIX
from router.types.request_rules import CAP, CAPS

__all__ = ["native_body", "passed_betas", "stripped_from"]

_STRIPPED = NOT_OURS | {name for name, rule in FIELDS.items() if rule.native in (Way.DROPPED, Way.REFUSED)}
_PAID_BETAS = ("advisor-tool-", "compact-", "context-1m-", "fast-mode-", "server-side-fallback-")
"""Betas by which a call costs more than its tokens at its model, or has a longer window than that is held for."""
_OURS = {"thinking": "signature", "redacted_thinking": "data"}
"""Block -> the member that holds its proof."""


def native_body(source: Mapping[str, Any], chat: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The body for a provider that speaks this API.

    Args:
        source: the client's.
        chat: the chat that it became, as the same provider would be sent it: with its cap and the name of its user.
        model: as the provider knows it.
    """
    body = {name: value for name, value in source.items() if name not in _STRIPPED}
    body["model"] = model
    cap = chat.get(CAP, next((chat[name] for name in CAPS if name in chat), None))
    if cap is not None:
        body["max_tokens"] = cap
    metadata = source.get("metadata")
    if isinstance(metadata, dict) and metadata.get("user_id") is not None:
        rest = {name: value for name, value in metadata.items() if name != "user_id"}
        body["metadata"] = rest | ({"user_id": chat["user"]} if chat.get("user") else {})
    if any(map(_has_ours, source["messages"])):
        body["messages"] = _without_ours(source["messages"])
    return body


def stripped_from(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the fields that say something and that no provider is sent, in either lane."""
    found = (name for name in source if name in _STRIPPED and source[name] is not None)
    return tuple(name for name in found if name not in FIELDS or FIELDS[name].asks(source[name]))


def passed_betas(header: str) -> str:
    """The ``anthropic-beta`` that goes on with a body."""
    names = [name.strip() for name in header.split(",")]
    return ",".join(name for name in names if name and not name.startswith(_PAID_BETAS))


def _has_ours(message: Any) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(map(_is_ours, content))


def _is_ours(block: Any) -> bool:
    """Whether a block is reasoning of another provider, which came to the client through us."""
    proof = block.get(_OURS.get(block.get("type"), ""))
    return isinstance(proof, str) and proof.startswith(PREFIX)


def _without_ours(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    made: list[Mapping[str, Any]] = []
    for message in messages:
        if _has_ours(message):
            kept = [block for block in message["content"] if not _is_ours(block)]
            if not kept:
                continue
            message = {**message, "content": kept}
        made.append(message)
    return made
