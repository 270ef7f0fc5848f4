"""Anthropic by its Messages API: what OpenAI's copy of it there leaves out is thinking, caching and structured output.

The way to the host and its errors are those of the base class; bodies are translated in ``request`` and ``reply``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from router_plugins.anthropic.listing import listing
from router_plugins.anthropic.native import Counts, call_headers, check_cache, is_last, whole_item
from router_plugins.anthropic.reply import plain_item, with_searches
from router_plugins.anthropic.request import chat_body
from router_plugins.anthropic.stream import Answer, ends

from router import (
    CAP,
    KINDS,
    CallContext,
    ChatCall,
    Item,
    ModelCard,
    ProviderSettings,
    Reply,
    RequestRules,
    Secret,
    SurfaceCall,
    UpstreamError,
    Usage,
    hookimpl,
)
from router.upstream import (
    Failure,
    HttpProvider,
    PassedEvents,
    Response,
    TranslatedEvents,
    failure_of,
    load_cards,
    printable,
    usage_of,
)

__all__ = ["plugin"]

_log = logging.getLogger("router.anthropic")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KEPT_HEADERS = ("anthropic-ratelimit-", "request-id")
_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
_BY_TYPE: Mapping[str, str] = {
    "api_error": "server",
    "authentication_error": "auth",
    "billing_error": "billing",
    "conflict_error": "overloaded",
    "not_found_error": "not_found",
    "overloaded_error": "overloaded",
    "permission_error": "auth",
    "rate_limit_error": "rate_limit",
    "timeout_error": "timeout",
}
_BY_TEXT: Mapping[str, re.Pattern[str]] = {
    "billing": re.compile(r"credit balance is too low", re.I),
    "context_length": re.compile(r"prompt is too long|exceeds? (?:the )?context (?:limit|window)", re.I),
    "content": re.compile(r"content filtering policy", re.I),
}
"""Kind -> how the text of an ``invalid_request_error`` says it."""
_SPENT = "enforced_spend_limit_reached"
"""``details.error_code`` of a 429 that no waiting cures."""


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.anthropic]``.

    Attributes:
        version: sent as ``anthropic-version``; a call by the Messages API has its own.
        betas: sent as ``anthropic-beta``, before those that belong to a call by the Messages API.
        max_tokens: the output cap of a call that names none, at a model whose own maximum is not known.
        long_cache: whether clients may write to the one-hour cache, where calls are not billed: it costs more than the
            five-minute one, and a price has one rate for both.
    """

    api_key: Secret = field(default=Secret("", "env:ANTHROPIC_API_KEY"))
    version: str = "2023-06-01"
    betas: tuple[str, ...] = ()
    max_tokens: int = field(default=4096, metadata={"min": 1, "max": 2**31 - 1})
    long_cache: bool = False


class Anthropic(HttpProvider):
    """The provider ``anthropic``."""

    default_base_url: ClassVar[str] = "https://api.anthropic.com/v1"
    cards: ClassVar[Sequence[ModelCard]] = load_cards(Path(__file__).with_name("models.toml"), owned_by="anthropic")
    rules: ClassVar = RequestRules(
        caps=(CAP,),
        cap_min=0,  # fills the cache
        unpriced={"container": (), "mcp_servers": ([],)},
        tools=("input_schema",),
        own_members=frozenset({"content_blocks", "thinking_blocks"}),
    )

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        response = self.send("/messages", chat_body(call, context), call, context)
        answer = Answer(call.request_id, context.model)
        if not call.stream:
            return self._made(self._body(response, answer, context), answer, response, context)
        self.check_stream(response, context)
        events = TranslatedEvents(response, answer.chunks, ends, context.settings.max_reply_bytes)
        events.reply = self._made(events, answer, response, context)
        return events.reply

    @hookimpl
    def messages(self, call: SurfaceCall, context: CallContext) -> Reply:
        if not context.settings.long_cache:
            check_cache(call.body)
        settings, limit = context.settings, context.settings.max_reply_bytes
        response = self.pass_on("/messages", call, context, call_headers(call.headers, settings.betas))
        if not call.stream:
            return self._passed(whole_item(response, limit), response, context)
        self.check_stream(response, context)
        events = PassedEvents(response, is_last, limit)
        events.reply = self._passed(events, response, context)
        return events.reply

    @hookimpl
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:
        return listing(lambda path: self.fetch(path, context))

    def headers(self, context: CallContext) -> dict[str, str]:
        """The key under Anthropic's name, the version, the betas, and what the operator set."""
        settings = context.settings
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers["anthropic-version"] = settings.version
        if settings.api_key:
            headers["x-api-key"] = settings.api_key.reveal()
        if settings.betas:
            headers["anthropic-beta"] = ",".join(settings.betas)
        return headers | dict(settings.headers)

    def kind(self, failure: Failure) -> str:
        """By the type, which stands in a stream too; an ``invalid_request_error`` by its text."""
        if failure.code == _SPENT:
            return "billing"
        if failure.type in _BY_TYPE:
            return _BY_TYPE[failure.type]
        if failure.type == "invalid_request_error":
            for kind, pattern in _BY_TEXT.items():
                if pattern.search(failure.message):
                    return kind
        if failure.type == "request_too_large":
            return "bad_request"
        return super().kind(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """``Retry-After``; without one, the time until the exhausted limits are full again."""
        hint = super().wait_s(failure, headers)
        if hint is not None:
            return hint
        waits = (
            _until_s(headers.get(f"anthropic-ratelimit-{what}-reset", ""))
            for what in _LIMITS
            if headers.get(f"anthropic-ratelimit-{what}-remaining") == "0"
        )
        return max((wait for wait in waits if wait is not None), default=None)

    def error(self, failure: Failure, context: CallContext, headers: Mapping[str, str] = _NO_HEADERS) -> UpstreamError:
        """As the base class has it; Anthropic's ID of the call, which its support asks for, goes to the log."""
        error = super().error(failure, context, headers)
        if "request-id" in headers:
            request_id = printable(headers["request-id"])
            level = logging.WARNING if KINDS[error.kind].unhealthy else logging.INFO
            _log.log(level, "%s: its request %s failed: %s", context.provider, request_id, error.kind)
        return error

    def _body(self, response: Response, answer: Answer, context: CallContext) -> Iterator[Sequence[Item]]:
        """The one item of a plain reply."""
        yield [plain_item(response.read(context.settings.max_reply_bytes), answer.head)]

    def _made(
        self, batches: Iterable[Sequence[Item]], answer: Answer, response: Response, context: CallContext
    ) -> Reply:
        def read_usage(value: dict[str, object]) -> Usage | None:
            usage = usage_of(value.get("usage")) or answer.usage_so_far
            return usage if usage is None else with_searches(usage)

        return self._reply(batches, read_usage, response, context)

    def _passed(self, batches: Iterable[Sequence[Item]], response: Response, context: CallContext) -> Reply:
        """A reply whose items are Anthropic's own."""
        return self._reply(batches, Counts().read, response, context)

    def _reply(
        self,
        batches: Iterable[Sequence[Item]],
        read_usage: Callable[[Any], Usage | None],
        response: Response,
        context: CallContext,
    ) -> Reply:
        return Reply(
            batches,
            read_usage=read_usage,
            read_error=lambda value: self.error(failure_of(value), context),
            close=response.close,
            headers={name: value for name, value in response.headers.items() if name.startswith(_KEPT_HEADERS)},
        )


def _until_s(moment: str) -> float | None:
    """Seconds until an RFC 3339 time; None where it is none."""
    try:
        return max(0.0, (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


plugin = Anthropic()
