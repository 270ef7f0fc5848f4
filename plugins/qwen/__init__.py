"""Qwen, by Alibaba Cloud's Model Studio (DashScope). OpenAI's wire, hosts by region, errors told by ``code``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from router import CallContext, ChatCall, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleProvider, Failure, Progress, choices_of, load_cards, object_at

__all__ = ["plugin"]

_HOSTS: Mapping[str, str] = {
    "international": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "china": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "us": "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
}
_KINDS: Mapping[str, str] = {
    "accessdenied": "auth",
    "allocationquotafreetieronly": "billing",
    "arrearage": "billing",
    "commoditynotpurchased": "billing",
    "datainspectionfailed": "content",
    "insufficientquota": "rate_limit",  # tokens per minute: at OpenAI the same word means an unpaid bill
    "invalidapikey": "auth",
    "modelaccessdenied": "auth",
    "modelnotfound": "not_found",
    "modelservingerror": "overloaded",
    "modelunavailable": "overloaded",
    "postpaidbilloverdue": "billing",
    "prepaidbilloverdue": "billing",
}
"""Code -> kind. A code comes in two spellings, ``invalid_api_key`` and ``InvalidApiKey``: here it has neither."""
_LIMITS = ("throttling", "limitrequests", "limitburstrate")
_TOO_LONG = re.compile(r"range of input length should be", re.IGNORECASE)
_NO_LETTER = re.compile(r"[^a-z]+")


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.qwen]``.

    Attributes:
        region: whose key it is: a key is good in one region alone. A ``base_url`` of one's own goes before it.
    """

    api_key: Secret = field(default=Secret("", "env:DASHSCOPE_API_KEY"))
    region: str = field(default="international", metadata={"one_of": tuple(_HOSTS)})

    def __post_init__(self) -> None:
        if not self.base_url:
            object.__setattr__(self, "base_url", _HOSTS.get(self.region, ""))


class Qwen(CompatibleProvider):
    """The provider ``qwen``."""

    default_base_url: ClassVar[str] = _HOSTS["international"]
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="qwen")
    rules: ClassVar = RequestRules(
        caps=("max_tokens",),
        unpriced={"enable_code_interpreter": (), "search_options": ({},)},
        own_members=frozenset({"reasoning_content"}),
    )
    renames: ClassVar[Mapping[str, str]] = {"max_completion_tokens": "max_tokens"}
    roles: ClassVar[Mapping[str, str]] = {"developer": "system"}
    edits: ClassVar = re.compile(rb'"cache_creation_input_tokens"|"finish_reason"\s*:\s*"null"|"code"\s*:')

    @hookimpl
    def settings(self) -> type:
        return Settings

    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        body = super().chat_body(call, context)
        if body.get("reasoning_effort") == "none" and "enable_thinking" not in body:
            del body["reasoning_effort"]
            body["enable_thinking"] = False
        return body

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """Cache writes where OpenAI has them, no finish that is none, and the native shape of an error as an error."""
        if "choices" not in value and "error" not in value and isinstance(value.get("code"), str):
            return {"error": value}
        details = object_at(value, "usage", "prompt_tokens_details")
        if details.get("cache_creation_input_tokens") is not None:
            details.setdefault("cache_write_tokens", details["cache_creation_input_tokens"])
        for choice in choices_of(value):
            if choice.get("finish_reason") == "null":
                choice["finish_reason"] = None
        return value

    def kind(self, failure: Failure) -> str:
        """By ``code``, or by ``type`` where that has the word."""
        words = [_NO_LETTER.sub("", word.lower()) for word in (failure.code, failure.type)]
        known = next((_KINDS[word] for word in words if word in _KINDS), None)
        if known is not None:
            return known
        if any(word.startswith(_LIMITS) for word in words):
            return "rate_limit"
        if failure.status in (200, 400) and _TOO_LONG.search(failure.message):
            return "context_length"
        return super().kind(failure)


plugin = Qwen()
