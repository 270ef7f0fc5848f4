"""The table of failures (docs/routing.md), row by row, with OpenAI's SDK: who is called, seen and recorded."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from line_wire import Answered
from routing_wire import ATTEMPT, Routing, at, routing

from router.errors import KINDS
from router.testing import Answer, Raw, Script, ScriptedUpstream, Stream, chunks

pytestmark = pytest.mark.slow

COUNT = 90
FAST = {"connect": 2.0, "first_byte": 0.3, "idle": 5.0, "whole": 5.0}
NEVER = threading.Event()

# kind -> what the first provider answers, and the SDK's exception where no other is asked
ROWS: dict[str, tuple[Script | Raw, type[openai.APIStatusError]]] = {
    "connection": (Raw(reset=True), openai.InternalServerError),
    "timeout": (Answer(hold=NEVER), openai.InternalServerError),
    "server": (Answer.error(500), openai.InternalServerError),
    "overloaded": (Answer.error(503), openai.InternalServerError),
    "malformed": (Answer(b"<html>"), openai.InternalServerError),
    "rate_limit": (Answer.error(429), openai.RateLimitError),
    "auth": (Answer.error(401, "Incorrect API key"), openai.InternalServerError),
    "billing": (Answer.error(402), openai.InternalServerError),
    "bad_request": (Answer.error(400, "No such voice", param="voice"), openai.BadRequestError),
    "not_found": (Answer.error(404), openai.NotFoundError),
    "context_length": (Answer.error(400, code="context_length_exceeded"), openai.BadRequestError),
    "content": (Answer.error(400, code="content_policy_violation"), openai.BadRequestError),
}
NO_ANSWER = ("connection", "timeout")
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Routing]:
    """Chains ``a``, ``b``, ``c`` of the operator's; ``hook`` is what the plugin of ``a`` and ``c`` would name."""
    providers: dict[str, Any] = {}
    fallbacks: dict[str, list[str]] = {}
    for n in range(COUNT):
        providers[f"a{n}"] = at(upstream, f"a{n}", fallback=[f"hook{n}/m"], timeouts=FAST)
        providers[f"b{n}"] = at(upstream, f"b{n}")
        providers[f"c{n}"] = at(upstream, f"c{n}", fallback=[f"hook{n}/m"])
        providers[f"hook{n}"] = at(upstream, f"hook{n}")
        fallbacks[f"a{n}/m"] = [f"b{n}/m", f"c{n}/m"]
    providers["small"] = at(upstream, "small", kind="openai", models=[])
    providers["large"] = at(upstream, "large", kind="openai", models=[])
    fallbacks["small/gpt-4o"] = ["small/gpt-4o-mini", "large/gpt-4.1"]
    fallbacks["large/gpt-4.1-mini"] = ["small/gpt-4o"]
    patient = {"slow": {"first_byte": 0.3}}
    providers["patient"] = at(upstream, "patient", models=["slow", "quick"], timeouts_for=patient)
    with routing(tmp_path_factory.mktemp("rules"), upstream, providers, {"fallback": fallbacks}) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routing]:
    """At most two upstream calls, and refusals may be tried elsewhere."""
    upstream = ScriptedUpstream()
    providers = {f"{role}{n}": at(upstream, f"{role}{n}") for role in "xyz" for n in range(8)}
    config = {
        "gateway": {"max_attempts": 2, "fall_back_on_content": True},
        "fallback": {f"x{n}/m": [f"y{n}/m", f"z{n}/m"] for n in range(8)},
    }
    with upstream, routing(tmp_path_factory.mktemp("strict"), upstream, providers, config) as running:
        yield running


def ask(wire: Routing, model: str, *, streamed: bool) -> str:
    """The words of an answer, through the SDK."""
    reply = wire.gateway.client().chat.completions.create(**wire.body(model, stream=streamed))
    if not streamed:
        return str(reply.choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in reply if chunk.choices)


def served(answered: Answered) -> list[str]:
    """``x-router-attempts``, checked for its form, without the times."""
    found = answered.headers["x-router-attempts"].split(", ")
    assert all(re.fullmatch(ATTEMPT, one) for one in found), found
    return [one.rpartition(";")[0] for one in found]


def test_every_kind_has_its_row() -> None:
    assert set(ROWS) == set(KINDS)


