"""What a client gets of a good reply, and what the upstream gets of its request."""

from __future__ import annotations

import json
from typing import Any

from router.testing.conformance.base import NotOffered, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.heard import Heard
from router.testing.conformance.provider.shapes import UNHEARD_OF, with_unknown_fields
from router.testing.upstream.connection import ReceivedRequest

__all__ = ["PIECES", "expect_our_key"]

PIECES = ("Forty", "-two", " \u2603")
_TEXT = "".join(PIECES)
_TOOL_NAMES = ("weather", "clock")
_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in _TOOL_NAMES
]
_ONE_CALL = [("weather", '{"city":"Troms\\u00f8"}')]
_TWO_CALLS = [*_ONE_CALL, ("clock", '{"zones":["UTC",null]}')]
_SIGNED = (
    "Send context.settings.api_key.reveal() in a header. If the upstream wants a signature or a token instead, say so "
    "in the plugin's wire: auth and endpoints, docs/conformance.md."
)
_COPY = (
    "Do not build replies or requests from lists of known fields: copy what came, then edit the few keys that differ."
)


@PROVIDER.rule(
    "P10",
    "A plain reply comes back whole, under the public model ID, with its finish reason.",
    remedy="Give one item: a chat.completion with choices[0].message.content and choices[0].finish_reason. If the "
    "upstream does not speak OpenAI's wire, describe its own: entry-point group router.wires, docs/conformance.md.",
)
def plain(bench: ProviderBench) -> None:
    bench.script(bench.good_reply(False, *PIECES))
    heard = bench.ask()
    _expect_text(heard)
    _expect_model(bench, heard)


@PROVIDER.rule(
    "P11",
    "A stream comes back piece by piece, under the public model ID and one ID, and ends with [DONE].",
    remedy="Give one chat.completion.chunk per event, all with the same id, and set reply.ended at the stream's end.",
)
def stream(bench: ProviderBench) -> None:
    bench.need_upstream("streams")
    bench.script(bench.good_reply(True, *PIECES))
    heard = bench.ask(stream=True)
    _expect_text(heard)
    _expect_model(bench, heard)
    expect(heard.done, "the stream did not end with [DONE]")
    expect(len({value.get("id") for value in heard.values}) == 1, "the chunks have different ids")
    expect(len(heard.values) > len(PIECES), f"{len(PIECES)} pieces came in {len(heard.values)} chunks: nothing streams")


@PROVIDER.rule(
    "P12",
    "Reasoning reaches the client as reasoning_content (or reasoning), apart from the answer.",
    remedy="Put the upstream's reasoning into reasoning_content of the message, and of the deltas of a stream.",
)
def reasoning(bench: ProviderBench) -> None:
    bench.need_upstream("reasoning")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, *PIECES, reasoning=["six ", "sevens"]))
        heard = bench.ask(stream=streamed)
        _expect_text(heard)
        expect(heard.reasoning == "six sevens", f"{_mode(streamed)}: the reasoning became {heard.reasoning!r}")


@PROVIDER.rule(
    "P13",
    "A tool call reaches the client with its ID, its name and its arguments; the tools reach the upstream.",
    remedy="Pass tools on, and give tool_calls (in a stream with their index) and finish_reason tool_calls.",
)
def tools(bench: ProviderBench) -> None:
    _expect_tools(bench, _ONE_CALL)


@PROVIDER.rule(
    "P14",
    "Parallel tool calls stay apart, each with its own ID and arguments.",
    remedy="In a stream, give each call an index of its own from 0 on, and repeat it on every piece of its arguments.",
)
def parallel_tools(bench: ProviderBench) -> None:
    _expect_tools(bench, _TWO_CALLS)


@PROVIDER.rule(
    "P15",
    "Request fields that nobody has heard of reach the upstream as they came.",
    remedy=_COPY,
)
def unknown_request_fields(bench: ProviderBench) -> None:
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, *PIECES))
        bench.ask(stream=streamed, x_unheard_of=UNHEARD_OF)
        found = bench.sent_at(f"{bench.wire.unknown_at}.x_unheard_of")
        expect(found == UNHEARD_OF, f"{_mode(streamed)}: x_unheard_of reached the upstream as {found!r}")


@PROVIDER.rule(
    "P16",
    "Fields of a reply that nobody has heard of reach the client, in the message and in every chunk.",
    remedy=_COPY,
)
def unknown_reply_fields(bench: ProviderBench) -> None:
    if not bench.wire.openai_shaped:
        raise NotOffered("its replies are translated, and have no place for them")
    for streamed in (False, True):
        bench.script(with_unknown_fields(bench.good_reply(streamed, *PIECES)))
        heard = bench.ask(stream=streamed)
        bare = [value for value in heard.values if _lacks_unknown(value)]
        expect(not bare, f"{_mode(streamed)}: x_unheard_of is gone from {json.dumps(bare[:1])}")


