"""What a plugin does on calls' ways: it lets no stranger in, changes nothing in place, mixes nothing up."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import replace

from router.errors import RouterError, faults
from router.money.usage import Usage
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.host.bench import HOST, HostBench, sample_call
from router.types.line_hooks import CachedAnswer, Credentials, TargetOption

__all__ = ["answers", "caches", "explanations", "guards", "strangers", "strategies"]

_ANSWERED = (
    b'{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", '
    b'"message": {"role": "assistant", "content": "42"}}]}'
)
_STRANGERS = (None, "", "Bearer", "Bearer ", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer a.b.c", "Bearer \xff")
_TARGETS = tuple(TargetOption(f"{name}/m", name, "m", "compatible") for name in ("one", "two", "three"))
_PRICED = tuple(
    TargetOption(f"{name}/m", name, "m", "compatible", charge, cost, ready)
    for name, charge, cost, ready in (("one", 300, 200, False), ("two", 100, None, True), ("three", None, 50, True))
)


@HOST.rule(
    "H20",
    "Credentials that nobody has given out are nobody's: authenticate gives None, or refuses.",
    remedy="Verify what is shown before you name a key; None leaves the caller to others, and to the 401.",
)
def strangers(bench: HostBench) -> None:
    hook = bench.hook("authenticate")
    for shown in _STRANGERS:
        for request in (Credentials(shown, None), Credentials(None, shown)):
            try:
                key_id = hook(context=bench.context, request=request)
            except RouterError:
                continue
            except faults() as error:
                raise Failed(f"with {shown!r} it raised {type(error).__name__}: {error}") from error
            expect(key_id is None, f"with {shown!r} it named a key")


@HOST.rule(
    "H21",
    "A guard gives None, a body or a refusal, and leaves the call that it sees as it was.",
    remedy="Copy, then edit: return {**call.body, ...}.",
)
def guards(bench: HostBench) -> None:
    hook = bench.hook("request_guard")
    for call in (sample_call(), sample_call(text=""), sample_call(messages=[]), sample_call(stream=True, n=3)):
        before = copy.deepcopy(call.body)
        try:
            given = hook(context=bench.context, call=call)
        except RouterError:
            given = None
        except faults() as error:
            raise Failed(f"it raised {type(error).__name__}: {error}") from error
        expect(given is None or isinstance(given, Mapping), f"it gave {type(given).__name__}")
        expect(call.body == before, "it changed the body that it was shown")


@HOST.rule(
    "H22",
    "A strategy names targets that there are, each once at most.",
    remedy="Return IDs of the targets that were given, and no others.",
)
def strategies(bench: HostBench) -> None:
    hook = bench.hook("route_targets")
    for targets in (_TARGETS, _TARGETS[:2], _TARGETS[::-1], _PRICED):
        given = list(hook(context=bench.context, targets=targets, call=sample_call()))
        known = [target.id for target in targets]
        expect(set(given) <= set(known) and len(set(given)) == len(given), f"of {known} it made {given}")


@HOST.rule(
    "H30",
    "A strategy explains each target of its order once, in words, and the same way when asked again.",
    remedy="Return a router.TargetReason with a text for each of the targets that were given; draw nothing by lot.",
)
def explanations(bench: HostBench) -> None:
    hook = bench.hook("explain_targets")
    for targets in (_TARGETS, _PRICED):
        given = list(hook(context=bench.context, targets=targets, call=sample_call()))
        expect(sorted(one.id for one in given) == sorted(one.id for one in targets), f"of the targets it told {given}")
        expect(all(isinstance(one.reason, str) and one.reason for one in given), "it gives a target no reason")
        again = list(hook(context=bench.context, targets=targets, call=sample_call()))
        expect([one.id for one in again] == [one.id for one in given], "asked again, it tells another order")


@HOST.rule(
    "H23",
    "A cache gives back what it was given, to the same account and for the same request alone.",
    remedy="Look answers up by account, surface and the whole body.",
)
def caches(bench: HostBench) -> None:
    get, put = bench.hook("cache_get"), bench.hook("cache_put")
    call, answer = sample_call(), b'{"id": "chatcmpl-1", "choices": []}'
    expect(get(context=bench.context, call=call) is None, "it has an answer before it was given one")
    put(context=bench.context, call=call, answer=answer)
    expect(get(context=bench.context, call=call) in (None, answer), "it gives back another answer")
    for other, what in (
        (sample_call("acct_2"), "another account"),
        (sample_call(text="And eight?"), "another question"),
        (sample_call(temperature=1.5), "another temperature"),
    ):
        expect(get(context=bench.context, call=other) is None, f"{what} gets the answer")


@HOST.rule(
    "H31",
    "What answer_get gives is what answer_put was given, to the same account and for the same question alone.",
    remedy="Look answers up by account, surface, model, variant, and the whole of body and source; keep and give a "
    "whole CachedAnswer (packed, unpacked).",
)
def answers(bench: HostBench) -> None:
    get, put = bench.hook("answer_get"), bench.hook("answer_put")
    call = sample_call(temperature=0, seed=1)
    answer = CachedAnswer(_ANSWERED, False, "acme/model", Usage(9, 4), time.time(), "stop")
    expect(get(context=bench.context, call=call) is None, "it has an answer before it was given one")
    put(context=bench.context, call=call, answer=answer)
    expect(get(context=bench.context, call=call) in (None, answer), "it gives back another answer")
    for other, what in (
        (sample_call("acct_2", temperature=0, seed=1), "another account"),
        (sample_call(text="And eight?", temperature=0, seed=1), "another question"),
        (sample_call(temperature=0, seed=2), "another seed"),
        (replace(call, surface="messages"), "another surface"),
        (replace(call, model="acme/other"), "another model"),
        (replace(call, source={"system": "Be brief."}), "a call with another source"),
        (replace(call, variant="beta"), "another variant"),
    ):
        expect(get(context=bench.context, call=other) is None, f"{what} gets the answer")
