"""DeepSeek. OpenAI's wire under a few names of its own; an answer may be cut where the backend runs short."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router import CallContext, ChatCall, ProviderSettings, RequestRules, Secret, Timeouts, UpstreamError, hookimpl
from router.upstream import CompatibleChatProvider, Failure, Progress, choices_of, load_cards, show_cached

__all__ = ["plugin"]

_CUT = "insufficient_system_resource"
_NO_MODEL = re.compile(r"model\b.*\b(not exist|not found|does not exist|retired|deprecated|no longer)", re.IGNORECASE)
_log = logging.getLogger("router.plugins.deepseek")


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.deepseek]``. A call may wait ten minutes in DeepSeek's queue before it is worked on."""

    api_key: Secret = field(default=Secret("", "env:DEEPSEEK_API_KEY"))
    timeouts: Timeouts = field(default=Timeouts(whole=1800.0))


class DeepSeek(CompatibleChatProvider):
    """The provider ``deepseek``."""

    default_base_url: ClassVar[str] = "https://api.deepseek.com"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="deepseek")
    rules: ClassVar = RequestRules(caps=("max_tokens",), stops_max=16, own_members=frozenset({"reasoning_content"}))
    renames: ClassVar[Mapping[str, str]] = {"max_completion_tokens": "max_tokens"}
    roles: ClassVar[Mapping[str, str]] = {"developer": "system"}
    edits: ClassVar = re.compile(rb'"prompt_cache_hit_tokens"|"insufficient_system_resource"')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        body = super().chat_body(call, context)
        if body.get("reasoning_effort") == "none" and "thinking" not in body:
            del body["reasoning_effort"]
            body["thinking"] = {"type": "disabled"}
        return body

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """The cached count where OpenAI has it, and no finish reason that OpenAI does not have."""
        if isinstance(value.get("usage"), dict):
            show_cached(value["usage"], "prompt_cache_hit_tokens")
        for choice in choices_of(value):
            if choice.get("finish_reason") == _CUT:
                if not progress.output:
                    message = f"{context.provider} ran short of resources before it had answered."
                    raise UpstreamError("overloaded", message, provider=context.provider, upstream_status=200)
                _log.warning("%s cut an answer of %s short: %s", context.provider, context.model, _CUT)
                choice["finish_reason"] = "length"
        return value

    def kind(self, failure: Failure) -> str:
        """By status; ``code`` says the same whatever the cause, and a retired model may be a 400."""
        if failure.status == 400 and _NO_MODEL.search(failure.message):
            return "not_found"
        return super().kind(failure)


plugin = DeepSeek()
