"""Ollama by its native API, which has more than its copy of OpenAI's: thinking, context size, errors in a stream.

The way to the server and its errors are those of the base class; bodies are translated in ``request`` and ``reply``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar
from urllib.parse import urlsplit

from router_plugins.ollama.listing import card, names
from router_plugins.ollama.reply import Chat, Lines, embeddings_list, plain_item
from router_plugins.ollama.request import chat_body, embeddings_body

from router import (
    CAP,
    CallContext,
    ChatCall,
    EmbeddingsCall,
    Item,
    ModelCard,
    ProviderSettings,
    Reply,
    RequestRules,
    Secret,
    Timeouts,
    UpstreamError,
    hookimpl,
)
from router.upstream import Failure, HttpProvider, Response, failure_of, usage_of

__all__ = ["plugin"]

_LOCAL = "http://localhost:11434"
_CLOUD_HOST = "ollama.com"
_KEY = "env:OLLAMA_API_KEY"
_DURATION = re.compile(r"-?(?:\d+(?:\.\d+)?(?:ms|s|m|h))+", re.ASCII)
_KINDS = {
    "context_length": re.compile(r"exceed\w*\b.{0,40}\bcontext|context (?:length|size|window)\b.{0,40}\bexceed", re.I),
    "bad_request": re.compile(r"does not support", re.I),
    "overloaded": re.compile(r"server busy|maximum pending requests", re.I),
    "not_found": re.compile(r"model .* not found", re.I),
    "auth": re.compile(r"^unauthorized", re.I),
}
"""Kind -> how the text says it, where the status does not: inside a stream there is none."""
_BY_TEXT = frozenset({200, 400, 500, 501, 503})
_CLIENT_GONE = 499  # we did not go, so something between us and the server did


@dataclass(frozen=True, slots=True)
class Patience(Timeouts):
    """``timeouts`` of this section. A model that is not in memory yet takes minutes to load."""

    first_byte: float | None = 600.0
    idle: float | None = 300.0
    whole: float | None = 1800.0


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.ollama]``. The key in ``OLLAMA_API_KEY`` is Ollama Cloud's, and is sent nowhere else.

    An abandoned call is cancelled: the server then stops, and its time is worth more here than an exact count.

    Attributes:
        keep_alive: how long a model stays in memory where the call does not say: a duration such as ``10m``; ``-1m``
            for ever, ``0s`` not at all.
        num_ctx: size of the context in tokens where the call does not say; 0 leaves it to the server.
    """

    api_key: Secret = field(default=Secret("", _KEY))
    timeouts: Patience = field(default=Patience())
    on_disconnect: str = field(default="cancel", metadata={"one_of": ("drain", "cancel")})
    keep_alive: str = ""
    num_ctx: int = field(default=0, metadata={"min": 0, "max": 2**31 - 1})

    def __post_init__(self) -> None:
        if self.keep_alive and not _DURATION.fullmatch(self.keep_alive):
            raise ValueError(f'keep_alive must be a duration such as "10m", "0s" or "-1m", not {self.keep_alive!r}')
        if self.base_url and not self._cloud and self.api_key.source == _KEY:
            object.__setattr__(self, "api_key", Secret())

    def missing(self) -> str | None:
        if not self.base_url:
            return f'set base_url in [providers.ollama], such as "{_LOCAL}"'
        if self.base_url.rstrip("/").endswith(("/v1", "/api")):
            return 'set base_url without its "/v1" or "/api": this provider speaks the native API'
        return super().missing() if self._cloud or self.api_key.source != _KEY else None

    @property
    def _cloud(self) -> bool:
        return urlsplit(self.base_url).hostname == _CLOUD_HOST


class Ollama(HttpProvider):
    """The provider ``ollama``."""

    default_base_url: ClassVar[str] = _LOCAL
    rules: ClassVar = RequestRules(caps=(CAP,), endless=True, own_members=frozenset({"reasoning", "reasoning_content"}))

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        response = self.send("/api/chat", chat_body(call, context), call, context)
        answer = Chat(call.request_id, context.model)
        if not call.stream:
            return self._read(response, lambda data: plain_item(data, answer.body), context)
        lines = Lines(response, answer, context.settings.max_reply_bytes)
        lines.reply = self._made(lines, response, context)
        return lines.reply

    @hookimpl
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        body = embeddings_body(call, context)
        shape = partial(
            embeddings_list,
            model=context.model,
            count=1 if isinstance(body["input"], str) else len(body["input"]),
            as_base64=call.body.get("encoding_format") == "base64",
        )
        response = self.send("/api/embed", body, call, context)
        return self._read(response, lambda data: plain_item(data, shape), context)

    @hookimpl
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:
        for name in names(self.fetch("/api/tags", context)):
            try:
                yield card(name, self.fetch("/api/show", context, {"model": name}))
            except UpstreamError as error:
                if error.kind != "not_found":  # removed since it was listed
                    raise

    def kind(self, failure: Failure) -> str:
        """By the text, which is all there is inside a stream, then by the status."""
        if failure.status in _BY_TEXT:
            for kind, pattern in _KINDS.items():
                if pattern.search(failure.message):
                    return kind
        return "server" if failure.status == _CLIENT_GONE else super().kind(failure)

    def _read(self, response: Response, to_item: Callable[[bytes], Item], context: CallContext) -> Reply:
        """The reply of one whole body."""

        def body() -> Iterator[Sequence[Item]]:
            yield [to_item(response.read(context.settings.max_reply_bytes))]

        return self._made(body(), response, context)

    def _made(self, batches: Iterable[Sequence[Item]], response: Response, context: CallContext) -> Reply:
        return Reply(
            batches,
            read_usage=lambda value: usage_of(value.get("usage")),
            read_error=lambda value: self.error(failure_of(value), context),
            close=response.close,
        )


plugin = Ollama()
