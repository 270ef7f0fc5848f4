"""One call's reply, before its face writes it: each guard does there what its mode says.

It stands between chat's canonical chunks, which have been read for usage by then, and the client's wire: what a reply
used is charged whatever becomes of it here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from router.errors import RouterError
from router.guarding.running import GuardRunner
from router.guarding.streams import Filtered, folded, refolded
from router.guarding.texts import mapped, texts_of
from router.surfaces.face import Face
from router.types.guards import GuardedCall, GuardFailed, GuardRefused, TextFilter
from router.upstream.wire import dump_json

__all__ = ["Acting", "GuardedFace", "replaced"]

_KEPT_BYTES_MAX = 2**24
Acting = tuple[GuardRunner, GuardedCall, str]
"""A guard, the call as it knows it, and its mode there."""


class GuardedFace:
    """The face of a call whose reply is guarded; in the place of its own one.

    Args:
        face: the call's own.
        acting: the guards, in the order in which they see replies.

    Attributes:
        failure: why the reply ends here; None while it does not.
        seen: chunks that went on, for those who observe; of a plain reply its body.
    """

    def __init__(self, face: Face, acting: Sequence[Acting]) -> None:
        self._face = face
        self._acting = acting
        self._observed = any(mode == "observe" for _, _, mode in acting)
        self._holds = any(mode == "buffer" for _, _, mode in acting)
        changes = any(mode == "transform" for _, _, mode in acting)
        self._filtered = Filtered(self._filter) if changes and not self._holds else None
        self._held: list[bytes] = []
        self._size = 0
        self.failure: RouterError | None = None
        self.seen: list[bytes] = []

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``Face``: nothing while the reply is held, and nothing after a failure, which ``check`` raises."""
        if self.failure is not None:
            return b""
        if self._holds:
            self._held += chunks
            self._size += sum(map(len, chunks))
            if self._size > _KEPT_BYTES_MAX:
                self.failure = GuardFailed("size", "The reply is too long to be held back for a guard.")
            return b""
        if self._filtered is not None:
            shown: list[bytes] = []
            try:
                for chunk in chunks:
                    shown += self._filtered.chunk(chunk)
            except GuardRefused as refused:
                self.failure = refused
            return self._shown(shown)
        return self._shown(chunks)

    def check(self) -> None:
        """Call after the frames of a batch are on their way.

        Raises:
            GuardRefused: the reply ends here.
        """
        if self.failure is not None:
            raise self.failure

    def rest(self) -> bytes:
        """The frames of what was held back, once the upstream has come to its good end.

        Raises:
            GuardRefused: they are not to be seen.
        """
        if self._filtered is not None:
            return self._shown(self._filtered.rest())
        held, self._held, self._size = self._held, [], 0
        texts = folded(held)
        passed = self._passed(texts)
        return self._shown(held if passed is texts else refolded(held, passed))

    def answer(self, body: bytes) -> bytes:
        """A plain reply, as chat has it, or a transcript that is plain text: what goes on of it.

        Raises:
            GuardRefused: it is not to be seen.
        """
        value = _told(body)
        passed = self._passed(value)
        if passed is not value:
            for choice in passed.get("choices") or () if isinstance(passed, dict) else ():
                if isinstance(choice, dict) and choice.get("logprobs") is not None:
                    choice["logprobs"] = None  # they spell the text as it was
            body = passed.encode("utf-8", "replace") if isinstance(passed, str) else dump_json(passed)
        if self._observed:
            self.seen = [body]
        return body

    def end_frame(self) -> bytes:
        """See ``StreamEnds``."""
        return self._face.end_frame()

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``StreamEnds``."""
        return self._face.error_frame(error)

    def heartbeat(self) -> bytes:
        """See ``StreamEnds``."""
        return self._face.heartbeat()

    def observe(self, *, stream: bool) -> None:
        """Let those who observe see what went on. Never raises; it may take as long as they do."""
        if not self.seen:
            return
        try:
            texts = texts_of(folded(self.seen) if stream else _told(self.seen[0]))
        except (ValueError, RouterError):
            return
        for runner, call, mode in self._acting:
            if mode == "observe" and texts:
                try:
                    runner.run(runner.guard.reply, call, texts, what="reply")
                except GuardRefused as refused:
                    call.notes.append(refused.rule)
                runner.noted(call, "reply")

    def _shown(self, chunks: Sequence[bytes]) -> bytes:
        if not chunks:
            return b""
        if self._observed and self._size <= _KEPT_BYTES_MAX:
            self.seen += chunks
            self._size += sum(map(len, chunks))
        return self._face.frames(chunks)

    def _passed(self, value: Any) -> Any:
        """A whole reply after all guards that may change it; the same object where none did."""
        for runner, call, mode in self._acting:
            if mode == "buffer":
                value = replaced(runner, call, value, runner.guard.reply, "reply")
                runner.noted(call, "reply")
            elif mode == "transform":
                value = mapped(value, partial(_whole, runner, call))
        return value

    def _filter(self) -> TextFilter:
        """What one text of a stream passes through."""
        return _Chain([(runner, call) for runner, call, mode in self._acting if mode == "transform"])


class _Chain:
    """One text through the filters of several guards; one that fails is left out or ends the reply, as it is set."""

    def __init__(self, guards: Sequence[tuple[GuardRunner, GuardedCall]]) -> None:
        self._filters: list[tuple[GuardRunner, GuardedCall, TextFilter]] = []
        for runner, call in guards:
            made = self._tried(runner, call, partial(runner.guard.filter, call))
            if made is not None:
                self._filters.append((runner, call, made))

    def feed(self, text: str) -> str:
        """See ``TextFilter``."""
        for runner, call, one in list(self._filters):
            given = self._tried(runner, call, partial(one.feed, text))
            if given is not None and not isinstance(given, str):
                runner.failed("reply", f"gave {type(given).__name__}, and no text")
                given = None
            if given is None:
                self._filters = [kept for kept in self._filters if kept[2] is not one]
            else:
                text = given
        return text

    def flush(self) -> str:
        """See ``TextFilter``: what one has kept passes through those behind it."""
        text = ""
        for runner, call, one in self._filters:
            fed = self._tried(runner, call, partial(one.feed, text)) if text else ""
            kept = self._tried(runner, call, one.flush)
            text = (text if fed is None else fed) + (kept or "")
        return text

    def _tried(self, runner: GuardRunner, call: GuardedCall, function: Callable[[], Any]) -> Any:
        given = runner.inline(function)
        runner.noted(call, "reply")
        return given


def _told(body: bytes) -> Any:
    """What a plain reply says: JSON, or a text, of which odd bytes are seen as such and kept where nothing changes."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict | list) else body.decode("utf-8", "replace")


