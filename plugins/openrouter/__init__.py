"""OpenRouter: many providers' models under one key, with its own word on what a call cost."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from router_plugins.openrouter.money import card_of, take_cost_nano

from router import CallContext, ModelCard, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleProvider, Failure, Progress, choices_of, object_at

__all__ = ["plugin"]

_KINDS: Mapping[str, str] = {
    "authentication": "auth",
    "content_policy_violation": "content",
    "context_length_exceeded": "context_length",
    "max_tokens_exceeded": "context_length",
    "not_found": "not_found",
    "payment_required": "billing",
    "provider_overloaded": "overloaded",
    "provider_unavailable": "server",
    "rate_limit_exceeded": "rate_limit",
    "refusal": "content",
    "server": "server",
    "timeout": "timeout",
    "token_limit_exceeded": "context_length",
    "unmapped": "server",
}
"""``error.metadata.error_type`` -> kind, where there is but one."""

_HOSTS = (
    "ignore",
    "max_price",
    "only",
    "order",
    "preferred_max_latency",
    "preferred_min_throughput",
    "quantizations",
    "sort",
)
"""Members of ``provider`` that choose among hosts, each of which has a price of its own."""


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.openrouter]``.

    Attributes:
        site_url, site_name: who calls, as OpenRouter's rankings name it: the headers ``HTTP-Referer`` and ``X-Title``.
    """

    api_key: Secret = field(default=Secret("", "env:OPENROUTER_API_KEY"))
    site_url: str = ""
    site_name: str = ""


class OpenRouter(CompatibleProvider):
    """The provider ``openrouter``. It lists no models of its own: ``list_models`` asks for them."""

    default_base_url: ClassVar[str] = "https://openrouter.ai/api/v1"
    rules: ClassVar = RequestRules(
        caps=("max_completion_tokens",),
        unpriced={"preset": ()},
        taken_off=("route", *(f"provider.{name}" for name in _HOSTS)),
        own_members=frozenset({"reasoning", "reasoning_content", "reasoning_details"}),
    )
    renames: ClassVar[Mapping[str, str]] = {"max_tokens": "max_completion_tokens"}
    edits: ClassVar = re.compile(rb'"reasoning"\s*:\s*"|"usage"\s*:\s*\{|"finish_reason"\s*:\s*"error"|"message"\s*:')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def listed_card(self, entry: Mapping[str, Any]) -> ModelCard:
        """With windows, kinds and prices, which OpenRouter tells."""
        return card_of(super().listed_card(entry), entry)

    def headers(self, context: CallContext) -> dict[str, str]:
        settings = context.settings
        named = {"HTTP-Referer": settings.site_url, "X-Title": settings.site_name}
        return {name: value for name, value in named.items() if value} | super().headers(context)

    def edit_message(self, message: Mapping[str, Any], context: CallContext) -> Mapping[str, Any]:
        """An earlier answer's reasoning under its name there; ``reasoning_details`` go back as they came."""
        message = super().edit_message(message, context)
        if "reasoning_content" not in message or "reasoning" in message:
            return message
        return {("reasoning" if name == "reasoning_content" else name): value for name, value in message.items()}

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Reasoning under the name that other providers have for it, and what the call cost us out of sight."""
        if isinstance(value.get("usage"), dict):
            progress.cost_nano = take_cost_nano(value["usage"])
        for choice in choices_of(value):
            if choice.get("finish_reason") == "error":
                return {"error": value.get("error") or choice.get("error") or _BROKEN_OFF}
            said = choice.get("message") or choice.get("delta")
            if isinstance(said, dict) and said.get("reasoning") is not None and said.get("reasoning_content") is None:
                said["reasoning_content"] = said.pop("reasoning")
        return _NOTHING_SAID if _is_empty(value) else value

    def kind(self, failure: Failure) -> str:
        """By ``metadata.error_type``; a 403 may be a safety refusal."""
        metadata = object_at(failure.body, "metadata")
        if "flagged_input" in metadata:
            return "content"
        return _KINDS.get(str(metadata.get("error_type", ""))) or super().kind(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """``Retry-After``, the same in the body, or the moment at which a limit is full again (Unix milliseconds)."""
        hint = super().wait_s(failure, headers)
        if hint is not None:
            return hint
        said = object_at(failure.body, "availability").get("retry_after")
        if isinstance(said, int | float) and said > 0:
            return float(said)
        reset = headers.get("x-ratelimit-reset") or _reset_in(failure)
        if failure.status != 429 or not re.fullmatch(r"\d{13}", reset, re.ASCII):
            return None
        return max(0.0, int(reset) / 1000 - time.time())


_BROKEN_OFF = {"code": 502, "message": "The provider's answer broke off."}
_NOTHING_SAID = {"error": {"code": 503, "message": "The model is not ready yet: its answer was empty."}}


def _is_empty(value: dict[str, Any]) -> bool:
    """Whether a plain reply says nothing, and nothing of an end either: what comes while a model warms up."""
    choices = list(choices_of(value))
    messages = [choice.get("message") for choice in choices]
    return bool(choices) and all(
        isinstance(message, dict) and not choice.get("finish_reason") and not _says(message)
        for choice, message in zip(choices, messages, strict=True)
    )


def _says(message: dict[str, Any]) -> bool:
    return any(value for name, value in message.items() if name != "role")


def _reset_in(failure: Failure) -> str:
    headers = object_at(failure.body, "metadata", "headers")
    return str(next((value for name, value in headers.items() if name.lower() == "x-ratelimit-reset"), ""))


plugin = OpenRouter()
