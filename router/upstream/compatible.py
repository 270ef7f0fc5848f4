"""The base classes of every provider that speaks OpenAI's wire: pass everything through, edit the few keys that differ.

``CompatibleProvider`` offers chat and embeddings, ``CompatibleChatProvider`` chat alone. A subclass gives
``default_base_url`` and ``cards``, and overrides the methods without a marker where its wire differs. To override a
hook itself, mark the override with ``@hookimpl``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from router import hookimpl
from router.errors import UpstreamError
from router.settings import ProviderSettings
from router.types import CallContext, ChatCall, EmbeddingsCall, Item, ModelCard, Reply, Usage
from router.upstream.cards import listed_cards
from router.upstream.events import Events
from router.upstream.failures import Failure, failure_of, kind_of, parse_failure, wait_hint_s, without_secrets
from router.upstream.transport import Request, Response
from router.upstream.wire import dump_json, has_output, usage_of

__all__ = ["CompatibleChatProvider", "CompatibleProvider", "Progress"]

_ERROR_BODY_LIMIT = 256 * 1024
_REPLY_LIMIT = 64 * 2**20
_PASSED_ON = frozenset({"bad_request", "not_found", "context_length", "content"})
_OURS = frozenset({"auth", "billing"})  # the upstream's words on our key and our bill are not the client's business
_KEPT_STATUSES = frozenset({410, 413, 415, 422})  # of a bad request, shown to the client as they are
_VAGUE_CODES = frozenset({"", "invalid_request_error"})  # a type in the place of a code says nothing


@dataclass
class Progress:
    """What one reply has shown so far, for ``edit_item``. Changed as items pass.

    Attributes:
        output: whether an earlier item of the stream held output: content, reasoning, a tool call.
        usage: a usage that ``edit_item`` took out of the client's sight; it counts until an item shows one.
    """

    output: bool = False
    usage: Usage | None = None


class CompatibleChatProvider:
    """Hooks of a provider on OpenAI's wire that has no embeddings.

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
    def models(self, context: CallContext) -> Iterable[ModelCard]:
        return self.cards

    @hookimpl
    def fallback(self, context: CallContext) -> Sequence[str]:
        fallback: Sequence[str] = context.settings.fallback
        return fallback

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        body = self.chat_body(call, context)
        response = self._send("/chat/completions", body, call, context)
        return self._stream(response, context) if call.stream else self._plain(response, context)

    @hookimpl
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:
        """``GET /models``: the wire says which there are, and nothing of what they can do."""
        return listed_cards(self._fetch("/models", context))

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

    def headers(self, call: ChatCall | EmbeddingsCall, context: CallContext) -> dict[str, str]:
        """Request headers: the key, and what the operator set."""
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if context.settings.api_key:
            headers["Authorization"] = f"Bearer {context.settings.api_key.reveal()}"
        return headers | dict(context.settings.headers)

    def read_usage(self, value: Any) -> Usage | None:
        """The usage in a decoded body or chunk; None when it has none."""
        return usage_of(value.get("usage")) if isinstance(value, dict) else None

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """A decoded body or chunk that ``edits`` matched, as the client should see it; changed in place or anew.

        Raises:
            UpstreamError: the item means that the call failed.
        """
        return value

    def kind(self, failure: Failure) -> str:
        """The kind of a failure (``router.errors.KINDS``)."""
        return kind_of(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """Seconds that a refused call should wait, as the response says (no headers inside a stream); else None."""
        return wait_hint_s(headers)

    # The way there and back.

    def _send(
        self, path: str, body: Mapping[str, Any], call: ChatCall | EmbeddingsCall, context: CallContext
    ) -> Response:
        """Send a body; the response, once it is known to be a success."""
        return self._request("POST", path, dump_json(body), self.headers(call, context), context)

    def _fetch(self, path: str, context: CallContext, body: Mapping[str, Any] | None = None) -> Any:
        """Decoded JSON that belongs to no client's call; a ``GET`` where there is no ``body``.

        Raises:
            UpstreamError: the request failed, or the answer is not JSON.
        """
        headers = self.headers(ChatCall("", "", {}), context)
        method, data = ("GET", None) if body is None else ("POST", dump_json(body))
        response = self._request(method, path, data, headers, context)
        try:
            return json.loads(response.read(_REPLY_LIMIT))
        except (ValueError, RecursionError):
            message = f"{context.provider} did not answer {path} with JSON"
            raise UpstreamError("malformed", message, provider=context.provider, upstream_status=200) from None
        finally:
            response.close()

    def _request(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], context: CallContext
    ) -> Response:
        base_url = (context.settings.base_url or self.default_base_url).rstrip("/")
        response = context.transport.send(Request(method, base_url + path, headers, data, context.timeouts))
        if response.status == 200:
            return response
        try:
            raw = response.read(_ERROR_BODY_LIMIT)
        except UpstreamError:
            raw = b""
        finally:
            response.close()
        raise self._error(parse_failure(response.status, raw), response.headers, context)

    def _error(self, failure: Failure, headers: Mapping[str, str], context: CallContext) -> UpstreamError:
        kind = self.kind(failure)
        in_answer = f"answered {failure.status}" if failure.status != 200 else "sent an error"
        reason = (
            "the gateway's credentials there were refused"
            if kind == "auth"
            else "the gateway's account there is exhausted"
        )
        failure = without_secrets(failure, [context.settings.api_key.reveal(), *context.settings.headers.values()])
        says = reason if kind in _OURS else failure.message or "no reason was given"
        passed_on = kind in _PASSED_ON and failure.message != ""
        return UpstreamError(
            kind,
            says if passed_on else f"{context.provider} {in_answer}: {says}",
            provider=context.provider,
            upstream_status=failure.status,
            status=failure.status if kind == "bad_request" and failure.status in _KEPT_STATUSES else None,
            type=(failure.type or None) if passed_on else None,
            code=_code(failure, kind) if passed_on else None,
            param=failure.param if passed_on else None,
            retry_after_s=self.wait_s(failure, headers),
        )

    def _plain(self, response: Response, context: CallContext) -> Reply:
        progress = Progress()

        def body() -> Iterator[Sequence[Item]]:
            data = response.read(_REPLY_LIMIT).strip()  # keep-alive blank lines may come before the JSON
            yield [self._item(data, progress, context)]

        return self._reply(body(), progress, response, context)

    def _stream(self, response: Response, context: CallContext) -> Reply:
        if "json" in response.headers.get("content-type", "") or "html" in response.headers.get("content-type", ""):
            raise self._not_a_stream(response, context)
        progress = Progress()
        to_item = partial(self._item, progress=progress, context=context) if self.edits is not None else Item
        events = Events(response, to_item)
        reply = self._reply(events, progress, response, context)
        events.reply = reply
        return reply

    def _not_a_stream(self, response: Response, context: CallContext) -> UpstreamError:
        """The error inside a 200 that should have been a stream."""
        try:
            failure = parse_failure(200, response.read(_ERROR_BODY_LIMIT))
        finally:
            response.close()
        if failure.message or failure.code or failure.type:
            return self._error(failure, response.headers, context)
        message = f"{context.provider} answered a request for a stream with {response.headers['content-type']!r}"
        return UpstreamError("malformed", message, provider=context.provider, upstream_status=response.status)

    def _item(self, data: bytes, progress: Progress, context: CallContext) -> Item:
        """An item, edited where ``edits`` matches. Until the first output all are decoded, as the relay does anyway."""
        item = Item(data)
        if self.edits is None or (progress.output and not self.edits.search(data)):
            return item
        try:
            value = item.json()
        except (ValueError, RecursionError):
            return item  # the relay says what is wrong with it
        if isinstance(value, dict) and self.edits.search(data):
            item = Item.of(self.edit_item(value, progress, context))
        progress.output = progress.output or has_output(value)
        return item

    def _reply(
        self, batches: Iterable[Sequence[Item]], progress: Progress, response: Response, context: CallContext
    ) -> Reply:
        limits = {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit-")}
        return Reply(
            batches,
            read_usage=lambda value: self.read_usage(value) or progress.usage,
            read_error=lambda value: self._error(failure_of(value), {}, context),
            close=response.close,
            headers=limits,
        )


class CompatibleProvider(CompatibleChatProvider):
    """Hooks of a provider on OpenAI's wire: chat and embeddings."""

    @hookimpl
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        body = self.embeddings_body(call, context)
        return self._plain(self._send("/embeddings", body, call, context), context)

    def embeddings_body(self, call: EmbeddingsCall, context: CallContext) -> dict[str, Any]:
        """The body to send: the client's, with the upstream's model name."""
        return {**call.body, "model": context.model}


def _code(failure: Failure, kind: str) -> str | None:
    """The upstream's code where it says more than the kind's own does; some upstreams send a sentence."""
    vague = failure.code in _VAGUE_CODES or " " in failure.code or kind == "context_length"
    return None if vague else failure.code
