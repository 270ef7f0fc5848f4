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
from router.types.records import CallContext, ChatCall, EmbeddingsCall, Item, ModelCard, Reply, Usage
from router.types.transport import Response
from router.upstream.cards import listed_card, listed_cards
from router.upstream.compiled import CallWire, CompiledWire, Steps, renamed
from router.upstream.events import Events
from router.upstream.failures import failure_of
from router.upstream.provider import HttpProvider
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
    def compiled(self, kind: str, context: CallContext) -> CallWire | None:
        """None where a subclass does with a call what only its hook knows: it has its own, or sends in its own way."""
        hook = (CompatibleChatProvider if kind == "chat" else CompatibleProvider, kind)
        if not context.settings.pass_trace and all(_is_of(self, name, base) for base, name in (hook, *_WAY)):
            return self._wire(kind, context)
        return None

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
        body = renamed({**call.body, "model": context.model}, self.renames)
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

    def _wire(self, kind: str, context: CallContext) -> CallWire:
        is_chat = kind == "chat"
        base = CompatibleChatProvider if is_chat else CompatibleProvider
        edits_messages = is_chat and not _is_of(self, "edit_message", CompatibleChatProvider)
        each_call = self._asks_headers_each_call
        return CompiledWire(
            context,
            self._url("/chat/completions" if is_chat else "/embeddings", context),
            {} if each_call else self.headers(context),
            renames=self.renames if is_chat else getattr(self, "embeddings_renames", {}),
            roles=self.roles if is_chat and not edits_messages else {},
            steps=Steps(
                body=None if _is_of(self, f"{kind}_body", base) else getattr(self, f"{kind}_body"),
                message=self.edit_message if edits_messages else None,
                headers=self._all_headers if each_call else None,
            ),
            refuse=partial(self._refuse, context=context),
            reply=partial(self._read, context=context),
            stream=partial(self._stream, context=context),
            edits=self.edits,
            reads_usage=_is_of(self, "read_usage", CompatibleChatProvider),
        )

    def _read(self, response: Response, data: bytes, context: CallContext) -> tuple[Reply, Item]:
        """A plain reply whose body has been read."""
        progress = Progress()
        item = self._item(data, progress, context)
        return self._reply(iter(()), progress, response, context), item

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
        return renamed({**call.body, "model": context.model}, self.embeddings_renames)


_WAY = (
    *((HttpProvider, name) for name in ("send", "_all_headers", "_exchange")),
    *((CompatibleChatProvider, name) for name in ("_item", "_plain", "_reply", "_stream")),
)
"""Methods that make a call, beside its hook, with their classes."""


def _is_of(plugin: object, name: str, base: type) -> bool:
    """Whether a method of a plugin is this base class's own."""
    return getattr(getattr(plugin, name, None), "__func__", None) is vars(base).get(name, plugin)


def _tokens(usage: Usage) -> int:
    return usage.prompt_tokens + usage.completion_tokens
