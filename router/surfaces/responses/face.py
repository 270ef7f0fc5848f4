"""The face of one call of ``POST /v1/responses``: from a chat's answer to this wire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.canonical.tools import ToolNames
from router.surfaces.face import TranslatingFace
from router.surfaces.responses.resource import Echo
from router.surfaces.responses.writer import ResponseWriter
from router.upstream.wire import dump_json

__all__ = ["ResponsesFace", "failure_code", "framed"]

_FAILURES = frozenset({"context_length_exceeded", "rate_limit_exceeded"})
"""Codes of errors that clients of this wire tell apart in a stream; all others are the server's."""


class ResponsesFace(TranslatingFace):
    """One call's answer, in either lane.

    Args:
        echo: what it says of its request.
        names: of the request's tools.
        seal: plugin, members -> the wrapper of what a provider of that kind wants back.
        said: what a client may read of an error.
        passed: the body for providers that speak this wire; see ``native``.
        fits: whether an answer is small enough to be kept.
        clock: Unix seconds.

    Attributes:
        tried: how many attempts there were.
        told: the whole answer of a provider that speaks this wire, once there is an end.
    """

    def __init__(
        self,
        echo: Echo,
        names: ToolNames,
        *,
        seal: Callable[[str, Mapping[str, Any]], str],
        said: Callable[[RouterError], str],
        passed: Mapping[str, Any] | None = None,
        fits: Callable[[Mapping[str, Any]], bool] = lambda response: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._echo, self._names, self._seal, self._said, self._fits = echo, names, seal, said, fits
        self.passed: Mapping[str, Any] = passed or {}
        self.tried = 0
        self.told: Mapping[str, Any] | None = None
        self._begin("")

    def serves(self, plugin: str) -> None:
        """See ``TranslatingFace``: whatever an attempt before has told is forgotten."""
        self.tried += 1
        self._begin(plugin)

    @property
    def response(self) -> Mapping[str, Any] | None:
        """The whole answer, once there is an end."""
        return self.told or self._writer.response

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """The plain answer: what its stream would have ended with."""
        for _ in self._writer.write(answer_events(answer, self._names)):
            pass
        assert self._writer.response is not None
        return self._writer.response

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """The events of some chunks; nothing where they tell nothing."""
        return framed(event for chunk in chunks for event in self._writer.write(self._events.feed(json.loads(chunk))))

    def end_frame(self) -> bytes:
        """What is still open ends, and the answer with it. There is no ``[DONE]`` on this wire."""
        return framed(self._writer.write(self._events.end()))

    def error_frame(self, error: RouterError, /) -> bytes:
        """The answer has failed: it never ends as if it were whole."""
        return framed(self._writer.fail(failure_code(error), self._said(error)))

    def failed(self, error: RouterError, output: Sequence[Any], number: int, id: str) -> bytes:
        """The end of a stream of a provider that speaks this wire, which broke off.

        Args:
            output: the items that were there.
            number: of the next event.
            id: of the response.
        """
        told = {"error": {"code": failure_code(error), "message": self._said(error)}}
        response = self._echo.response("failed", output, **told) | ({"id": id} if id else {})
        return framed([{"type": "response.failed", "sequence_number": number, "response": response}])

    def _begin(self, plugin: str) -> None:
        self._writer = ResponseWriter(self._echo, lambda proof: self._seal(plugin, proof), self._clock, fits=self._fits)
        self._events = ChatEvents(self._names)
        self.told = None


def failure_code(error: RouterError) -> str:
    """The code of a failed response."""
    return error.code if error.code in _FAILURES else "server_error"


def framed(events: Iterable[Mapping[str, Any]]) -> bytes:
    """This wire's events as server-sent ones."""
    return b"".join(b"event: %s\ndata: %s\n\n" % (event["type"].encode("ascii"), dump_json(event)) for event in events)
