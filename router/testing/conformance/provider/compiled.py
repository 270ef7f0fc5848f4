"""A wire that a plugin compiles says the same as its hook: the same requests, and the same replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.errors import UpstreamError
from router.testing.conformance.base import NotOffered, expect
from router.testing.conformance.provider.bench import ASK, PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import inside
from router.testing.upstream.scripts import Answer, Script
from router.types.records import AnyCall, ChatCall, EmbeddingsCall, Reply
from router.upstream.checking import fault_of_wire

__all__ = ["wire_and_hook"]

_BODIES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "chat": (
        {"messages": ASK},
        {"messages": ASK, "stream": True},
        {
            "messages": [{"role": "developer", "content": "Be brief."}, *ASK],
            "max_completion_tokens": 50,
            "max_tokens": 50,
            "reasoning_effort": "none",
            "seed": 7,
            "prompt_cache_key": "conversation-1",
            "user": "user-1",
            "x_unknown": {"kept": [1.5, "é", None]},
        },
        {
            "messages": [*ASK, {"role": "assistant", "content": "42", "reasoning_content": "6 * 7"}, *ASK],
            "max_tokens": None,
            "stream": True,
            "stream_options": {"include_usage": False, "include_obfuscation": False},
        },
    ),
    "embeddings": ({"input": "Hi"}, {"input": ["Hi", "é"], "dimensions": 8, "encoding_format": "float"}),
}
_SHOWN_MAX = 300


@dataclass
class _Call:
    """A call as the gateway hands it to a wire, and who hears that it was sent."""

    call: AnyCall
    taken_on: bool = False
    again: list[UpstreamError] = field(default_factory=list)

    @property
    def body(self) -> Mapping[str, Any]:
        return self.call.body

    @property
    def stream(self) -> bool:
        return self.call.stream

    def resent(self, failure: UpstreamError) -> None:
        self.again.append(failure)


@PROVIDER.rule(
    "P66",
    "The wire that the compiled hook gives sends what the hook itself sends, and makes the same reply of the answer.",
    remedy="Return None from compiled where chat or embeddings does what the wire does not know of; put headers that "
    "depend on the call, or change with time, into call_headers.",
)
def wire_and_hook(bench: ProviderBench) -> None:
    bench.need("compiled")
    compiled = 0
    for kind, bodies in _BODIES.items():
        if kind not in bench.plugin.hooks or (kind == "embeddings" and not bench.wire.embedding_model):
            continue
        for fields in bodies:
            answer = _answer(bench, kind, stream=fields.get("stream") is True)
            compiled += _compare(bench, kind, {"model": f"inside/{bench.wire.model}", **fields}, answer)
    if not compiled:
        raise NotOffered("its compiled hook gives no wire, so that its hooks are asked call by call")


def _compare(bench: ProviderBench, kind: str, body: Mapping[str, Any], answer: Script) -> bool:
    """Whether there was a wire to compare."""
    made = ChatCall if kind == "chat" else EmbeddingsCall
    streamed = body.get("stream") is True
    call = made("req_conformance", str(body["model"]), body, streamed)
    with inside(bench) as held:
        wire = bench.plugin.hooks["compiled"](kind=kind, context=held.context)
        if wire is None:
            return False
        fault = fault_of_wire(wire)
        expect(not fault, f"the compiled hook gives no Wire for {kind} calls: {fault}")
        bench.script(answer, answer)
        said = _said(bench.plugin.hooks[kind](call=call, context=held.context))
        sent = _sent(bench)
        one = _Call(call)
        response = wire.post(one, body, held.context.timeouts, one)
        if streamed:
            read = _said(wire.stream(response))
        else:
            data = response.read(wire.reply_bytes_max).strip()
            reply, item = wire.reply(response, data)
            read = _said(reply, item.data, item.json())
            if wire.reads_usage and (wire.edits is None or not wire.edits.search(data)):
                expect(item.data == data, "the wire says that a reply need not be looked at, and edits it all the same")
        again = _sent(bench)
    expect(one.taken_on, "the wire does not tell that the request has been sent: sending.taken_on stays False")
    for what, before in sent.items():
        shown = f"the hook sent the {what} {_short(before)}, and the wire {_short(again[what])}"
        expect(before == again[what], f"{shown} ({kind}, stream: {streamed})")
    expect(said == read, f"of one answer the hook made {_short(said)}, and the wire {_short(read)} ({kind})")
    return True


def _answer(bench: ProviderBench, kind: str, *, stream: bool) -> Script:
    if kind == "chat":
        return bench.good_reply(stream, "Forty", "-two")
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return Answer({"object": "list", "data": [vector], "model": bench.wire.embedding_model, "usage": usage})


def _sent(bench: ProviderBench) -> dict[str, Any]:
    """The parts of the request that came last; the length is the transport's."""
    last = bench.upstream.last
    headers = {name: value for name, value in last.headers.items() if name != "content-length"}
    return {"path": last.path, "body": last.json(), "headers": headers}


def _said(reply: Reply, *first: Any) -> tuple[Any, ...]:
    """What a reply's items say, and its usage."""
    try:
        items = [(item.data, item.json()) for batch in reply for item in batch]
    finally:
        reply.close()
    if first:
        items.insert(0, first)
    counted = [reply.read_usage(value) for _, value in items]
    return [data for data, _ in items], [usage for usage in counted if usage is not None]


def _short(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
