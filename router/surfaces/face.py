"""What a call's answer looks like to its client, whatever its provider said: a dialect is the face of chat."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from router.errors import RouterError

__all__ = ["Face", "PlainFace", "StreamEnds", "TranslatingFace"]


class StreamEnds(Protocol):
    """What is written to a stream's client beside the provider's items."""

    def end_frame(self) -> bytes:
        """What ends a complete stream. Asked for once."""
        ...

    def error_frame(self, error: RouterError, /) -> bytes:
        """What ends a stream that failed after its first output. Empty where the wire has no word for it: the client
        then sees a stream that is cut.
        """
        ...

    def heartbeat(self) -> bytes:
        """What keeps proxies and clients awake while the upstream is silent. Empty where the wire has nothing of the
        kind: the answer then begins with its first output.
        """
        ...


class Face(StreamEnds, Protocol):
    """How a stream is written to its client."""

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """The bytes that some chunks, at least one, become: each is the JSON text of a chunk."""
        ...


class TranslatingFace(ABC):
    """One call's face on a surface that is served through chat: from chat's answers to the client's wire.

    Attributes:
        stream_headers: of its stream, where they are not its surface's; None where they are.
        framing: a word for how the answer is written, where path and body do not say: a request that is repeated with
            another is another request. ASCII; empty for the usual way.
    """

    stream_headers: Mapping[str, str] | None = None
    framing: str = ""

    def serves(self, plugin: str) -> None:
        """What follows comes of a provider of this kind: told before each attempt."""
        return

    @abstractmethod
    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """The plain answer.

        Args:
            answer: a whole chat completion, with the public model ID.
        """

    @abstractmethod
    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``Face``. The chunk that holds the usage is always among those of a stream."""

    @abstractmethod
    def end_frame(self) -> bytes:
        """See ``StreamEnds``."""

    @abstractmethod
    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``StreamEnds``."""

    def heartbeat(self) -> bytes:
        """A comment of server-sent events, which every reader skips."""
        return b": keep-alive\n\n"


class PlainFace(TranslatingFace):
    """The face of a call on a surface without streams: only ``body`` is ever asked for."""

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """There are none."""
        return b""

    def end_frame(self) -> bytes:
        """There is none."""
        return b""

    def error_frame(self, error: RouterError, /) -> bytes:
        """There is none."""
        return b""