@PROVIDER.rule(
    "P17",
    "The client's own request is not changed: the model's name is, and messages keep their order and text.",
    remedy="Copy call.body before editing; send context.model as the model, and every message.",
)
def messages_arrive(bench: ProviderBench) -> None:
    texts = ["Be brief.", "One?", "Two.", "Three?"]
    roles = ["system", "user", "assistant", "user"]
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    bench.script(bench.good_reply(False, *PIECES))
    bench.ask(messages=messages)
    sent = json.dumps(bench.sent(), ensure_ascii=False)
    places = [sent.find(json.dumps(text)) for text in texts]
    expect(min(places) >= 0, f"of the texts {texts} the upstream was sent {sent}")
    expect(places[1:] == sorted(places[1:]), f"the messages arrived in another order: {sent}")
    expect(bench.good not in sent, f"the upstream was sent the public model ID {bench.good!r}")


@PROVIDER.rule(
    "P18",
    "The upstream gets our key, and never the client's.",
    remedy="Send context.settings.api_key.reveal() and context.settings.headers; nothing else knows a key.",
)
def keys(bench: ProviderBench) -> None:
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, *PIECES))
        bench.ask(stream=streamed)
        bench.sent()
        expect_our_key(bench, bench.upstream.last)


def expect_our_key(bench: ProviderBench, request: ReceivedRequest) -> None:
    """A request has the section's key, where nobody logs it, and not the client's."""
    sent = json.dumps(dict(request.headers)) + request.query + request.body.decode("utf-8", "replace")
    expect(bench.gateway.api_key not in sent, "the client's key for the gateway was sent to the upstream")
    if bench.wire.auth is not None:
        fault = bench.wire.auth(request, bench.api_key)
        expect(not fault, f"the upstream refuses the request's credentials: {fault}")
    else:
        shown = any(bench.api_key in value for value in request.headers.values())
        expect(shown, "no header carries the section's api_key", _SIGNED)
    body = request.body.decode("utf-8", "replace")
    expect(bench.api_key not in body + request.query, "the key is in the body or the URL, where logs show it")


@PROVIDER.rule(
    "P19",
    "Embeddings come back in the order of their texts, as floats or base64 as asked.",
    remedy="Answer the embeddings hook with OpenAI's list: data[].embedding and data[].index.",
)
def embeddings(bench: ProviderBench) -> None:
    bench.need("embeddings")
    if not bench.wire.embedding_model and not bench.wire.no_upstream:
        raise NotOffered("its wire names no embedding model")
    bench.script()
    model = f"good/{bench.wire.embedding_model}"
    both = bench.embed(model, ["one", "two"], encoding_format="float")
    data: Any = both.values[0].get("data") if both.status == 200 else None
    expect(data and [one["index"] for one in data] == [0, 1], f"two texts gave {both.status} {both.raw[:300]!r}")
    alone = bench.embed(model, "two", encoding_format="float").values[0]["data"][0]["embedding"]
    expect(data[1]["embedding"] == alone, "the second vector of two is not that of the second text")
    packed = bench.embed(model, "two", encoding_format="base64").values[0]["data"][0]["embedding"]
    expect(isinstance(packed, str), "encoding_format base64 gave a list")


def _expect_tools(bench: ProviderBench, calls: list[tuple[str, str]]) -> None:
    bench.need_upstream("tools")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, tool_calls=calls))
        heard = bench.ask(stream=streamed, tools=_TOOLS)
        expect(heard.status == 200, f"{_mode(streamed)}: status {heard.status}: {heard.raw[:300]!r}")
        got = [(name, _decoded(arguments)) for _, name, arguments in heard.tool_calls]
        wanted = [(name, json.loads(arguments)) for name, arguments in calls]
        expect(got == wanted, f"{_mode(streamed)}: of the calls {wanted} the client got {got}")
        ids = {call_id for call_id, _, _ in heard.tool_calls}
        expect(len(ids) == len(calls) and "" not in ids, f"{_mode(streamed)}: the calls' IDs are {sorted(ids)}")
        indexes = heard.tool_indexes
        expect(indexes == [*range(len(indexes))], f"{_mode(streamed)}: the calls' indexes are {indexes}, not from 0 on")
        reason = heard.finish_reason
        expect(reason == "tool_calls", f"{_mode(streamed)}: finish_reason is {reason!r}, not 'tool_calls'")
        sent = json.dumps(bench.sent())
        expect(all(f'"{name}"' in sent for name in _TOOL_NAMES), f"of the tools the upstream was sent {sent}")


def _expect_text(heard: Heard) -> None:
    expect(heard.status == 200, f"status {heard.status}: {heard.raw[:300]!r}")
    expect(heard.content == _TEXT, f"the answer {_TEXT!r} became {heard.content!r}")
    expect(heard.finish_reason == "stop", f"finish_reason is {heard.finish_reason!r}, not 'stop'")


def _expect_model(bench: ProviderBench, heard: Heard) -> None:
    models = {value.get("model") for value in heard.values}
    expect(models == {bench.good}, f"the client asked for {bench.good!r} and was told {models}")


def _lacks_unknown(value: Any) -> bool:
    if value.get("x_unheard_of") != UNHEARD_OF:
        return True
    said = [choice.get("message") or choice.get("delta") or {} for choice in value.get("choices", ())]
    return any(one.get("x_unheard_of") != UNHEARD_OF for one in said)


def _mode(streamed: bool) -> str:
    return "stream" if streamed else "plain"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
