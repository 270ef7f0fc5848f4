"""A response's server-sent events as the items of a reply: as they came, or translated from another wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from router.errors import UpstreamError
from router.types.records import Item, Reply
from router.types.transport import Response
from router.upstream.sse import BETWEEN, EventParser
from router.upstream.wire import dump_json

__all__ = ["Events", "Packet", "PassedEvents", "TranslatedEvents"]

_DONE = b"[DONE]"
_AFTER_DONE = BETWEEN + _DONE


class Packet(Sequence[Item]):
    """The items that came together, cut from their text only when somebody asks for one.

    Attributes:
        text: their data, with ``BETWEEN`` between them.
        size: how many they are.
    """

    __slots__ = ("_items", "size", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.size = text.count(BETWEEN) + 1
        self._items: list[Item] | None = None

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self.items()[index]

    def __len__(self) -> int:
        return self.size

    def items(self) -> list[Item]:
        """All of them."""
        if self._items is None:
            self._items = [Item(data) for data in self.text.split(BETWEEN)]
        return self._items


class Events:
    """Batches of items from server-sent events. An iterator object: unlike a generator it needs no start."""

    def __init__(self, response: Response, to_item: Callable[[bytes], Item], limit_bytes: int) -> None:
        self._to_item = to_item
        self._as_they_came = to_item is Item
        self._chunks = response.chunks()
        self._parser = EventParser(limit_bytes)
        self._over = False
        self.reply: Reply | None = None

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Sequence[Item]:
        while not self._over:
            piece = next(self._chunks, None)
            self._over = piece is None
            if piece is not None and self._as_they_came and (text := self._parser.plain(piece)) is not None:
                if _DONE not in text:
                    return Packet(text)
                if text.endswith(_AFTER_DONE) and text.count(_DONE) == 1:
                    self._end()
                    return Packet(text[: -len(_AFTER_DONE)])
            if batch := self._items(self._last() if piece is None else self._parser.feed(piece)):
                return batch
        raise StopIteration

    def _items(self, events: list[bytes]) -> list[Item]:
        batch = []
        for data in events:
            if data == _DONE:
                self._end()
                break
            batch.append(self._to_item(data))
        return batch

    def _end(self) -> None:
        """The upstream has said that this was all."""
        self._over = True
        if self.reply is not None:
            self.reply.ended = True

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


class PassedEvents(Events):
    """The events of another wire as they came, an item each, up to the one that ends the stream.

    Args:
        is_last: whether an event's data is that of the last.
        limit_bytes: the largest event.
    """

    def __init__(self, response: Response, is_last: Callable[[bytes], bool], limit_bytes: int) -> None:
        super().__init__(response, Item, limit_bytes)
        self._as_they_came = False  # packets are of chat's chunks alone
        self._is_last = is_last

    def _items(self, events: list[bytes]) -> list[Item]:
        batch = []
        for data in events:
            batch.append(Item(data))
            if self._is_last(data):
                self._end()
                break
        return batch


class TranslatedEvents(Events):
    """The same from the events of another wire, each of which becomes any number of chunks in OpenAI's shape.

    An event with a top-level ``error``, and one that is no JSON object, becomes an item as it came: the gateway knows
    what to say of it.

    Args:
        to_chunks: the ``chat.completion.chunk`` objects of one decoded event, in order.
        ends: whether a decoded event is the one that ends the stream, such as Anthropic's ``message_stop``.
        limit_bytes: the largest event.
    """

    def __init__(
        self,
        response: Response,
        to_chunks: Callable[[dict[str, Any]], Iterable[Mapping[str, Any]]],
        ends: Callable[[dict[str, Any]], bool],
        limit_bytes: int,
    ) -> None:
        super().__init__(response, Item, limit_bytes)
        self._to_chunks = to_chunks
        self._ends = ends

    def __next__(self) -> Sequence[Item]:
        while not self._over:
            piece = next(self._chunks, None)
            self._over = piece is None
            batch: list[Item] = []
            for data in self._last() if piece is None else self._parser.feed(piece):
                self._translate(data, batch)
                if self._over and piece is not None:
                    break
            if batch:
                return batch
        raise StopIteration

    def _translate(self, data: bytes, batch: list[Item]) -> None:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or value.get("error"):
            batch.append(Item(data, value))
            return
        batch.extend(_item(chunk) for chunk in self._to_chunks(value))
        if self._ends(value):
            self._over = True
            if self.reply is not None:
                self.reply.ended = True


def _item(chunk: Mapping[str, Any]) -> Item:
    try:
        return Item(dump_json(chunk), chunk)
    except ValueError:
        raise UpstreamError("malformed", "The upstream sent a number that JSON does not have.") from None
