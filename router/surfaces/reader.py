"""What the line asks of whatever reads a provider's answers: the same of chat's relay and of a native lane's reader."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import RouterError, UpstreamError, faults
from router.types.records import Item, Reply, Usage

__all__ = ["NativeReader", "PluginFault", "Reader", "bad_items", "is_item", "told_error"]

_log = logging.getLogger("router.surfaces")


class PluginFault(UpstreamError):
    """A plugin broke, which says nothing of its endpoint: else one odd request could put a provider to rest for all."""


class Reader(ABC):
    """One call's items, from its provider to its client. ``begin`` starts over with each attempt.

    Attributes:
        usage: what the upstream's readings prove; None while it gave none.
        output: whether anything that a client would call an answer has been seen.
        finished: whether the upstream has said that the answer is over.
        marks: what an operator should know of the reply: keys of ``REMARKS``.
        reported_model: the model that the upstream says answers; empty while it says none.
        failure: what followed the output of a batch, for ``check`` to raise.
        answer_id: what the upstream calls its answer; empty while it says nothing, or nothing that can stand in a row.
        finish_reasons: why each choice of a chat ended, in their order, as the upstream says; empty of all else.
        headers: of the answer, where they depend on it; None where the surface's are those of all.
    """

    headers: Mapping[str, str] | None = None
    answer_id: str = ""
    finish_reasons: tuple[str, ...] = ()
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


def told_error(reply: Reply | None, value: Any, plugin: str, said: Mapping[str, Any]) -> UpstreamError:
    """What an error inside a success means, as the plugin has it.

    Args:
        said: the client's words, of which the log shows none.
    """
    if reply is None:
        return UpstreamError("malformed", "The provider sent an error.")
    try:
        error: Any = reply.read_error(value)
    except UpstreamError as raised:
        error = raised
    except faults():
        _log.exception("provider plugin %s failed in read_error", plugin, extra={"said": said})
        return UpstreamError("malformed", "The provider sent an error.")
    if isinstance(error, UpstreamError):
        return error
    _log.error("provider plugin %s gave %s as an error, not a router.UpstreamError", plugin, type(error))
    return UpstreamError("malformed", "The provider sent an error.")


def bad_items(batch: Any, plugin: str) -> PluginFault:
    """What a plugin's batch is instead of one of items; raises on where it is one, for the fault is ours then."""
    items = batch if isinstance(batch, Sequence) else [batch]
    odd = [item for item in items if not is_item(item)]
    if not odd:
        raise
    what = f"an Item of {type(odd[0].data).__name__}" if isinstance(odd[0], Item) else type(odd[0]).__name__
    _log.error("provider plugin %s gave %s, not a router.Item of bytes", plugin, what)
    return PluginFault("server", f"The provider plugin {plugin!r} failed.")


def is_item(item: Any) -> bool:
    """Whether something is an ``Item`` of bytes."""
    return isinstance(item, Item) and type(item.data) is bytes
