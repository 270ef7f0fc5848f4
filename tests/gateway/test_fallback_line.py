"""Upstream failures: their kind, what the client sees of them, and whether the next provider is asked."""

from __future__ import annotations

import json
import math
from typing import Any

import openai
import pytest
from line_wire import SECRET, Answered, Line, events, public

from router.errors import KINDS
from router.testing import Answer, Raw, Script, Stream, chunks, completion, stream

pytestmark = pytest.mark.slow

SENT = chunks("Hello")
HTML = {"Content-Type": "text/html"}

# name -> what the upstream answers, its kind, the client's status, the SDK's exception
FAILURES: dict[str, tuple[Script | Raw, str, int, type[openai.APIStatusError]]] = {
    "no answer": (Raw(), "connection", 502, openai.InternalServerError),
    "408": (Answer.error(408), "timeout", 504, openai.InternalServerError),
    "504": (Answer.error(504), "timeout", 504, openai.InternalServerError),
    "500": (Answer.error(500, type="server_error"), "server", 502, openai.InternalServerError),
    "502 HTML": (Answer("<html>", status=502, headers=HTML), "server", 502, openai.InternalServerError),
    "503": (Answer.error(503, code="server_is_overloaded"), "overloaded", 503, openai.InternalServerError),
    "529": (Answer.error(529), "overloaded", 503, openai.InternalServerError),
    "409": (Answer.error(409), "overloaded", 503, openai.InternalServerError),
    "200 HTML": (Answer("<html>", headers=HTML), "malformed", 502, openai.InternalServerError),
    "429": (Answer.error(429, code="rate_limit_exceeded"), "rate_limit", 429, openai.RateLimitError),
    "429 ramp": (Answer.error(429, code="slow_down"), "rate_limit", 429, openai.RateLimitError),
    "401": (Answer.error(401, code="invalid_api_key"), "auth", 502, openai.InternalServerError),
    "403": (Answer.error(403), "auth", 502, openai.InternalServerError),
    "402": (Answer.error(402), "billing", 502, openai.InternalServerError),
    "429 quota": (Answer.error(429, code="insufficient_quota"), "billing", 502, openai.InternalServerError),
    "429 type": (
        Answer.error(429, type="insufficient_quota", code="429"), "billing", 502, openai.InternalServerError,
    ),
    "429 credit": (Answer.error(429, code="credit_balance_exhausted"), "billing", 502, openai.InternalServerError),
    "429 organization": (
        Answer.error(429, code="organization_usage_limit_exceeded"), "billing", 502, openai.InternalServerError,
    ),
    "429 project": (
        Answer.error(429, code="project_spend_limit_exceeded"), "billing", 502, openai.InternalServerError,
    ),
    "400": (Answer.error(400, code="unsupported_value", param="stop"), "bad_request", 400, openai.BadRequestError),
    "413": (Answer.error(413), "bad_request", 413, openai.APIStatusError),
    "415": (Answer.error(415), "bad_request", 415, openai.APIStatusError),
    "422": (Answer.error(422), "bad_request", 422, openai.UnprocessableEntityError),
    "404": (Answer.error(404, code="model_not_found"), "not_found", 404, openai.NotFoundError),
    "400 context": (
        Answer.error(400, code="context_length_exceeded"), "context_length", 400, openai.BadRequestError,
    ),
    "400 content": (Answer.error(400, code="content_policy_violation"), "content", 400, openai.BadRequestError),
}  # fmt: skip


def test_every_kind_has_its_case() -> None:
    assert {kind for _, kind, _, _ in FAILURES.values()} == set(KINDS)
    for _, kind, status, _ in FAILURES.values():
        assert status in (KINDS[kind].status, 413, 415, 422)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_as_the_sdk_sees_it(line: Line, name: str) -> None:
    script, kind, status, exception = FAILURES[name]
    line.upstream.script(script)
    with pytest.raises(openai.APIStatusError) as caught:
        line.gateway.client().chat.completions.create(**line.body(stream=False))
    assert type(caught.value) is exception and caught.value.status_code == status
    error = caught.value.response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    (row,) = line.wait_for_rows(1, request_id=str(caught.value.request_id))
    (attempt,) = json.loads(row["attempts"])
    assert (attempt["kind"], row["status"], row["error_code"]) == (kind, status, error["code"])
    final = caught.value.response.headers.get("x-should-retry") == "false"
    assert final == (kind in ("auth", "billing"))


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", [name for name, case in FAILURES.items() if KINDS[case[1]].falls_back])
def test_a_failure_goes_to_the_next_provider(line: Line, name: str, streamed: bool) -> None:
    script, kind, _, _ = FAILURES[name]
    model = line.model("first")
    line.upstream.script(script, Stream(SENT) if streamed else Answer(completion("Hello")))
    answered = line.post(line.body(model, stream=streamed))
    assert answered.status == 200, answered.body
    if streamed:
        assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]
    else:
        assert answered.body == public(completion("Hello"), model)
    assert_served_by(line, answered, model, "second", [kind, "ok"])


