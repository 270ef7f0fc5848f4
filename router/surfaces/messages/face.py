"""The face of one call that is served through chat: chat's answers as messages and their events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.canonical.events import Event
from router.surfaces.face import TranslatingFace
from router.surfaces.messages.answer import folded
from router.surfaces.messages.errors import error_body
from router.surfaces.messages.events import MessageEvents, WireEvent
from router.surfaces.proofs import Proof, ProofSealer
from router.upstream.wire import dump_json

__all__ = ["PING", "MessagesFace", "error_event"]

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
"""Keeps proxies and clients awake, at any time."""


class MessagesFace(TranslatingFace):
    """One call's face.

    Args:
        request_id: the call's; the message's ID is made of it.
        model: the public model.
        input_tokens: what the prompt is estimated to come to.
        account: whose call it is.
        proofs: wraps what the provider wants back.
        said: what a client may read of an error.

    Attributes:
        plugin: of the provider that serves it, or is tried.
        version, betas: of the API, as the client asked.
    """

    def __init__(
        self,
        request_id: str,
        model: str,
        input_tokens: int,
        *,
        account: str,
        proofs: ProofSealer,
        said: Callable[[RouterError], str],
        version: str,
        betas: str,
    ) -> None:
        self._request_id, self._model, self._input_tokens = request_id, model, input_tokens
        self._account, self._proofs, self._said = account, proofs, said
        self.version, self.betas = version, betas
        self.plugin = ""
        self._chat = ChatEvents()
        self._message = self._events()

    def serves(self, plugin: str) -> None:
        """See ``TranslatingFace``."""
        self.plugin = plugin

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        return folded(self._events().feed(answer_events(answer)))

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``TranslatingFace``."""
        events = (event for chunk in chunks for event in self._chat.feed(json.loads(chunk)))
        return self._written(events)

    def end_frame(self) -> bytes:
        """See ``TranslatingFace``."""
        return self._written(self._chat.end())

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``TranslatingFace``."""
        return error_event(error, self._said(error), self._request_id)

    def heartbeat(self) -> bytes:
        """A ping."""
        return PING

    def _events(self) -> MessageEvents:
        return MessageEvents(f"msg_{self._request_id}", self._model, self._input_tokens, self._seal)

    def _seal(self, text: str, members: Mapping[str, Any]) -> str:
        if not text and not members:
            return ""
        return self._proofs.seal(Proof(self.plugin, members), self._account)

    def _written(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(_frame, self._message.feed(events)))


def error_event(error: RouterError, said: str, request_id: str) -> bytes:
    """The event that ends a stream which failed."""
    return _frame(error_body(error, said, request_id))


def _frame(event: WireEvent) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode("ascii"), dump_json(event))