@STREAMED
@pytest.mark.parametrize("kind", [kind for kind, row in KINDS.items() if row.falls_back])
def test_a_provider_at_fault_is_followed_by_the_operators_choice(wire: Routing, kind: str, streamed: bool) -> None:
    n = wire.number()
    wire.script(f"a{n}", ROWS[kind][0])
    answered = wire.post(wire.body(f"a{n}/m", stream=streamed))
    assert answered.status == 200 and f"from b{n}".encode() in answered.body
    assert wire.calls(f"a{n}", f"b{n}", f"c{n}", f"hook{n}") == [f"a{n}", f"b{n}"]
    assert served(answered) == [f"a{n}/m;{kind}", f"b{n}/m;ok"]
    assert (answered.headers["x-router-provider"], answered.headers["x-router-model"]) == (f"b{n}", "m")
    row = wire.row(answered)
    first, second = row["attempts"]
    assert (first["provider"], first["model"], first["kind"]) == (f"a{n}", "m", kind)
    if kind != "malformed":
        assert first["status"] == (None if kind in NO_ANSWER else getattr(ROWS[kind][0], "status", None))
    assert (second["provider"], second["kind"], second["status"]) == (f"b{n}", "ok", 200)
    assert first["latency_ms"] >= (300 if kind == "timeout" else 0)
    assert first["latency_ms"] + second["latency_ms"] <= row["latency_ms"] + 2
    assert (row["provider"], row["model"], row["status"], row["ending"]) == (f"b{n}", f"a{n}/m", 200, "ok")


@STREAMED
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_client_sees_when_nobody_else_is_left(wire: Routing, kind: str, streamed: bool) -> None:
    n = wire.number()
    script, exception = ROWS[kind]
    for provider in (f"a{n}", f"b{n}", f"c{n}"):
        wire.script(provider, Answer.error(503))
    wire.script(f"hook{n}", script if kind != "timeout" else Answer.error(504))
    with pytest.raises(openai.APIStatusError) as caught:
        ask(wire, f"a{n}/m", streamed=streamed)
    error = caught.value.response.json()["error"]
    assert type(caught.value) is exception and caught.value.status_code == KINDS[kind].status
    assert (error["type"], error["code"]) == (KINDS[kind].type, KINDS[kind].code) or kind in (
        "bad_request",
        "not_found",
    )
    assert wire.calls(f"a{n}", f"b{n}", f"c{n}", f"hook{n}") == [f"a{n}", f"b{n}", f"c{n}", f"hook{n}"]
    (row,) = wire.wait_for_rows(1, request_id=str(caught.value.request_id))
    assert (row["status"], row["ending"], row["provider"]) == (KINDS[kind].status, "error", f"hook{n}")
    assert caught.value.response.headers["x-router-attempts"].count(";overloaded;") == 3 + (kind == "overloaded")


@STREAMED
@pytest.mark.parametrize("kind", [kind for kind, row in KINDS.items() if not row.falls_back])
def test_a_fault_of_the_request_ends_there_and_says_nothing_against_the_provider(
    wire: Routing, kind: str, streamed: bool
) -> None:
    n = wire.number()
    script, exception = ROWS[kind]
    wire.script(f"a{n}", *[script] * 4)
    for _ in range(4):
        with pytest.raises(exception):
            ask(wire, f"a{n}/m", streamed=streamed)
    assert ask(wire, f"a{n}/m", streamed=streamed) == f"from a{n}"
    assert wire.calls(f"a{n}", f"b{n}", f"hook{n}") == [f"a{n}"] * 5


def test_the_operators_fallbacks_come_before_the_plugins(wire: Routing) -> None:
    n = wire.number()
    for provider in (f"a{n}", f"b{n}"):
        wire.script(provider, Answer.error(500))
    answered = wire.post(wire.body(f"a{n}/m"))
    assert served(answered) == [f"a{n}/m;server", f"b{n}/m;server", f"c{n}/m;ok"]
    m = wire.number()
    for provider in (f"a{m}", f"b{m}", f"c{m}"):
        wire.script(provider, Answer.error(500))
    assert served(wire.post(wire.body(f"a{m}/m")))[3:] == [f"hook{m}/m;ok"]


def test_embeddings_fall_back_like_chats(wire: Routing) -> None:
    n = wire.number()
    wire.upstream.script(Answer.error(503), path="/v1/embeddings")
    answered = wire.post({"model": f"a{n}/m", "input": "Hi"}, "/v1/embeddings")
    assert (answered.status, served(answered)) == (200, [f"a{n}/m;overloaded", f"b{n}/m;ok"])
    assert wire.row(answered)["route"] == "embeddings"


def test_an_overflow_goes_on_to_a_larger_model_only(wire: Routing) -> None:
    overflow = ROWS["context_length"][0]
    wire.script("small", overflow)
    assert served(wire.post(wire.body("small/gpt-4o"))) == ["small/gpt-4o;context_length", "large/gpt-4.1;ok"]
    wire.script("large", overflow)
    answered = wire.post(wire.body("large/gpt-4.1-mini"))
    assert (answered.status, answered.error["code"]) == (400, "context_length_exceeded")
    assert served(answered) == ["large/gpt-4.1-mini;context_length"]


