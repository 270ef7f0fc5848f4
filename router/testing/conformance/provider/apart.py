"""What belongs to one call stays with it: calls at once do not mix, a request is not edited, all of it arrives."""

from __future__ import annotations

import contextlib
import copy
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from router.testing.conformance.base import expect
from router.testing.conformance.provider.bench import ASK, PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import inside
from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Script
from router.types.records import ChatCall

__all__ = ["body_untouched", "tool_results", "two_at_once", "usage_of_tool_calls"]

_TOGETHER_S = 10.0
_RESULT = "minus three degrees"
_HISTORY: list[Any] = [
    {"role": "user", "content": "How cold is it in Vardo?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Vardo"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": _RESULT},
]
_TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@PROVIDER.rule(
    "P60",
    "Two calls at once, plain or streamed, each get their own answer.",
    remedy="Keep nothing of a call on the plugin or in its module: one instance serves all calls of a worker.",
)
def two_at_once(bench: ProviderBench) -> None:
    for streamed in (False, True):
        met = threading.Barrier(2)

        def answer(request: ReceivedRequest, met: threading.Barrier = met, streamed: bool = streamed) -> Script:
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait(_TOGETHER_S)  # until both are under way
            said = "alder" if b"alder" in request.body else "birch"
            return bench.good_reply(streamed, said)

        bench.script(answer, answer)
        with ThreadPoolExecutor(2) as threads:
            asked = {
                word: threads.submit(bench.ask, stream=streamed, messages=[{"role": "user", "content": f"Say {word}."}])
                for word in ("alder", "birch")
            }
            got = {word: one.result().content for word, one in asked.items()}
        mixed = {word: text for word, text in got.items() if text != word}
        expect(not mixed, f"of two calls at once (stream: {streamed}) one was answered {mixed} (asked: answered)")


@PROVIDER.rule(
    "P61",
    "call.body is as it was after the hook has run: a fallback sends it to another provider.",
    remedy="Copy call.body, and each message that is edited, before changing anything in them.",
)
def body_untouched(bench: ProviderBench) -> None:
    bench.need("chat")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, "Forty"))
        with inside(bench) as held:
            body: dict[str, Any] = {
                "model": f"inside/{bench.wire.model}",
                "messages": [{"role": "system", "content": "Be brief."}, *ASK],
                "stream": streamed,
                "max_tokens": 50,
                "stop": ["!"],
            }
            before = copy.deepcopy(body)
            call = ChatCall("req_conformance", body["model"], body, streamed)
            reply: Any = bench.plugin.hooks["chat"](call=call, context=held.context)
            try:
                list(reply)
            finally:
                reply.close()
        changed = sorted(name for name in {*before, *body} if before.get(name) != body.get(name))
        expect(not changed, f"the hook changed {', '.join(changed)} in call.body (stream: {streamed})")


@PROVIDER.rule(
    "P62",
    "A conversation's tool calls and their results reach the upstream.",
    remedy="Translate messages of the roles assistant (with tool_calls) and tool too, or pass them on as they are.",
)
def tool_results(bench: ProviderBench) -> None:
    bench.need_upstream("tools")
    bench.script(bench.good_reply(False, "Cold"))
    heard = bench.ask(messages=_HISTORY, tools=[_TOOL])
    expect(heard.status == 200, f"status {heard.status}: {heard.raw[:300]!r}")
    sent = json.dumps(bench.sent())
    for what, text in (("the tool's result", _RESULT), ("the call's arguments", "Vardo"), ("its name", '"weather"')):
        expect(text in sent, f"{what} ({text}) did not reach the upstream: {sent[:500]}")
    expect(sent.count("Vardo") >= 2, f"the tool call of the assistant's turn is gone: {sent[:500]}")


@PROVIDER.rule(
    "P63",
    "The usage of a reply that calls tools is read as that of any other.",
    remedy="Look for the usage apart from the content: a reply of tool calls has no text.",
)
def usage_of_tool_calls(bench: ProviderBench) -> None:
    bench.need_upstream("tools")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, tool_calls=[("weather", '{"city":"Vardo"}')]))
        row = bench.row(bench.ask(stream=streamed, tools=[_TOOL]))
        counts = bench.wire.counts
        found = (row.prompt_tokens, row.completion_tokens, row.estimated)
        wanted = (counts.prompt_tokens, counts.completion_tokens, False)
        expect(found == wanted, f"tokens in, out, estimated are {wanted}, and the row has {found} (stream: {streamed})")
