"""Endpoints of one provider, and fields that it does not get to see, through a running gateway."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from routing_wire import Routing, at, routing

from router.testing import Answer, ScriptedUpstream

SPARE = 6


def two(first: ScriptedUpstream, second: ScriptedUpstream, name: str, **settings: object) -> dict[str, object]:
    """A provider with two keys at two places; the second gets three calls of four."""
    places = [
        {"base_url": first.url, "api_key": f"sk-{name}-1", "weight": 1},
        {"base_url": second.url, "api_key": f"sk-{name}-2", "weight": 3},
    ]
    return {"kind": "compatible", "models": ["m"], "endpoints": places, **settings}


@pytest.fixture(scope="module")
def second() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, second: ScriptedUpstream) -> Iterator[Routing]:
    with ScriptedUpstream() as first:
        providers = {f"e{n}": two(first, second, f"e{n}") for n in range(SPARE)}
        providers["narrow"] = two(first, second, "narrow", max_concurrent=1)
        providers["limited"] = at(first, "limited", models=["m", "other"])
        dropping = {"drop_params": ["logprobs", "top_logprobs"], "drop_params_for": {"strict": ["temperature"]}}
        providers["dropping"] = at(first, "dropping", models=["m", "strict"], **dropping)
        providers["backup"] = at(first, "backup")
        config = {"fallback": {"dropping/strict": ["backup/m"]}}
        with routing(tmp_path_factory.mktemp("endpoints"), first, providers, config, second) as running:
            yield running


def places(wire: Routing, second: ScriptedUpstream, name: str) -> Counter[str]:
    """How often each of the provider's endpoints was called; each place sees its own key alone."""
    found: Counter[str] = Counter()
    for number, upstream in ((1, wire.upstream), (2, second)):
        for request in upstream.requests:
            key = request.headers["authorization"].removeprefix("Bearer sk-")
            if key.startswith(f"{name}-"):
                assert key == f"{name}-{number}"
                found[key] += 1
    return found


def test_load_is_shared_by_weight(wire: Routing, second: ScriptedUpstream) -> None:
    for _ in range(160):
        assert wire.post(wire.body("e0/m", stream=False)).status == 200
    found = places(wire, second, "e0")
    assert found.total() == 160 and 12 <= found["e0-1"] <= 68  # 40, give or take five deviations


def test_a_failing_endpoint_rests_and_no_client_notices(wire: Routing, second: ScriptedUpstream) -> None:
    began = time.monotonic()
    wire.always("e1-1", Answer.error(500))
    for _ in range(60):
        assert wire.post(wire.body("e1/m", stream=False)).status == 200
    rests = 1 + int(time.monotonic() - began)
    assert 3 <= places(wire, second, "e1")["e1-1"] <= 3 + rests


def test_another_key_of_the_same_provider_is_tried_first(wire: Routing, second: ScriptedUpstream) -> None:
    wire.always("e2-1", Answer.error(401, "Incorrect API key"))
    answers = [wire.post(wire.body("e2/m", stream=False)) for _ in range(30)]
    assert {answered.status for answered in answers} == {200}
    assert places(wire, second, "e2")["e2-1"] == 1
    assert "operator: e2#1 refuses our key" in wire.gateway.log_path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "fields"), [("e3", ("prompt_cache_key", "user")), ("e4", ("user", "metadata"))])
def test_related_calls_stay_at_one_endpoint(
    wire: Routing, second: ScriptedUpstream, name: str, fields: tuple[str, str]
) -> None:
    decides, other = fields
    homes: Counter[str] = Counter()
    for conversation in range(80):  # each goes to the lighter place with one chance in four
        before = places(wire, second, name)
        for turn in range(4):
            varied: object = {"n": str(turn)} if other == "metadata" else str(turn)
            extra = {decides: f"conversation {conversation}", other: varied}
            assert wire.post(wire.body(f"{name}/m", stream=False, **extra)).status == 200
        (home, calls) = (places(wire, second, name) - before).most_common(1)[0]
        assert calls == 4
        homes[home] += 1
        if conversation >= 5 and len(homes) == 2:
            break
    assert len(homes) == 2


def test_an_endpoint_takes_as_many_calls_as_it_may(wire: Routing, second: ScriptedUpstream) -> None:
    ready = threading.Event()
    for name in ("narrow-1", "narrow-2"):
        wire.always(name, Answer({"choices": []}, hold=ready))
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(wire.post, wire.body("narrow/m", stream=False)) for _ in range(2)]
        wire.upstream.wait_for(lambda: places(wire, second, "narrow").total() == 2)
        refused = wire.post(wire.body("narrow/m", stream=False))
        ready.set()
        assert {one.result().status for one in held} == {200}
    assert (refused.status, refused.headers["retry-after"], refused.error["code"]) == (503, "1", "upstream_overloaded")
    assert places(wire, second, "narrow") == {"narrow-1": 1, "narrow-2": 1}
    assert wire.row(refused)["attempts"] == []
    assert wire.post(wire.body("narrow/m", stream=False)).status == 200


def test_a_rate_limit_is_kept_until_the_provider_said(wire: Routing) -> None:
    wire.script("limited", Answer.error(429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    statuses = []
    while not statuses or statuses[-1] != 200:
        answered = wire.post(wire.body("limited/m", stream=False))
        assert answered.status in (200, 429) and time.monotonic() - began < 60
        statuses.append(answered.status)
        if answered.status == 429:
            assert answered.headers["retry-after"] == "1"
            assert wire.post(wire.body("limited/other", stream=False)).status == 200
    assert time.monotonic() - began >= 1
    named = [request.json()["model"] for request in wire.requests("limited")]
    assert named.count("m") == 2 and len(statuses) > 2


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_dropped_fields_are_named_and_not_sent(wire: Routing, streamed: bool) -> None:
    asked = {"temperature": 0.5, "logprobs": True, "top_logprobs": 2, "seed": 7}
    client = wire.gateway.client()
    before = len(wire.requests("dropping"))
    for model, dropped in (("m", "logprobs, top_logprobs"), ("strict", "logprobs, top_logprobs, temperature")):
        raw = client.chat.completions.with_raw_response.create(
            **wire.body(f"dropping/{model}", stream=streamed, **asked)
        )
        if streamed:
            raw.parse().close()
        assert raw.headers["x-router-dropped-params"] == dropped
    sent = [request.json() for request in wire.requests("dropping")[before:]]
    assert [asked.keys() & body.keys() for body in sent] == [{"temperature", "seed"}, {"seed"}]
    assert all(body["seed"] == 7 for body in sent)


def test_only_what_the_provider_that_served_did_not_see_is_named(wire: Routing) -> None:
    wire.script("dropping", Answer.error(500))
    answered = wire.post(wire.body("dropping/strict", stream=False, temperature=0.5))
    assert (answered.status, answered.headers["x-router-provider"]) == (200, "backup")
    assert "x-router-dropped-params" not in answered.headers
    assert wire.requests("backup")[-1].json()["temperature"] == 0.5


def test_without_a_fallback_a_refused_key_is_a_502(wire: Routing) -> None:
    for name in ("e5-1", "e5-2"):
        wire.always(name, Answer.error(401, f"Incorrect API key sk-{name}"))
    with pytest.raises(openai.InternalServerError) as caught:
        wire.gateway.client().chat.completions.create(**wire.body("e5/m", stream=False))
    assert caught.value.status_code == 502 and "sk-e5" not in caught.value.response.text
