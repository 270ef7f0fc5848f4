"""Moonshot AI (Kimi). OpenAI's wire, with the usage of a stream in two places and errors told apart by ``type``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router import CallContext, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleChatProvider, Failure, Progress, choices_of, load_cards, show_cached, usage_of

__all__ = ["plugin"]

_KINDS: Mapping[str, str] = {
    "engine_overloaded_error": "overloaded",
    "exceeded_current_quota_error": "billing",
    "incorrect_api_key_error": "auth",
    "invalid_authentication_error": "auth",
    "permission_denied_error": "auth",
    "rate_limit_reached_error": "rate_limit",
    "resource_not_found_error": "not_found",
    "server_error": "server",
}
_NO_BALANCE = re.compile(r"balance|quota|suspended|recharge|billing", re.IGNORECASE)
_WAIT = re.compile(r"\b(?:after|in) (\d{1,6}(?:\.\d{1,6})?) ?(?:s|secs?|seconds?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.moonshot]``. A key of platform.kimi.com needs ``base_url = "https://api.moonshot.cn/v1"``."""

    api_key: Secret = field(default=Secret("", "env:MOONSHOT_API_KEY"))


class Moonshot(CompatibleChatProvider):
    """The provider ``moonshot``."""

    default_base_url: ClassVar[str] = "https://api.moonshot.ai/v1"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="moonshot")
    rules: ClassVar = RequestRules(
        caps=("max_completion_tokens",), stops_max=5, tool_prefix="$", own_members=frozenset({"reasoning_content"})
    )
    renames: ClassVar[Mapping[str, str]] = {"max_tokens": "max_completion_tokens"}
    edits: ClassVar = re.compile(rb'"usage"\s*:\s*\{')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Usage at the top level alone (it follows in a chunk of its own), the cached count where OpenAI has it."""
        for choice in choices_of(value):
            usage = choice.pop("usage", None)
            if isinstance(usage, dict):
                show_cached(usage, "cached_tokens")
                progress.usage = usage_of(usage) or progress.usage
        if isinstance(value.get("usage"), dict):
            show_cached(value["usage"], "cached_tokens")
        return value

    def kind(self, failure: Failure) -> str:
        """By ``type``; an empty account is 429 in practice and 403 in the help centre."""
        if failure.status == 403 and _NO_BALANCE.search(failure.message):
            return "billing"
        return _KINDS.get(failure.type) or super().kind(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """``Retry-After`` should there be one, else what the text says (``try again after 3 seconds``)."""
        hint = super().wait_s(failure, headers)
        said = _WAIT.search(failure.message) if self.kind(failure) == "rate_limit" else None
        return float(said[1]) if hint is None and said is not None else hint


plugin = Moonshot()
