"""The base classes of every provider that speaks OpenAI's wire: pass everything through, edit the few keys that differ.

``CompatibleProvider`` offers chat and embeddings, ``CompatibleChatProvider`` chat alone. A subclass gives
``default_base_url`` and ``cards``, and overrides the methods without a marker where its wire differs. To override a
hook itself, mark the override with ``@hookimpl``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from router import hookimpl
from router.rules import CAPS
from router.types import CallContext, ChatCall, EmbeddingsCall, Item, ModelCard, Reply, Usage
from router.upstream.cards import listed_card, listed_cards
from router.upstream.events import Events
from router.upstream.failures import failure_of
from router.upstream.provider import HttpProvider
from router.upstream.transport import Response
from router.upstream.wire import has_output, usage_of

__all__ = ["CompatibleChatProvider", "CompatibleProvider", "Progress"]


@dataclass
class Progress:
    """What one reply has shown so far, for ``edit_item``. Changed as items pass.

    Attributes:
        output: whether an earlier item of the stream held output: content, reasoning, a tool call.
        usage: a usage that ``edit_item`` took out of the client's sight; it counts until an item shows one.
        cost_nano: what the upstream said that it charges, in nano-USD: what clients are not shown.
        notes: whatever ``edit_item`` has to remember from one item to the next.
    """

    output: bool = False
    usage: Usage | None = None
    cost_nano: int | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def used(self, shown: Usage | None) -> Usage | None:
        """The usage of an item that shows ``shown``, with what clients do not see; of two, the one that counts more."""
        usage = shown or self.usage
        if shown is not None and self.usage is not None and _tokens(shown) < _tokens(self.usage):
            usage = self.usage
        return usage if usage is None or self.cost_nano is None else replace(usage, cost_nano=self.cost_nano)


class CompatibleChatProvider(HttpProvider):
    """Hooks of a provider on OpenAI's wire that has no embeddings.

    Attributes:
        renames: request fields that have an exact equivalent under another name here: client's name -> upstream's.
        roles: message roles that have an exact equivalent here: client's -> upstream's.
        edits: only items whose text matches are decoded and handed to ``edit_item``; None for none.
    """

    renames: ClassVar[Mapping[str, str]] = {}
    roles: ClassVar[Mapping[str, str]] = {}
    edits: ClassVar[re.Pattern[bytes] | None] = None

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        body = self.chat_body(call, context)
        response = self.send("/chat/completions", body, call, context)
        return self._stream(response, context) if call.stream else self._plain(response, context)

    @hookimpl
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:
        """``GET /models``: the wire says which there are, and nothing of what they can do."""
        return listed_cards(self.fetch("/models", context), self.listed_card)

    # What a subclass edits.

    def listed_card(self, entry: Mapping[str, Any]) -> ModelCard:
        """The card of one entry of the upstream's list; it has an ``id``, and whatever else the upstream tells."""
        return listed_card(entry)

    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        """The body to send: the client's under the upstream's names, and usage always asked for in a stream."""
        body = _renamed({**call.body, "model": context.model}, self.renames)
        body["messages"] = [self.edit_message(message, context) for message in body["messages"]]
        if call.stream:
            options = call.body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return body

    def edit_message(self, message: Mapping[str, Any], context: CallContext) -> Mapping[str, Any]:
        """One message of the conversation, as the upstream takes it. Never change it: copy, then edit."""
        role = message["role"]
        return {**message, "role": self.roles[role]} if role in self.roles else message

    def read_usage(self, value: Any) -> Usage | None:
        """The usage in a decoded body or chunk; None when it has none."""
        return usage_of(value.get("usage")) if isinstance(value, dict) else None

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        """A decoded body or chunk that ``edits`` matched, as the client should see it; changed in place or anew.

        Raises:
            UpstreamError: the item means that the call failed.
        """
        return value

    # The way there and back.

    def _plain(self, response: Response, context: CallContext) -> Reply:
        progress = Progress()

        def body() -> Iterator[Sequence[Item]]:
            data = response.read(context.settings.max_reply_bytes)
            data = data.strip()  # keep-alive blank lines may come before the JSON
            yield [self._item(data, progress, context)]

        return self._reply(body(), progress, response, context)

    def _stream(self, response: Response, context: CallContext) -> Reply:
        self.check_stream(response, context)
        progress = Progress()
        to_item = partial(self._item, progress=progress, context=context) if self.edits is not None else Item
        events = Events(response, to_item, context.settings.max_reply_bytes)
        reply = self._reply(events, progress, response, context)
        events.reply = reply
        return reply

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
            read_usage=lambda value: progress.used(self.read_usage(value)),
            read_error=lambda value: self.error(failure_of(value), context),
            close=response.close,
            headers=limits,
        )


class CompatibleProvider(CompatibleChatProvider):
    """Hooks of a provider on OpenAI's wire: chat and embeddings.

    Attributes:
        embeddings_renames: as ``renames``, of embeddings requests.
    """

    embeddings_renames: ClassVar[Mapping[str, str]] = {}

    @hookimpl
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        body = self.embeddings_body(call, context)
        return self._plain(self.send("/embeddings", body, call, context), context)

    def embeddings_body(self, call: EmbeddingsCall, context: CallContext) -> dict[str, Any]:
        """The body to send: the client's under the upstream's names."""
        return _renamed({**call.body, "model": context.model}, self.embeddings_renames)


def _tokens(usage: Usage) -> int:
    return usage.prompt_tokens + usage.completion_tokens


def _renamed(body: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The body with fields under other names. Null is none; of two caps the other stays, of two other fields both do,
    for the upstream to judge.
    """
    for name, other in names.items():
        if name not in body:
            continue
        if body.get(other) is None:
            body[other] = body.pop(name)
        elif name in CAPS:
            del body[name]
    return body
