"""Mistral (La Plateforme). OpenAI's wire under a few names of its own, with thoughts as parts of the content."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router_plugins.mistral.replies import edit_choice, edit_usage

from router import CallContext, ChatCall, ModelCard, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleProvider, Failure, Progress, choices_of, load_cards

__all__ = ["plugin"]

_KINDS: Mapping[str, str] = {
    "3505": "overloaded",
    "invalid_model": "not_found",
    "service_tier_capacity_exceeded": "overloaded",
}
_ID = re.compile(r"[A-Za-z0-9]{9}", re.ASCII)
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.mistral]``."""

    api_key: Secret = field(default=Secret("", "env:MISTRAL_API_KEY"))


class Mistral(CompatibleProvider):
    """The provider ``mistral``."""

    default_base_url: ClassVar[str] = "https://api.mistral.ai/v1"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="mistralai")
    rules: ClassVar = RequestRules(caps=("max_tokens",), own_members=frozenset({"reasoning_content"}))
    renames: ClassVar[Mapping[str, str]] = {"max_completion_tokens": "max_tokens", "seed": "random_seed"}
    embeddings_renames: ClassVar[Mapping[str, str]] = {"dimensions": "output_dimension"}
    roles: ClassVar[Mapping[str, str]] = {"developer": "system"}
    edits: ClassVar = re.compile(rb'"content"\s*:\s*\[|"tool_calls"\s*:\s*\[|"usage"\s*:\s*\{|"finish_reason"\s*:\s*"')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def listed_card(self, entry: Mapping[str, Any]) -> ModelCard:
        """With the kind and the window, which Mistral tells."""
        card = super().listed_card(entry)
        able, window = entry.get("capabilities"), entry.get("max_context_length")
        chats = isinstance(able, dict) and able.get("completion_chat") is True
        known = window if type(window) is int and window > 0 else None
        return ModelCard(card.model, "chat" if chats else "", card.owned_by, card.created, known)

    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        body = super().chat_body(call, context)
        body.pop("stream_options", None)  # no field of theirs: usage always comes
        return body

    def edit_message(self, message: Mapping[str, Any], context: CallContext) -> Mapping[str, Any]:
        """Tool-call IDs of the one form that is accepted, and reasoning as the part of the content that it was."""
        edited = dict(super().edit_message(message, context))
        if isinstance(edited.get("tool_call_id"), str):
            edited["tool_call_id"] = _tool_id(edited["tool_call_id"])
        if isinstance(edited.get("tool_calls"), list):
            edited["tool_calls"] = [_with_id(call) for call in edited["tool_calls"]]
        if isinstance(edited.get("reasoning_content"), str):
            thought, content = edited.pop("reasoning_content"), edited.get("content")
            if thought and (content is None or isinstance(content, str)):
                edited["content"] = [_thinking(thought), *([{"type": "text", "text": content}] if content else [])]
        return edited

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Content as text, thoughts as ``reasoning_content``, OpenAI's finish reasons, cached tokens in their place."""
        if isinstance(value.get("usage"), dict):
            edit_usage(value["usage"])
        for choice in choices_of(value):
            if choice.get("finish_reason") == "error":
                return {"error": {"message": "The model's answer broke off.", "type": "server_error"}}
            edit_choice(choice, progress.notes)
        return value

    def kind(self, failure: Failure) -> str:
        """By ``code`` or ``type`` where these know more than the status."""
        return _KINDS.get(failure.code) or _KINDS.get(failure.type) or super().kind(failure)


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], "closed": True}


def _with_id(call: Any) -> Any:
    return {**call, "id": _tool_id(call["id"])} if isinstance(call, dict) and isinstance(call.get("id"), str) else call


def _tool_id(other: str) -> str:
    """Nine letters and digits, always the same for the same ID: that of a call that another provider made."""
    if _ID.fullmatch(other):
        return other
    number = int.from_bytes(hashlib.sha256(other.encode("utf-8", "surrogatepass")).digest())
    return "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(9))


plugin = Mistral()
