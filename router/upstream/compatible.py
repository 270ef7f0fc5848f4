"""The base class of every provider that speaks OpenAI's wire: pass everything through, edit the few keys that differ.

A subclass gives ``default_base_url`` and ``cards``, and overrides the methods without a marker where its wire
differs. To override a hook itself, mark the override with ``@hookimpl``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from router import hookimpl
from router.errors import UpstreamError
from router.types import CallContext, ChatCall, EmbeddingsCall, Item, ModelCard, ProviderSettings, Reply, Usage
from router.upstream.failures import Failure, failure_of, kind_of, parse_failure, wait_hint_s
from router.upstream.sse import EventParser
from router.upstream.transport import Request, Response
from router.upstream.wire import dump_json, usage_of

__all__ = ["CompatibleProvider"]

_ERROR_BODY_LIMIT = 256 * 1024
_REPLY_LIMIT = 64 * 2**20
_PASSED_ON = frozenset({"bad_request", "not_found", "context_length", "content"})
_OURS = frozenset({"auth", "billing"})  # the upstream's words on our key and our bill are not the client's business


class CompatibleProvider:
    """Hooks of a provider on OpenAI's wire.

    Attributes:
        default_base_url: used where the section gives none.
        cards: the models that the plugin lists.
        renames: request fields that have an exact equivalent under another name here: client's name -> upstream's.
        roles: message roles that have an exact equivalent here: client's -> upstream's.
        edits: only items whose text matches are decoded and handed to ``edit_item``; None for none.
    """

    default_base_url: ClassVar[str] = ""
    cards: ClassVar[Sequence[ModelCard]] = ()
    renames: ClassVar[Mapping[str, str]] = {}
    roles: ClassVar[Mapping[str, str]] = {}
    edits: ClassVar[re.Pattern[bytes] | None] = None

    @hookimpl
    def settings(self) -> type:
        return ProviderSettings

    @hookimpl
    def models(self) -> Iterable[ModelCard]:
        return self.cards

    @hookimpl
    def fallback(self, context: CallContext) -> Sequence[str]:
        fallback: Sequence[str] = context.settings.fallback
        return fallback

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        body = self.chat_body(call, context)
        response = self._send("/chat/completions", body, context)
        return self._stream(response, context) if call.stream else self._plain(response, context)

    @hookimpl
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        body = self.embeddings_body(call, context)
        return self._plain(self._send("/embeddings", body, context), context)

    # What a subclass edits.

    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        """The body to send: the client's under the upstream's names, and usage always asked for in a stream."""
        body = {**call.body, "model": context.model}
        for name, other in self.renames.items():
            if name in body and other not in body:
                body[other] = body.pop(name)
        if self.roles and any(message["role"] in self.roles for message in body["messages"]):
            body["messages"] = [
                {**message, "role": self.roles.get(message["role"], message["role"])} for message in body["messages"]
            ]
        if call.stream:
            options = call.body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return body

    def embeddings_body(self, call: EmbeddingsCall, context: CallContext) -> dict[str, Any]:
        """The body to send: the client's, with the upstream's model name."""
        return {**call.body, "model": context.model}

    def headers(self, context: CallContext) -> dict[str, str]:
        """Request headers: the key, and what the operator set."""
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if context.settings.api_key:
            headers["Authorization"] = f"Bearer {context.settings.api_key.reveal()}"
        return headers | dict(context.settings.headers)

    def read_usage(self, value: Any) -> Usage | None:
        """The usage in a decoded body or chunk; None when it has none."""
        return usage_of(value.get("usage")) if isinstance(value, dict) else None

    def edit_item(self, value: dict[str, Any], context: CallContext) -> dict[str, Any]:
        """A decoded body or chunk that ``edits`` matched, as the client should see it; changed in place or anew.

        Raises:
            UpstreamError: the item means that the call failed.
        """
        return value

    def kind(self, failure: Failure) -> str:
        """The kind of a failure (``router.errors.KINDS``)."""
        return kind_of(failure)

    def wait_s(self, headers: Mapping[str, str]) -> float | None:
        """Seconds that a refused call should wait, from the response's headers; None when they do not say."""
        return wait_hint_s(headers)

    # The way there and back.

    def _send(self, path: str, body: Mapping[str, Any], context: CallContext) -> Response:
        """Send a body; the response, once it is known to be a success."""
        base_url = (context.settings.base_url or self.default_base_url).rstrip("/")
        request = Request("POST", base_url + path, self.headers(context), dump_json(body), context.timeouts)
        response = context.transport.send(request)
        if response.status == 200:
            return response
        try:
            raw = response.read(_ERROR_BODY_LIMIT)
        except UpstreamError:
            raw = b""
        finally:
            response.close()
        raise self._error(parse_failure(response.status, raw), context, self.wait_s(response.headers))

    def _error(self, failure: Failure, context: CallContext, wait_s: float | None = None) -> UpstreamError:
        kind = self.kind(failure)
        in_answer = f"answered {failure.status}" if failure.status != 200 else "sent an error"
        reason = (
            "the gateway's credentials there were refused"
            if kind == "auth"
            else "the gateway's account there is exhausted"
        )
        failure = _without_secrets(failure, context.settings)
        says = reason if kind in _OURS else failure.message or "no reason was given"
        passed_on = kind in _PASSED_ON and failure.message != ""
        return UpstreamError(
            kind,
            says if passed_on else f"{context.provider} {in_answer}: {says}",
            provider=context.provider,
            upstream_status=failure.status,
            status=failure.status if kind == "bad_request" and failure.status in (413, 415, 422) else None,
            type=(failure.type or None) if passed_on else None,
            code=(failure.code or None) if passed_on else None,
            param=failure.param if passed_on else None,
            retry_after_s=wait_s,
        )

    def _plain(self, response: Response, context: CallContext) -> Reply:
        def body() -> Iterator[Sequence[Item]]:
            data = response.read(_REPLY_LIMIT).strip()  # keep-alive blank lines may come before the JSON
            yield [self._edited(data, context) if self.edits is not None else Item(data)]

        return self._reply(body(), response, context)

    def _stream(self, response: Response, context: CallContext) -> Reply:
        if "json" in response.headers.get("content-type", "") or "html" in response.headers.get("content-type", ""):
            raise self._not_a_stream(response, context)
        events = _Events(response, partial(self._edited, context=context) if self.edits is not None else Item)
        reply = self._reply(events, response, context)
        events.reply = reply
        return reply

    def _not_a_stream(self, response: Response, context: CallContext) -> UpstreamError:
        """The error inside a 200 that should have been a stream."""
        try:
            failure = parse_failure(200, response.read(_ERROR_BODY_LIMIT))
        finally:
            response.close()
        if failure.message or failure.code or failure.type:
            return self._error(failure, context)
        message = f"{context.provider} answered a request for a stream with {response.headers['content-type']!r}"
        return UpstreamError("malformed", message, provider=context.provider, upstream_status=response.status)

    def _edited(self, data: bytes, context: CallContext) -> Item:
        item = Item(data)
        if self.edits is None or not self.edits.search(data):
            return item
        try:
            value = item.json()
        except ValueError:
            return item  # the relay says what is wrong with it
        return Item.of(self.edit_item(value, context)) if isinstance(value, dict) else item

    def _reply(self, batches: Iterable[Sequence[Item]], response: Response, context: CallContext) -> Reply:
        limits = {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit-")}
        return Reply(
            batches,
            read_usage=self.read_usage,
            read_error=lambda value: self._error(failure_of(value), context),
            close=response.close,
            headers=limits,
        )


class _Events:
    """Batches of items from server-sent events. An iterator object: unlike a generator it needs no start."""

    def __init__(self, response: Response, to_item: Callable[[bytes], Item]) -> None:
        self._to_item = to_item
        self._chunks = response.chunks()
        self._parser = EventParser()
        self._over = False
        self.reply: Reply | None = None

    def __iter__(self) -> _Events:
        return self

    def __next__(self) -> Sequence[Item]:
        while not self._over:
            piece = next(self._chunks, None)
            self._over = piece is None
            events = self._last() if piece is None else self._parser.feed(piece)
            batch = []
            for data in events:
                if data == b"[DONE]":
                    self._over = True
                    if self.reply is not None:
                        self.reply.ended = True
                    break
                batch.append(self._to_item(data))
            if batch:
                return batch
        raise StopIteration

    def _last(self) -> list[bytes]:
        """The event that no blank line ended, if it is whole; a part of one means that the stream was cut."""
        events = self._parser.close()
        try:
            for data in events:
                if data != b"[DONE]":
                    json.loads(data)
        except (ValueError, RecursionError):
            return []
        return events


def _without_secrets(failure: Failure, settings: ProviderSettings) -> Failure:
    """The upstream's words without our secrets, should it repeat them."""
    secrets = [secret for secret in (settings.api_key.reveal(), *settings.headers.values()) if len(secret) >= 6]

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
            # The text may have been shortened in the middle of it.
            ends = (length for length in range(len(secret) - 1, 5, -1) if text.endswith(secret[:length]))
            text = text[: len(text) - next(ends, 0)]
        return text

    return replace(
        failure,
        message=clean(failure.message),
        type=clean(failure.type),
        code=clean(failure.code),
        param=None if failure.param is None else clean(failure.param),
    )
