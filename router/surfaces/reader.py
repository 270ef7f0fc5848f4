"""What the line asks of whatever reads a provider's answers: the same of chat's relay and of a native lane's reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from router.errors import RouterError, UpstreamError
from router.types.records import Item, Reply, Usage

__all__ = ["NativeReader", "Reader"]


class Reader(ABC):
    """One call's items, from its provider to its client. ``begin`` starts over with each attempt.

    Attributes:
        usage: what the upstream's readings prove; None while it gave none.
        output: whether anything that a client would call an answer has been seen.
        finished: whether the upstream has said that the answer is over.
        marks: what an operator should know of the reply: keys of ``REMARKS``.
        reported_model: the model that the upstream says answers; empty while it says none.
        failure: what followed the output of a batch, for ``check`` to raise.
        headers: of the answer, where they depend on it; None where the surface's are those of all.
    """

    headers: Mapping[str, str] | None = None
    usage: Usage | None
    output: bool
    finished: bool
    marks: set[str]
    reported_model: str
    failure: UpstreamError | None

    @abstractmethod
    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """The items that follow are ``reply``'s; None before there is one.

        Args:
            plugin: whose it is, for the log.
        """

    @abstractmethod
    def frames(self, batch: Sequence[Item]) -> bytes:
        """A batch of a stream's items, as its client is sent them.

        Output that came in one batch with a failure goes out first, and ``check`` raises the failure.

        Raises:
            UpstreamError: a failure before any output.
        """

    def check(self) -> None:
        """Call after the frames of a batch are on their way.

        Raises:
            UpstreamError: the failure that followed them.
        """
        if self.failure is not None:
            raise self.failure

    @abstractmethod
    def end(self) -> None:
        """The reply's items are over.

        Raises:
            UpstreamError: they ended too early: before any output, or without a word that this was the end.
        """

    @abstractmethod
    def body(self, item: Item) -> bytes:
        """A plain reply's body, as its client is sent it.

        Raises:
            UpstreamError: an error inside a success, or not a body of that kind.
        """

    def whole(self, data: bytes) -> bytes | None:
        """As ``body``, of the many replies that nobody has to look at; None for any other.

        Args:
            data: the body, which its plugin does not edit, with OpenAI's usage.
        """
        return None

    @abstractmethod
    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """What the call must have used, where the upstream does not say.

        Args:
            unseen_bytes: of an answer that did not come through.
        """


class NativeReader(Reader):
    """The reader of a provider that speaks the client's own surface: its events pass, so it is their face as well."""

    @abstractmethod
    def end_frame(self) -> bytes:
        """What ends a complete stream, beyond what the upstream sent."""

    @abstractmethod
    def error_frame(self, error: RouterError, /) -> bytes:
        """What ends a stream that failed after its first output."""

    @abstractmethod
    def heartbeat(self) -> bytes:
        """What keeps proxies and clients awake while the upstream is silent."""