def test_limits_of_one_model(wire: Routing) -> None:
    for model, status in (("quick", 200), ("slow", 504)):
        wire.script("patient", Answer.error(503, delay_s=0.6) if model == "slow" else Stream(chunks("ok"), delay_s=0.6))
        assert wire.post(wire.body(f"patient/{model}")).status == status


@STREAMED
def test_after_output_there_is_no_second_provider(wire: Routing, streamed: bool) -> None:
    """A plain reply shows nothing before it is whole, so a cut inside it is a failure like any other."""
    n = wire.number()
    cut = Stream(chunks("Half"), cut_after=2) if streamed else Answer({"choices": []}, cut_after_bytes=5)
    wire.script(f"a{n}", cut)
    answered = wire.post(wire.body(f"a{n}/m", stream=streamed))
    if streamed:
        assert answered.error["code"] == "upstream_connection" and b"[DONE]" not in answered.body
        assert wire.calls(f"a{n}", f"b{n}") == [f"a{n}"]
        row = wire.row(answered)
        assert (row["ending"], row["status"], row["estimated"]) == ("cut", 200, 1)
    else:
        assert served(answered) == [f"a{n}/m;connection", f"b{n}/m;ok"]


@STREAMED
def test_a_client_that_has_gone_is_tried_for_nowhere_else(wire: Routing, streamed: bool) -> None:
    n = wire.number()
    ready = threading.Event()
    wire.script(f"a{n}", Answer.error(500, body_hold=ready))
    with wire.connect(wire.body(f"a{n}/m", stream=streamed)):
        wire.upstream.wait_for(lambda: wire.calls(f"a{n}"))
    assert wire.post(wire.body(f"c{n}/m")).status == 200  # by then the gateway has seen the other client leave
    ready.set()
    (row,) = wire.wait_for_rows(1, model=f"a{n}/m")
    assert (row["status"], row["ending"]) == (499, "disconnect")
    assert wire.calls(f"a{n}", f"b{n}", f"hook{n}") == [f"a{n}"]


def test_the_number_of_upstream_calls_has_a_maximum(strict: Routing) -> None:
    n = strict.number()
    strict.script(f"x{n}", Answer.error(500))
    strict.script(f"y{n}", Answer.error(429, headers={"Retry-After": "3"}))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(strict, f"x{n}/m", streamed=False)
    assert caught.value.response.headers["retry-after"] == "3"
    assert strict.calls(f"x{n}", f"y{n}", f"z{n}") == [f"x{n}", f"y{n}"]


@STREAMED
def test_a_refusal_goes_on_where_the_operator_wants_it(strict: Routing, streamed: bool) -> None:
    n = strict.number()
    strict.script(f"x{n}", ROWS["content"][0])
    assert ask(strict, f"x{n}/m", streamed=streamed) == f"from y{n}"


def test_a_refused_key_alerts_the_operator(wire: Routing) -> None:
    n = wire.number()
    wire.script(f"a{n}", Answer.error(401, f"Incorrect API key sk-canary-a{n}"))
    assert ask(wire, f"a{n}/m", streamed=False) == f"from b{n}"
    log = wire.gateway.log_path
    wire.upstream.wait_for(lambda: f"operator: a{n} refuses our key" in log.read_text(encoding="utf-8"))
    assert f"sk-canary-a{n}" not in log.read_text(encoding="utf-8")
    assert ask(wire, f"a{n}/m", streamed=False) == f"from b{n}"
    assert wire.calls(f"a{n}") == [f"a{n}"], "a refused key heals by nobody's waiting"


@STREAMED
def test_a_provider_that_is_down_costs_one_slow_call(wire: Routing, streamed: bool) -> None:
    """However busy this machine is: calls there lie a rest apart, and each was one client's alone."""
    n = wire.number()
    name, model = f"a{n}", f"a{n}/m"
    wire.always(name, Answer(hold=NEVER))
    answers = [wire.post(wire.body(model, stream=streamed)) for _ in range(20)]
    with ThreadPoolExecutor(8) as threads:  # until the rest is over: then one of the eight probes
        while len(wire.calls(name)) < 2:
            answers += threads.map(lambda _: wire.post(wire.body(model, stream=streamed)), range(8))
    assert all(f"from b{n}".encode() in answered.body for answered in answers)
    slow = [answered for answered in answers if served(answered)[0] == f"{model};timeout"]
    times = [request.time for request in wire.requests(name)]
    assert len(slow) == len(times) < 4 and slow[0] is answers[0]
    assert all(later - earlier >= 1.2 for earlier, later in itertools.pairwise(times))
    wire.always(name, None)
    deadline = time.monotonic() + 60
    while ask(wire, model, streamed=streamed) != f"from {name}":
        assert time.monotonic() < deadline
    assert len(wire.calls(name)) == len(times) + 1
    assert {ask(wire, model, streamed=streamed) for _ in range(5)} == {f"from {name}"}