@pytest.mark.parametrize("name", [name for name, case in FAILURES.items() if not KINDS[case[1]].falls_back])
def test_a_fault_of_the_request_goes_no_further(line: Line, name: str) -> None:
    script, kind, status, _ = FAILURES[name]
    model = line.model("first")
    line.upstream.script(script)
    answered = line.post(line.body(model))
    assert answered.status == status and len(line.upstream.requests) == 1
    assert_served_by(line, answered, model, "first", [kind])


def assert_served_by(line: Line, answered: Answered, model: str, kind: str, kinds: list[str]) -> None:
    provider = f"{kind}{model.partition('/')[0].removeprefix('first')}"
    row = line.row(answered)
    assert (row["provider"], row["model"], row["kinds"]) == (provider, model, kinds)
    assert answered.headers["x-router-provider"] == provider
    assert len(answered.headers["x-router-attempts"].split(", ")) == len(kinds)


def test_the_chain_goes_on_to_the_third(line: Line) -> None:
    model = line.model("first")
    line.upstream.script(Answer.error(503), Stream(SENT[:1], done=False), Stream(SENT))
    answered = line.post(line.body(model))
    assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]
    assert_served_by(line, answered, model, "third", ["overloaded", "malformed", "ok"])


def test_the_last_failure_is_the_one_that_counts(line: Line) -> None:
    model = line.model("first")
    line.upstream.script(Answer.error(500), Answer.error(500), Answer.error(429, headers={"Retry-After": "7"}))
    answered = line.post(line.body(model))
    assert (answered.status, answered.headers["retry-after"]) == (429, "7")
    assert_served_by(line, answered, model, "third", ["server", "server", "rate_limit"])


def test_a_provider_that_is_left_alone_still_falls_back(line: Line) -> None:
    """While the first rests after its 429 it is not called, and its plugin's ``fallback`` is asked all the same."""
    model = line.model("first")
    line.upstream.script(Answer.error(429, headers={"Retry-After": "30"}), Stream(SENT), Stream(SENT))
    assert line.post(line.body(model)).status == 200
    answered = line.post(line.body(model))
    assert answered.status == 200, answered.body
    assert len(line.upstream.requests) == 3
    assert_served_by(line, answered, model, "second", ["ok"])


def test_a_silent_provider_gives_way_to_the_next(line: Line) -> None:
    model = line.model("first")
    line.upstream.script(Stream([SENT[0], *SENT], cut_after=1, reset=True), Stream(SENT))
    answered = line.post(line.body(model))
    assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]
    assert_served_by(line, answered, model, "second", ["connection", "ok"])


@pytest.mark.parametrize("joined", [False, True], ids=["apart", "joined"])
@pytest.mark.parametrize("tail", [[], [{"error": {"message": "Broken", "type": "server_error"}}]], ids=["cut", "error"])
def test_after_output_there_is_no_second_provider(line: Line, tail: list[Any], joined: bool) -> None:
    model = line.model("first")
    line.upstream.script(Stream([*SENT[:2], *tail], done=False, joined=joined))
    answered = line.post(line.body(model))
    assert events(answered.body)[:-1] == [public(chunk, model) for chunk in SENT[:2]]
    assert answered.error["type"] == "upstream_error" and len(line.upstream.requests) == 1
    assert line.row(answered)["ending"] == "cut"


