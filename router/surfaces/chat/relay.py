"""From a provider's items to what the client sees, with notes on usage taken in passing. No I/O.

Bytes stay bytes: an item is decoded only until the first output, and where its text shows a usage object, a
``finish_reason`` or an error. The model's name is swapped for the public one by the prefix that all chunks of a stream
share.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from router.errors import UpstreamError, faults
from router.surfaces.chat.plain_replies import ID_MAX, NAME_MAX, REASON_MAX, RelayedCall, shown_name, told_of
from router.surfaces.chat.plain_runs import NOTABLE, TAIL_MAX, plain_run
from router.surfaces.counts import fault_of_usage, higher, shown_usage, sound, whole
from router.surfaces.face import Face
from router.surfaces.output_size import Said, said_bytes
from router.surfaces.reader import Reader, bad_items, is_item, told_error
from router.surfaces.remarks import remarks_of
from router.surfaces.splice import cut_member, find_member, put_member
from router.types.dialect import Dialect
from router.types.records import Item, Reply, Usage
from router.upstream.events import Packet
from router.upstream.sse import BETWEEN
from router.upstream.wire import choices_of, dump_json, has_output, usage_of

__all__ = ["RECORDED_MAX", "Relay"]

_log = logging.getLogger("router.surfaces")
_USAGE = re.compile(rb'"usage"\s*:')
_NULL_AT_END = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*(?:,\s*"obfuscation"\s*:\s*"[^"\\]*"\s*)?\}\s*$)')
"""A top-level ``"usage": null``: what follows it up to the closing brace shows that it stands at the top."""
_MODEL = re.compile(
    rb'(\s*\{(?:\s*"(?!model")[^"\\]*"\s*:\s*(?:"[^"\\]*"|[a-z0-9.+-]+)\s*,)*+\s*"model"\s*:\s*)"[^"\\]*"'
)
"""A body up to its model, where only plain members come before it."""
_NAMED = re.compile(rb'"model"\s*:\s*("[^"]*")')
RECORDED_MAX = 2**20
"""Bytes of an answer that are kept."""
_BYTES_PER_TOKEN = 4
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")  # in JSON text a line break is only ever white space


class Relay(Reader):
    """One call's items. ``begin`` starts over with each attempt.

    Args:
        call: whose.
        face: how a stream is written.
        is_chat: whether replies are chat completions; else embeddings.

    Attributes:
        usage: what the upstream's readings prove; None while it gave none.
        output: whether anything that a client would call an answer has been seen.
        finished: whether a ``finish_reason`` has been seen, of each choice that was asked for.
        marks: what an operator should know of the reply: keys of ``REMARKS``.
        reported_model: the model that the upstream says answers; empty while it says none.
        answer_id: what the upstream calls its answer; empty while it says nothing.
        finish_reasons: see ``Reader``.
        failure: what followed the output of a batch, for ``check`` to raise.
    """

    def __init__(self, call: RelayedCall, face: Face, *, is_chat: bool = True) -> None:
        self._call = call
        self._face = face
        self._hides_usage = not call.include_usage
        self._model = encode_basestring_ascii(call.model).encode("ascii")
        self._is_chat = is_chat
        self._holds = "choices" if is_chat else "data"
        wanted = call.body.get("n")
        self._wanted = wanted if type(wanted) is int and self._is_chat else 1
        self._strides = self._wanted == 1 and getattr(type(face), "frames", None) is Dialect.frames
        self._prompt: int | None = None
        self._recorded: bytearray | None = None
        self.begin(None)

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        self._reply = reply
        self._plugin = plugin
        self.usage: Usage | None = None
        self.output = False
        self.finished = False
        self.marks: set[str] = set()
        self.reported_model = self.answer_id = ""
        self._seen: set[Any] = set()
        self._done: dict[int, str] = {}
        self.finish_reasons: tuple[str, ...] = ()
        self.failure: UpstreamError | None = None
        self._before = self._after = b""
        self._said = Said()
        self._body = b""
        if self._recorded:
            self._recorded.clear()

    def frames(self, batch: Sequence[Item]) -> bytes:
        """A batch of a stream's chunks as stream events, joined.

        Output that came in one batch with a failure goes out first, and ``check`` raises the failure: how the bytes
        were cut into packets decides nothing.

        Raises:
            UpstreamError: a chunk that is an error, or not JSON, before any output.
        """
        shown: list[bytes] = []
        try:
            if self._strides and type(batch) is Packet:
                self._show_packet(batch, shown)
            else:
                self._show(batch, shown)
        except UpstreamError as error:
            if not self.output:
                raise
            self.failure = error
        except (AttributeError, TypeError):  # looked at only now: items are many
            self.failure = bad_items(batch, self._plugin)
            if not self.output:
                raise self.failure from None
        if self._recorded is not None:
            for text in shown:
                self._recorded += text + BETWEEN
            if len(self._recorded) > RECORDED_MAX:
                self._recorded = None
        return self._face.frames(shown) if shown else b""

    def record(self) -> None:
        """Keep what follows, for ``recorded``."""
        self._recorded = bytearray()

    def recorded(self) -> bytes | None:
        """The answer: a plain one as the provider sent it; of a stream its chunks, one a line. None where nobody asked
        for it beforehand, it is not whole, or it is longer than anybody keeps.
        """
        if self._recorded is None or not self.finished or len(self._body) > RECORDED_MAX:
            return None
        return self._body or bytes(self._recorded.removesuffix(BETWEEN).replace(BETWEEN, b"\n"))

    def end(self) -> None:
        """The reply's items are over.

        Raises:
            UpstreamError: they ended too early: before any output, or without a word that this was the end.
        """
        if not self.output:
            raise self._malformed("ended its answer before any output")
        ended = self._reply is None or self._reply.ended
        if not (self.finished or ended) or (self._wanted > 1 and not self._seen <= self._done.keys()):
            raise UpstreamError("connection", "The provider's stream was cut off before its end.")

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        holds = self._holds
        if not is_item(item):
            raise bad_items([item], self._plugin)
        value = self._value(item)
        if value.get("error") and holds not in value:
            raise told_error(self._reply, value, self._plugin, self._call.body)
        if not isinstance(value.get(holds), list):
            raise self._malformed(f"gave an answer without {holds!r}")
        self.output = self.finished = True
        self._body = item.data
        ends = [choice.get("finish_reason") for choice in choices_of(value)] if self._is_chat else ()
        self.finish_reasons = tuple([str(reason)[:REASON_MAX] for reason in ends if reason])
        shown = self._note_told(value)
        return self._with_model(item.data if shown is None else put_member(item.data, "usage", shown), value)

    def whole(self, data: bytes) -> bytes | None:
        """As ``body``, of the many replies that nobody has to look at; None for any other.

        Args:
            data: the body, which its plugin does not edit, with OpenAI's usage.
        """
        told = told_of(data, self._holds)
        if told is None:
            return None
        self.output = self.finished = True
        self._body = data
        self.usage = told.usage
        self.finish_reasons = told.finish
        name = told.model
        self.reported_model = name if name.isprintable() and len(name) <= NAME_MAX else shown_name(name)
        self.answer_id = told.id if told.id.isprintable() and len(told.id) <= ID_MAX else ""
        match = _MODEL.match(data)
        if match is None:
            if b"\\" not in data and data.count(b'"model"') == 1:  # so that one is the body's own
                match = _NAMED.search(data)
            if match is None:
                return self._with_model(data, {"model": name})
            return data[: match.start(1)] + self._model + data[match.end(1) :]
        return match[1] + self._model + data[match.end() :]

    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """What the call must have used, where the upstream does not say: four bytes a token of what was said.

        Once the provider has taken a call on, that is its prompt at least.

        Args:
            unseen_bytes: of an answer that did not come through.
        """
        if self._prompt is None:
            body = self._call.body
            text = json.dumps(body.get("messages", body.get("input")), default=str)
            self._prompt = len(text) // _BYTES_PER_TOKEN
        said = said_bytes(self._body) if self._body else self._said.size
        said += unseen_bytes
        return Usage(self._prompt, max(1, said // _BYTES_PER_TOKEN) if self.output or unseen_bytes else 0)

    def _show(self, items: Iterable[Item], shown: list[bytes]) -> None:
        for item in items:
            if data := self._in_stride(item.data) or self._chunk(item):
                shown.append(data)

    def _show_packet(self, packet: Packet, shown: list[bytes]) -> None:
        """What came together: all at once if it is plain; else one by one up to the first output and from what has
        something to note on, and at once what is between.
        """
        if self.output and (text := self._stride(packet.text, packet.size)) is not None:
            shown.append(text)
            return
        chunks = packet.text.split(BETWEEN)
        start = 0
        end = size = packet.size
        while start < end and not (self.output and self._before):
            self._show([Item(chunks[start])], shown)
            start += 1
        while end > start and size - end < TAIL_MAX and NOTABLE.search(chunks[end - 1]):
            end -= 1
        if end - start > 1 and (text := self._stride(BETWEEN.join(chunks[start:end]), end - start)) is not None:
            shown.append(text)
            start = end
        self._show(map(Item, chunks[start:]), shown)

    def _stride(self, text: bytes, count: int) -> bytes | None:
        """What ``count`` chunks show that are like those before them, with nothing to note; None for any others."""
        before = self._before
        plain = plain_run(text, count, before, hides_usage=self._hides_usage)
        if plain is None:
            return None
        if count > 1:
            self._said.add_all(plain)
        else:
            self._said.add(plain[len(before) :])
        return plain.replace(before, self._after)

    def _in_stride(self, data: bytes) -> bytes | None:
        """The same of one chunk, however it was cut from its stream."""
        if not self.output or self._wanted > 1 or b"\n" in data or b"\r" in data:
            return None
        return self._stride(data, 1)

    def _chunk(self, item: Item) -> bytes | None:
        """The text of one chunk as the client sees it; None for one that it does not see."""
        data = item.data
        if b"\n" in data or b"\r" in data:
            data = data.translate(_ONE_LINE)
        odd = b"NaN" in data or b"Infinity" in data  # no JSON, unless inside of a text
        if odd or not self.output or data[-1:] != b"}" or self._wanted > 1 or NOTABLE.search(data):
            value = self._value(item)
            proven = self._note(value)
            if self._hides_usage and isinstance(value.get("usage"), dict):
                if not value.get("choices"):
                    return None
                data = cut_member(data, "usage")
            elif proven is not None:
                data = put_member(data, "usage", proven)
        if self._hides_usage and _USAGE.search(data):
            data = self._without_null_usage(data, item)
        if self._before and data.startswith(self._before):
            shown = self._after + data[len(self._before) :]
        else:
            value = self._value(item)
            if not value or value.get("type") == "ping":
                return None
            shown = self._with_model(data, value)
        self._said.add(data)
        return shown

    def _note(self, value: dict[str, Any]) -> bytes | None:
        """Look at a chunk; what it should show as its ``usage``, where that is something else."""
        if value.get("error"):
            raise told_error(self._reply, value, self._plugin, self._call.body)
        for choice in choices_of(value):
            place, reason = choice.get("index"), choice.get("finish_reason")
            place = place if type(place) is int else 0
            self._seen.add(place)
            if reason:
                self._done[place] = str(reason)[:REASON_MAX]
                self.finish_reasons = tuple([self._done[one] for one in sorted(self._done)])
                self.output = True
        self.finished = self.finished or len(self._done) >= self._wanted
        self.output = self.output or has_output(value)
        return self._note_told(value)

    def _note_told(self, value: dict[str, Any]) -> bytes | None:
        """What a body or a chunk says of itself; and what it should show as its ``usage``, where that is more."""
        if self._reply is None:
            return None
        if not self.reported_model and isinstance(value.get("model"), str):
            self.reported_model = shown_name(value["model"])
        id = value.get("id")
        if not self.answer_id and isinstance(id, str) and len(id) <= ID_MAX and id.isprintable():
            self.answer_id = id
        self.marks.update(remarks_of(value))
        for choice in choices_of(value) if self._is_chat else ():
            if choice.get("usage"):
                self._prove(usage_of(choice["usage"]))
        self._prove(self._read_usage(value))
        given = value.get("usage")
        if not given or self.usage is None or not self._is_chat or not isinstance(given, dict):
            return None
        shown = shown_usage(given, self.usage)
        return None if shown is None else dump_json(shown)

    def _read_usage(self, value: dict[str, Any]) -> Usage | None:
        """What the plugin reads; what it gives that is none is named in the log, and estimated."""
        assert self._reply is not None
        try:
            usage: Any = self._reply.read_usage(value)
        except faults():
            said = {"said": self._call.body}  # none of it is shown
            _log.exception("provider plugin %s failed in read_usage: the usage is estimated", self._plugin, extra=said)
            self.marks.add("bad_usage")
            return None
        if usage is None:
            return None
        fault = fault_of_usage(usage)
        if fault:
            _log.error("provider plugin %s gave a bad Usage, which is estimated: %s", self._plugin, fault)
            self.marks.add("bad_usage")
        given: Usage | None = sound(usage) if fault and isinstance(usage, Usage) else None if fault else usage
        return given

    def _prove(self, usage: Usage | None) -> None:
        """One more reading."""
        if usage is None:
            return
        usage = whole(usage) if self._is_chat else usage
        if self.usage is not None:
            proven = higher(self.usage, usage)
            if proven is not usage and not usage.doubtful:
                self.marks.add("usage_fell")
            usage = proven
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
            raise told_error(self._reply, value, self._plugin, self._call.body)
        if not isinstance(value, dict):
            raise self._malformed("sent JSON that is not an object")
        return value

    def _malformed(self, what: str) -> UpstreamError:
        return UpstreamError("malformed", f"The provider {what}.")
