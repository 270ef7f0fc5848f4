"""A response's server-sent events as the items of a reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from router.types import Item, Reply
from router.upstream.sse import EventParser
from router.upstream.transport import Response

__all__ = ["Events"]


class Events:
    """Batches of items from server-sent events. An iterator object: unlike a generator it needs no start."""

    def __init__(self, response: Response, to_item: Callable[[bytes], Item], limit_bytes: int) -> None:
        self._to_item = to_item
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
