"""The face of one call of ``POST /v1/responses``: from a chat's answer to this wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.canonical.tools import ToolNames
from router.surfaces.responses.writer import ResponseWriter
from router.upstream.wire import dump_json

__all__ = ["ResponsesFace", "failure_code"]

_FAILURES = frozenset({"context_length_exceeded", "rate_limit_exceeded"})
"""Codes of errors that clients of this wire tell apart in a stream; all others are the server's."""


class ResponsesFace:
    """One call's answer.

    Args:
        writer: of the answer.
        names: of the request's tools.
        said: what a client may read of an error.
    """

    def __init__(self, writer: ResponseWriter, names: ToolNames, said: Callable[[RouterError], str]) -> None:
        self._writer = writer
        self._names = names
        self._said = said
        self._events = ChatEvents(names)

    @property
    def response(self) -> Mapping[str, Any] | None:
        """The whole answer, once there is an end."""
        return self._writer.response

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """The plain answer: what its stream would have ended with."""
        for _ in self._writer.write(answer_events(answer, self._names)):
            pass
        assert self._writer.response is not None
        return self._writer.response

    def frames(self, chunks: Sequence[bytes]) -> bytes:
        """The events of some chunks; nothing where they tell nothing."""
        return _framed(event for chunk in chunks for event in self._writer.write(self._events.feed(json.loads(chunk))))

    def end_frame(self) -> bytes:
        """What is still open ends, and the answer with it. There is no ``[DONE]`` on this wire."""
        return _framed(self._writer.write(self._events.end()))

    def error_frame(self, error: RouterError) -> bytes:
        """The answer has failed: it never ends as if it were whole."""
        return _framed(self._writer.fail(failure_code(error), self._said(error)))

    def heartbeat(self) -> bytes:
        """A comment."""
        return b": keep-alive\n\n"


def failure_code(error: RouterError) -> str:
    """The code of a failed response."""
    return error.code if error.code in _FAILURES else "server_error"


def _framed(events: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (event["type"].encode("ascii"), dump_json(event)) for event in events)