def _whole(runner: GuardRunner, call: GuardedCall, text: str) -> str:
    """A text that is there at once, through a filter of its own."""
    chain = _Chain([(runner, call)])
    shown = chain.feed(text) + chain.flush()
    return text if shown == text else shown


def replaced(
    runner: GuardRunner,
    call: GuardedCall,
    value: Any,
    look: Callable[[GuardedCall, Sequence[str]], Any],
    what: str,
    known: dict[str, str] | None = None,
) -> Any:
    """A body with its texts as a guard wants them; the same object where nothing changes.

    Args:
        look: the guard's ``request`` or ``reply``.
        what: ``request`` or ``reply``.
        known: texts that it has seen -> what became of them; it is not asked again, and what is new is added.

    Raises:
        GuardRefused: as the guard says, or for its failure.
    """
    known = {} if known is None else known
    texts = [text for text in texts_of(value) if text not in known]
    if texts:
        given = runner.run(look, call, tuple(texts), what=what)
        fault = _fault(given, len(texts))
        if fault:
            runner.failed(what, f"gave {fault}")
            given = None
        known.update(zip(texts, texts if given is None else given, strict=True))
    changed = {text: new for text, new in known.items() if new != text}
    return mapped(value, lambda text: changed.get(text, text)) if changed else value


def _fault(given: Any, count: int) -> str:
    """What is wrong with the texts that a guard gave; empty for nothing."""
    if given is None:
        return ""
    if isinstance(given, str) or not isinstance(given, Sequence):
        return f"{type(given).__name__}, and no list of texts"
    if len(given) != count:
        return f"{len(given)} texts for {count}"
    return "" if all(isinstance(one, str) for one in given) else "something that is no text"
