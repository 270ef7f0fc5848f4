"""From a provider's items to what the client sees, with notes on usage taken in passing. No I/O.

Bytes stay bytes: an item is decoded only until the first output, and where its text shows a usage object, a
``finish_reason`` or an error. The model's name is swapped for the public one by the prefix that all chunks of a stream
share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from router.dialect import Dialect
from router.errors import UpstreamError
from router.gateway.members import cut_member, find_member
from router.types import ChatCall, EmbeddingsCall, Item, Reply, Usage
from router.upstream.wire import choices_of, has_output

__all__ = ["Relay"]

_NOTABLE = re.compile(rb'"(?:usage"\s*:\s*\{|finish_reason"\s*:\s*"|error"\s*:)')
_NULL_USAGE = b',"usage":null}'
_ODD = re.compile(rb'"(?:usage"\s*:|finish_reason"\s*:\s*"|error"\s*:)')  # one first letter: six times as fast
_USAGE = re.compile(rb'"usage"\s*:')
_NULL_AT_END = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*(?:,\s*"obfuscation"\s*:\s*"[^"\\]*"\s*)?\}\s*$)')
"""A top-level ``"usage": null``: what follows it up to the closing brace shows that it stands at the top."""
_BYTES_PER_TOKEN = 4
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")  # in JSON text a line break is only ever white space


class Relay:
    """One call's items. ``begin`` starts over with each attempt.

    Attributes:
        usage: the last that the upstream gave.
        output: whether anything that a client would call an answer has been seen.
        finished: whether a ``finish_reason`` has been seen.
    """

    def __init__(self, call: ChatCall | EmbeddingsCall, dialect: Dialect) -> None:
        self._call = call
        self._dialect = dialect
        self._hides_usage = not call.include_usage
        self._model = json.dumps(call.model).encode("ascii")
        self._reply: Reply | None = None
        self._reset()

    def _reset(self) -> None:
        self.usage: Usage | None = None
        self.output = False
        self.finished = False
        self._failure: UpstreamError | None = None
        self._before = self._after = b""
        self._chunks = 0
        self._bytes = 0
        self._envelope = 0
        self._body: dict[str, Any] | None = None

    def begin(self, reply: Reply) -> None:
        """The items that follow are ``reply``'s."""
        self._reset()
        self._reply = reply

    def frames(self, batch: Sequence[Item]) -> bytes:
        """A batch of a stream's chunks as stream events, joined.

        Output that came in one batch with a failure goes out first, and ``check`` raises the failure: how the bytes
        were cut into packets decides nothing.

        Raises:
            UpstreamError: a chunk that is an error, or not JSON, before any output.
        """
        shown: list[bytes] = []
        try:
            for item in batch:
                if data := self._in_stride(item.data) or self._chunk(item):
                    shown.append(data)
        except UpstreamError as error:
            if not self.output:
                raise
            self._failure = error
        return self._dialect.frames(shown) if shown else b""

    def check(self) -> None:
        """Call after the frames of a batch are on their way.

        Raises:
            UpstreamError: the failure that followed them.
        """
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """The reply's items are over.

        Raises:
            UpstreamError: they ended too early: before any output, or without a word that this was the end.
        """
        if not self.output:
            raise self._malformed("ended its answer before any output")
        if not self.finished and self._reply is not None and not self._reply.ended:
            raise UpstreamError("connection", "The provider's stream was cut off before its end.")

    def body(self, item: Item, holds: str) -> bytes:
        """A plain reply's body.

        Args:
            holds: the member that a good body has, ``choices`` or ``data``.

        Raises:
            UpstreamError: an error inside a success, or not a body of that kind.
        """
        value = self._value(item)
        if value.get("error") and holds not in value:
            raise self._error(value)
        if not isinstance(value.get(holds), list):
            raise self._malformed(f"gave an answer without {holds!r}")
        self.output = self.finished = True
        self._note_usage(value)
        self._chunks, self._body = 1, value
        return self._with_model(item.data, value)

    def estimate(self) -> Usage:
        """What the call must have used, where the upstream does not say: four bytes a token, at least one a chunk."""
        prompt = (
            len(json.dumps(self._call.body.get("messages", self._call.body.get("input")), default=str))
            // _BYTES_PER_TOKEN
        )
        content = self._bytes - self._chunks * self._envelope if self._body is None else _said_bytes(self._body)
        return Usage(prompt, max(1, self._chunks, content // _BYTES_PER_TOKEN) if self.output else 0)

    def _in_stride(self, data: bytes) -> bytes | None:
        """The text of a chunk that is like those before it, with nothing to note: the many. None for any other."""
        if not self.output or not self._before or not data.startswith(self._before):
            return None
        rest = data[len(self._before) :]
        if self._hides_usage and rest.endswith(_NULL_USAGE):
            rest = rest[: -len(_NULL_USAGE)] + b"}"
        if rest[-1:] != b"}" or b"\n" in rest or b"\r" in rest or _ODD.search(rest):
            return None
        self._count(len(data))
        return self._after + rest

    def _chunk(self, item: Item) -> bytes | None:
        """The text of one chunk as the client sees it; None for one that it does not see."""
        data = item.data
        if b"\n" in data or b"\r" in data:
            data = data.translate(_ONE_LINE)
        finishes = False
        if not self.output or data[-1:] != b"}" or _NOTABLE.search(data):
            value = self._value(item)
            finishes = self._note(value)
            if self._hides_usage and isinstance(value.get("usage"), dict):
                if not value.get("choices"):
                    return None
                data = cut_member(data, "usage")
        if self._hides_usage and _USAGE.search(data):
            data = self._without_null_usage(data, item)
        if self._before and data.startswith(self._before):
            shown = self._after + data[len(self._before) :]
        else:
            value = self._value(item)
            if not value or value.get("type") == "ping":
                return None
            shown = self._with_model(data, value)
        if self.output and not finishes:
            self._count(len(data))
        return shown

    def _count(self, size: int) -> None:
        self._chunks += 1
        self._bytes += size
        if not self._envelope or size < self._envelope:
            self._envelope = size

    def _note(self, value: dict[str, Any]) -> bool:
        """Look at a chunk; whether it finishes a choice."""
        if value.get("error"):
            raise self._error(value)
        self._note_usage(value)
        finishes = any(choice.get("finish_reason") for choice in choices_of(value))
        self.finished = self.finished or finishes
        self.output = self.output or finishes or has_output(value)
        return finishes

    def _note_usage(self, value: dict[str, Any]) -> None:
        if self._reply is not None and (usage := self._reply.read_usage(value)) is not None:
            self.usage = usage

    def _without_null_usage(self, data: bytes, item: Item) -> bytes:
        data, cut = _NULL_AT_END.subn(b"", data)
        if not cut and self._value(item).get("usage", _USAGE) is None:
            return cut_member(data, "usage")
        return data

    def _with_model(self, data: bytes, value: dict[str, Any]) -> bytes:
        """``data`` with the public model ID, remembering how it began for the chunks that follow."""
        if not isinstance(value.get("model"), str):
            return data
        member = find_member(data, "model")
        if member is None:
            return data
        self._before = data[: member.end]
        self._after = data[: member.value] + self._model
        return self._after + data[member.end :]

    def _value(self, item: Item) -> dict[str, Any]:
        try:
            value = item.json()
        except (ValueError, RecursionError):
            raise self._malformed("sent something that is not JSON" if item.data else "sent an empty answer") from None
        if isinstance(value, list) and value and isinstance(value[0], dict) and "error" in value[0]:
            raise self._error(value)
        if not isinstance(value, dict):
            raise self._malformed("sent JSON that is not an object")
        return value

    def _error(self, value: Any) -> UpstreamError:
        if self._reply is None:
            return self._malformed("sent an error")
        return self._reply.read_error(value)

    def _malformed(self, what: str) -> UpstreamError:
        return UpstreamError("malformed", f"The provider {what}.")


def _said_bytes(body: dict[str, Any]) -> int:
    """The size of all that the choices of a plain reply say: content, reasoning, tool calls."""
    messages = (choice.get("message") for choice in choices_of(body))
    parts = (part for one in messages if isinstance(one, dict) for name, part in one.items() if name != "role" and part)
    return sum(len(part if isinstance(part, str) else json.dumps(part)) for part in parts)