WAITS = {
    "seconds": ({"Retry-After": "7"}, "7"),
    "milliseconds": ({"retry-after-ms": "1500", "Retry-After": "9"}, "2"),
    "a fraction": ({"Retry-After": "0.2"}, "1"),
    "nonsense": ({"Retry-After": "soon"}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize("name", WAITS)
def test_the_wait_that_the_upstream_asks_for(line: Line, name: str) -> None:
    headers, expected = WAITS[name]
    line.upstream.script(Answer.error(429, headers=headers))
    answered = line.post(line.body())
    assert answered.status == 429 and answered.headers.get("retry-after") == expected
    assert expected is None or math.isfinite(float(expected))


# What an upstream says of our key stays between it and us.


def refusals(secret: str) -> dict[str, Script | Raw]:
    words = f"Your key {secret} is not allowed to do this."
    return {
        "401": Answer.error(401, words),
        "403": Answer.error(403, words),
        "quota": Answer.error(429, words, code="insufficient_quota"),
        "400": Answer.error(400, words),
        "400 cut short": Answer.error(400, "x" * 985 + secret),
        "400 everywhere": Answer.error(400, "no", type=secret, code=secret, param=secret),
        "404": Answer.error(404, words),
        "500": Answer.error(500, words),
        "500 text": Answer(words, status=500),
        "flat": Answer({"code": "bad", "error": words}, status=400),
        "in a stream": Stream([{"error": {"message": words, "type": "server_error"}}]),
        "after output": Stream([*SENT[:2], {"error": {"message": words, "type": secret}}]),
        "Server header": Raw(b"HTTP/1.1 500 " + secret.encode() + b"\r\nX-Key: " + secret.encode() + b"\r\n\r\n"),
    }


@pytest.mark.parametrize("name", refusals(""))
def test_our_key_is_in_no_error(line: Line, name: str) -> None:
    line.upstream.script(refusals(SECRET)[name])
    answered = line.post(line.body())
    assert line.upstream.last.headers["authorization"] == f"Bearer {SECRET}"
    seen = answered.body + json.dumps(dict(answered.headers)).encode() + json.dumps(line.row(answered)).encode()
    assert SECRET[:8].encode() not in seen, answered.body
    assert answered.status != 401 and answered.status != 403
    if name in ("401", "403"):
        assert "credentials" in answered.error["message"]


def test_our_key_is_in_no_log(line: Line) -> None:
    line.upstream.script(Answer.error(401, f"Bad key {SECRET}"))
    line.row(line.post(line.body()))
    assert SECRET not in line.gateway.log_path.read_text(encoding="utf-8")


def test_an_error_without_words_says_who_answered(line: Line) -> None:
    model = line.model()
    line.upstream.script(Answer("<html>", status=404, headers=HTML))
    answered = line.post(line.body(model))
    assert answered.status == 404
    assert answered.error["message"] == f"{model.partition('/')[0]} answered 404: no reason was given"


def test_the_sdks_retries_reach_a_healthy_answer(line: Line) -> None:
    line.upstream.script(Answer.error(503, headers={"retry-after-ms": "1"}), stream("Hello"))
    found = list(line.gateway.client(max_retries=3).chat.completions.create(**line.body()))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found) == "Hello"


def test_a_second_sending_is_an_attempt_of_its_own(line: Line) -> None:
    """The connection of the first call dies under the second, which is sent again on a new one."""
    model = line.model()
    line.upstream.script(Answer(completion("Hello")), Raw(), Answer(completion("Hello")))
    assert line.post(line.body(model, stream=False)).status == 200
    answered = line.post(line.body(model, stream=False))
    assert answered.status == 200 and len(line.upstream.requests) == 3
    kinds = line.row(answered)["kinds"]
    assert kinds == ["connection", "ok"] and answered.headers["x-router-attempts"].count("ms") == 2
    (row,) = line.wait_for_rows(1, request_id=answered.request_id)
    assert "without an answer" in json.loads(row["attempts"])[0]["message"]


def test_what_the_upstream_said_stands_in_row_and_log_without_secrets_and_prompts(line: Line) -> None:
    """The client is told nothing of our key; the operator reads why, on one line."""
    prompt = "a word that is nobody's business"
    said = f"Project blocked,\nkey {SECRET}, asked: {prompt}"
    line.upstream.script(Answer.error(403, said, type="permission_error", code="blocked"))
    answered = line.post(
        line.body(stream=False, messages=[{"role": "user", "content": prompt}]), headers={"X-Request-ID": "trace-1"}
    )
    assert answered.status == 502 and "blocked" not in str(answered.error)
    (row,) = line.wait_for_rows(1, request_id=answered.request_id)
    message = json.loads(row["attempts"])[0]["message"]
    assert message.endswith("answered 403: permission_error blocked: Project blocked, key ***, asked: ***")
    assert row["client_request_id"] == "trace-1"


def test_a_customers_names_leave_bound_to_its_account(line: Line) -> None:
    names = {"user": "anna", "prompt_cache_key": "talk", "safety_identifier": "s"}
    for _ in range(2):
        line.upstream.script(Answer(completion("Hello")))
        assert line.post(line.body(stream=False, **names)).status == 200
    first, second = (request.json() for request in line.upstream.requests[-2:])
    sent = {name: first[name] for name in names}
    assert sent == {name: second[name] for name in names} and not set(sent.values()) & set(names.values())
