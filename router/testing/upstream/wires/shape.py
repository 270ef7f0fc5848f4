"""What there is to know of a provider's wire: its replies, its usage object, its documented errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from router.testing.upstream.scripts import Answer, Script
from router.testing.upstream.wire import ToolCall
from router.types import Usage

__all__ = ["ErrorRow", "Replies", "Wire"]


class Replies(Protocol):
    """A builder of good replies: a ``chat.completion`` or a stream of chunks, in the provider's own shape."""

    def __call__(
        self, *words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any
    ) -> Script: ...


@dataclass(frozen=True)
class ErrorRow:
    """One documented error.

    Attributes:
        name: a few words, unique within the wire.
        status: HTTP status; 200 for an error inside a success.
        body: JSON as a dict, or the bytes themselves.
        kind: what the plugin should make of it (``router.errors.KINDS``).
        shown: the client's status where it is not the kind's.
        wait_s: seconds that the error says to wait; None where it does not.
        headers: response headers.
    """

    name: str
    status: int
    body: Any
    kind: str
    shown: int | None = None
    wait_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """The error as a script for the upstream."""
        return Answer(self.body, status=self.status, headers=self.headers)


@dataclass(frozen=True)
class Wire:
    """One provider's wire.

    Attributes:
        name: of the plugin.
        model: one of the provider's models.
        counts: the usage that ``plain`` and ``stream`` report, in the gateway's meaning.
        plain: a reply that is not streamed.
        stream: a reply as a stream.
        errors: the documented errors.
    """

    name: str
    model: str
    counts: Usage
    plain: Replies
    stream: Replies
    errors: Sequence[ErrorRow]
