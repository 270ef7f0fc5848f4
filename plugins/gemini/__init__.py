"""Google's Gemini by its endpoint for OpenAI's clients: thoughts inside the content, counts that leave them out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router_plugins.gemini.errors import kind_of_failure, retry_delay_s
from router_plugins.gemini.replies import edit_choice

from router import CallContext, ModelCard, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleProvider, Failure, Progress, choices_of, load_cards, object_at

__all__ = ["plugin"]

_NO_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""``skip_thought_signature_validator``: what Google lets stand in for a signature that another provider never gave."""
_WITHOUT_SIGNATURES = ("gemini-1", "gemini-2")


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.gemini]``."""

    api_key: Secret = field(default=Secret("", "env:GEMINI_API_KEY|GOOGLE_API_KEY"))


class Gemini(CompatibleProvider):
    """The provider ``gemini``."""

    default_base_url: ClassVar[str] = "https://generativelanguage.googleapis.com/v1beta/openai"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="google")
    rules: ClassVar = RequestRules(
        caps=("max_tokens",),
        stops_max=5,
        unpriced={"extra_body.google.cached_content": (), "extra_body.google.tools": ([],)},
        own_members=frozenset({"extra_content"}),
        extra_body=("google",),
    )
    edits: ClassVar = re.compile(rb'thought|"tool_calls"|"finish_reason"\s*:\s*"')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def listed_card(self, entry: Mapping[str, Any]) -> ModelCard:
        """``models/gemini-...`` without the prefix."""
        return super().listed_card({**entry, "id": entry["id"].removeprefix("models/")})

    def edit_message(self, message: Mapping[str, Any], context: CallContext) -> Mapping[str, Any]:
        """Without the text that thoughts became on their way out, which has no field there, and with a signature on
        tool calls that have none: models from Gemini 3 on refuse a call that another provider made.
        """
        message = super().edit_message(message, context)
        if message["role"] != "assistant":
            return message
        message = {name: value for name, value in message.items() if name != "reasoning_content"}
        calls = message.get("tool_calls")
        if (
            isinstance(calls, list)
            and calls
            and not context.model.startswith(_WITHOUT_SIGNATURES)
            and not any(map(_is_signed, calls))
        ):
            message["tool_calls"] = [_signed(calls[0]), *calls[1:]]
        return message

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Thoughts as ``reasoning_content``, tool calls as OpenAI has them."""
        for choice in choices_of(value):
            if (refusal := edit_choice(choice, progress.notes)) is not None:
                return {"error": {"message": f"The model's answer was dropped: {refusal}", "code": 500}}
        return value

    def kind(self, failure: Failure) -> str:
        """By what stands in ``details``, where the status does not say it all."""
        return kind_of_failure(failure) or super().kind(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """``RetryInfo`` in the body; there is no header for it."""
        hint = super().wait_s(failure, headers)
        return retry_delay_s(failure) if hint is None and self.kind(failure) != "billing" else hint


def _is_signed(call: Any) -> bool:
    return bool(object_at(call, "extra_content", "google").get("thought_signature"))


def _signed(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    extra, google = object_at(call, "extra_content"), object_at(call, "extra_content", "google")
    return {**call, "extra_content": {**extra, "google": {**google, "thought_signature": _NO_SIGNATURE}}}


plugin = Gemini()
