"""Guards: what looks at the texts of requests and replies, and may refuse or change them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from router.errors import RouterError

__all__ = ["GUARD_MODES", "Guard", "GuardFailed", "GuardRefused", "GuardedCall", "TextFilter", "matches_in"]

GUARD_MODES = ("", "observe", "buffer", "transform")
"""What a guard may do with replies; the empty one leaves them alone."""

_WINDOW = 16 * 1024
_OVERLAP = 2 * 1024


def matches_in(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The matches of an expression, none within another, as ``finditer`` has them; between stretches of the text the
    worker's other calls get their turn. A match is at most 2,048 characters long.
    """
    place, size = 0, len(text)
    while place <= size:
        end = min(place + _WINDOW, size)
        seen = min(end + _OVERLAP, size)
        while (match := pattern.search(text, place, seen)) is not None and (match.start() < end or end == size):
            yield match
            place = max(match.end(), match.start() + 1)
            if place > end:
                break
        if end == size:
            return
        place = max(place, end)
        time.sleep(0)


class GuardRefused(RouterError):
    """A guard refuses a request or a reply.

    Args:
        rule: which of the guard's rules is broken: a word that clients and operators read.
        message: what is wrong, and what to do about it, in clients' words; never what was found.

    Attributes:
        guard: the plugin's name; the host writes it, and puts it before the message.
    """

    status = 400
    type = "invalid_request_error"
    code = "guard_refused"

    def __init__(self, rule: str, message: str = "", *, detail: str = "") -> None:
        super().__init__(message or "Change what you send, and try again.", detail=detail)
        self.rule = rule
        self.guard = ""

    def named(self, guard: str, what: str) -> GuardRefused:
        """The same with the guard's name in its texts.

        Args:
            what: ``request`` or ``reply``.
        """
        if not self.guard:
            self.guard = guard
            told = f"The guard {guard!r} refused this {what} by its rule {self.rule!r}"
            self.detail = f"{told}: {self.in_full}"
            self.message = f"{told}. {self.message}"
        return self


class GuardFailed(GuardRefused):
    """A guard failed or took too long, and ``on_failure`` says to refuse then."""

    status = 500
    type = "server_error"
    code = "guard_failed"


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """A call as guards see it: one object for each guard and call, from its request to its reply.

    Attributes:
        request_id: ours.
        surface: by which it came: ``chat``, ``messages``, ``embeddings`` ...
        account, key: IDs.
        model: as the client wrote it.
        stream: whether the client asked for a stream.
        key_name: the label of the key.
        tier: of the account; empty for the default.
        client: the client's IP address.
        state: the guard's own, for this call: what it did to the request, it may need for the reply.
        notes: rules that were met and neither refused nor changed anything: the host logs them, each once.
    """

    request_id: str
    surface: str
    account: str
    key: str
    model: str
    stream: bool = False
    key_name: str = ""
    tier: str = ""
    client: str = ""
    state: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)


class TextFilter(Protocol):
    """One text of a reply on its way, such as the content of one choice, as it comes."""

    def feed(self, text: str) -> str:
        """What may go on now; what cannot be told yet is kept.

        Raises:
            GuardRefused: ends the reply here.
        """
        ...

    def flush(self) -> str:
        """What is still kept: the text is over."""
        ...


class Guard:
    """What a plugin's hook ``guard`` gives: one for all calls of a worker, many at a time. Override what you need.

    Texts are strings as people and programs wrote them: contents of messages, instructions, descriptions of tools,
    inputs of embeddings, reasoning, and the strings within the arguments of tool calls, without JSON's escapes.

    Attributes:
        replies: what it does with replies, one of ``GUARD_MODES``. ``observe``: ``reply`` is given all texts after the
            end, delays nothing and changes nothing. ``buffer``: the reply is held back until its end, and ``reply`` may
            change or refuse it. ``transform``: each text passes through a ``filter`` of its own as it comes.
        threaded: runs ``request`` and ``reply`` in a native thread: for those who compute for more than milliseconds.
    """

    replies: str = ""
    threaded: bool = False

    def mode(self, call: GuardedCall) -> str:
        """The same for one call, asked after ``request``; one that has nothing to do there says so by ``""``."""
        return self.replies

    def request(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        """Look at a request's texts, each of which is there once.

        Returns:
            As many texts, to be sent in their places; None where nothing changes.

        Raises:
            GuardRefused: it is not to be served.
        """
        return None

    def reply(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        """The same of a whole reply, for ``buffer``, and for ``observe``, where it changes nothing."""
        return None

    def filter(self, call: GuardedCall) -> TextFilter | None:
        """What one text of a reply passes through, for ``transform``; None where it passes as it is."""
        return None
