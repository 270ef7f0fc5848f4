"""xAI (Grok). OpenAI's wire, but reasoning is not in the count of output, and a status may mean another thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router import (
    AnyCall,
    CallContext,
    ProviderSettings,
    RequestRules,
    Secret,
    Timeouts,
    hookimpl,
)
from router.upstream import CompatibleChatProvider, Failure, Progress, choices_of, load_cards

__all__ = ["plugin"]

_AN_HOUR_S = 3600.0
_TICKS_PER_NANO = 10  # 10^10 ticks are one USD
_TICKS_MAX = 10**16
_BILLING = re.compile(r"\bcredits?\b|spending limit", re.IGNORECASE)
_API_KEY = re.compile(r"\bAPI[ _-]?key\b", re.IGNORECASE)
_MEANINGS: Mapping[str, re.Pattern[str]] = {
    "overloaded": re.compile(r"unavailable|at capacity", re.IGNORECASE),
    "rate_limit": re.compile(r"resource has been exhausted|resource-exhausted", re.IGNORECASE),
    "auth": re.compile(r"unauthenticated|permission", re.IGNORECASE),
    "bad_request": re.compile(r"invalid[ -]argument", re.IGNORECASE),
}
"""Kind -> how ``code`` or text say it, where the status does not."""
_CONVERSATION = re.compile(r"[!-~]{1,256}", re.ASCII)


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.xai]``. A reasoning model may be silent for long: xAI's documentation advises to wait an hour."""

    api_key: Secret = field(default=Secret("", "env:XAI_API_KEY"))
    timeouts: Timeouts = field(default=Timeouts(first_byte=_AN_HOUR_S, idle=_AN_HOUR_S, whole=_AN_HOUR_S))


class XAI(CompatibleChatProvider):
    """The provider ``xai``."""

    default_base_url: ClassVar[str] = "https://api.x.ai/v1"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="xai")
    rules: ClassVar = RequestRules(caps=("max_completion_tokens",), own_members=frozenset({"reasoning_content"}))
    renames: ClassVar[Mapping[str, str]] = {"max_tokens": "max_completion_tokens"}
    edits: ClassVar = re.compile(rb'"usage"\s*:\s*\{|"finish_reason"\s*:\s*"(?:end_turn)?"')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def call_headers(self, call: AnyCall, context: CallContext) -> dict[str, str]:
        """A conversation's ID keeps it on the server that has its cache."""
        conversation = call.body.get("prompt_cache_key")
        if isinstance(conversation, str) and _CONVERSATION.fullmatch(conversation):
            return {"x-grok-conv-id": conversation}
        return {}

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Usage without what the call cost us, and OpenAI's finish reasons."""
        if isinstance(value.get("usage"), dict):
            ticks = value["usage"].pop("cost_in_usd_ticks", None)
            if type(ticks) is int and 0 <= ticks <= _TICKS_MAX:
                progress.cost_nano = -(-ticks // _TICKS_PER_NANO)
        for choice in choices_of(value):
            reason, said = choice.get("finish_reason"), choice.get("message") or choice.get("delta")
            if reason == "end_turn":
                choice["finish_reason"] = "stop"
            elif reason == "" and isinstance(said, dict) and said.get("tool_calls"):
                choice["finish_reason"] = "tool_calls"
        return value

    def kind(self, failure: Failure) -> str:
        """A wrong key is a 400; an empty account is a 403 or a 429; a 200 may be an error."""
        text = f"{failure.code} {failure.message}"
        if failure.status in (200, 403, 429) and _BILLING.search(text):
            return "billing"
        if failure.status in (200, 400) and _API_KEY.search(text):
            return "auth"
        if failure.status == 429 and _MEANINGS["overloaded"].search(text):
            return "overloaded"
        inside = (kind for kind, pattern in _MEANINGS.items() if failure.status == 200 and pattern.search(text))
        return next(inside, None) or super().kind(failure)


plugin = XAI()
