"""Ollama by its native API, through the running gateway and OpenAI's SDK: what clients see, and what the server saw."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from provider_kit import ASK, MODES, Rig, client_error

from router.errors import KINDS
from router.testing import Answer, Gateway, Raw, ScriptedUpstream, Stream, free_port, vector
from router.testing.upstream.wires import ErrorRow
from router.testing.upstream.wires.ollama import (
    EMBEDDING_MODELS,
    OLLAMA,
    line,
    native_call,
    ndjson,
    serve_ollama,
)

MODEL = f"ollama/{OLLAMA.model}"
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = ("weather", '{"city":"Oslo"}')
ERRORS = [(row, MODES[number % 2]) for number, row in enumerate(OLLAMA.errors)]
SPARES = [f"spare{number}" for number in range(4 * len(ERRORS))]
_unused = itertools.cycle(SPARES)


def sections(url: str) -> dict[str, dict[str, Any]]:
    """The provider's own section, one with defaults for its models, and spare ones: what has failed takes a rest."""
    own: dict[str, Any] = {"kind": "ollama", "base_url": url, "api_key": "sk-ollama-secret"}
    return {
        "ollama": own,
        "tuned": {**own, "keep_alive": "10m", "num_ctx": 8192},
        "gone": {**own, "base_url": f"http://127.0.0.1:{free_port()}", "fallback": [MODEL]},
        **dict.fromkeys(SPARES, own),
    }


def spare(model: str = OLLAMA.model) -> str:
    """The model at a section that has not failed yet."""
    return f"{next(_unused)}/{model}"


@pytest.fixture(scope="module")
def running_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with ScriptedUpstream() as upstream:
        url = upstream.url.removesuffix("/v1")
        with Gateway(tmp_path_factory.mktemp("ollama"), providers=sections(url), billing=False) as gateway:
            yield Rig(gateway, upstream, gateway.client())


@pytest.fixture
def rig(running_rig: Rig) -> Rig:
    running_rig.upstream.reset()
    serve_ollama(running_rig.upstream)
    return running_rig


def script(rig: Rig, mode: str, *words: str, **fields: Any) -> None:
    rig.upstream.script((OLLAMA.stream if mode == "stream" else OLLAMA.plain)(*words, **fields))


def said(replies: list[Any], field: str = "content") -> str:
    """The text of a field of the message, or of all deltas joined."""
    parts = [getattr(choice, "delta", None) or choice.message for reply in replies for choice in reply.choices]
    return "".join(getattr(part, field, None) or "" for part in parts)


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_with_its_thinking(rig: Rig, mode: str) -> None:
    script(rig, mode, "forty", "-two \u2603", reasoning=["six ", "sevens"])
    replies = rig.ask(MODEL, mode, max_completion_tokens=300, reasoning_effort="low")
    assert (said(replies), said(replies, "reasoning_content")) == ("forty-two \u2603", "six sevens")
    assert {reply.model for reply in replies} == {MODEL}
    assert [choice.finish_reason for choice in replies[-1].choices] == ["stop"]
    assert len({reply.id for reply in replies}) == 1
    assert rig.upstream.last.path == "/api/chat"
    assert rig.upstream.last.headers["authorization"] == "Bearer sk-ollama-secret"
    assert rig.sent() == {
        "model": OLLAMA.model,
        "messages": ASK,
        "stream": mode == "stream",
        "think": "low",
        "options": {"num_predict": 300},
    }


@pytest.mark.parametrize("mode", MODES)
def test_tool_calls_are_whole_and_have_ids(rig: Rig, mode: str) -> None:
    calls = [CALL, ("weather", '{"city":"Tromsø","days":[1,2.5,null]}')]
    script(rig, mode, tool_calls=calls)
    if mode == "stream":
        with rig.client.chat.completions.stream(model=MODEL, messages=ASK, tools=[TOOL]) as events:
            choice: Any = events.get_final_completion().choices[0]
    else:
        choice = rig.ask(MODEL, tools=[TOOL])[0].choices[0]
    made = choice.message.tool_calls
    assert [(call.id, call.type) for call in made] == [("call_0", "function"), ("call_1", "function")]
    assert [(call.function.name, call.function.arguments) for call in made] == calls
    assert choice.finish_reason == "tool_calls"
    assert rig.sent()["tools"] == [TOOL]


def test_a_tools_result_goes_back_under_its_name(rig: Rig) -> None:
    script(rig, "plain", reasoning=["look it up"], tool_calls=[CALL])
    first = rig.ask(MODEL, tools=[TOOL])[0].choices[0].message
    turn = first.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "rain"}
    script(rig, "plain", "wet")
    assert said(rig.ask(MODEL, messages=[*ASK, turn, result], tools=[TOOL])) == "wet"
    _, assistant, tool = rig.sent()["messages"]
    assert assistant["thinking"] == "look it up"
    assert assistant["tool_calls"][0]["function"] == {"name": "weather", "arguments": {"city": "Oslo"}}
    assert tool == {"role": "tool", "tool_call_id": "call_0", "tool_name": "weather", "content": "rain"}


def test_a_tool_call_without_an_id_gets_one(rig: Rig) -> None:
    call = native_call("weather", {}, call_id=None)
    rig.upstream.script(ndjson(line({"tool_calls": [call]}), line({"tool_calls": [call]}), line(done=True)))
    with rig.client.chat.completions.stream(model=MODEL, messages=ASK, tools=[TOOL]) as events:
        made: Any = events.get_final_completion().choices[0].message.tool_calls
    assert len({call.id for call in made}) == 2
    assert all(call.id.startswith("call_") for call in made)


def test_structured_output(rig: Rig) -> None:
    class City(pydantic.BaseModel):
        name: str

    script(rig, "plain", '{"name":"Oslo"}')
    reply = rig.client.chat.completions.parse(model=MODEL, messages=ASK, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Oslo")
    assert rig.sent()["format"]["properties"] == {"name": {"title": "Name", "type": "string"}}


def test_an_image_and_a_link_to_one(rig: Rig) -> None:
    def ask(url: str) -> Any:
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        return rig.ask(MODEL, messages=[{"role": "user", "content": parts}])

    ask("data:image/png;base64,aGVsbG8=")
    assert rig.sent()["messages"] == [{"role": "user", "content": "What is this?", "images": ["aGVsbG8="]}]
    with pytest.raises(openai.BadRequestError, match="data URL") as caught:
        ask("https://example.com/cat.png")
    assert caught.value.param == "messages[0].content[1].image_url"
    assert len(rig.upstream.requests) == 1


@pytest.mark.parametrize("mode", MODES)
def test_the_sections_defaults_and_the_clients_own_fields(rig: Rig, mode: str) -> None:
    script(rig, mode, "hello")
    rig.ask(f"tuned/{OLLAMA.model}", mode)
    assert (rig.sent()["keep_alive"], rig.sent()["options"]) == ("10m", {"num_ctx": 8192})
    script(rig, mode, "hello")
    own = {"keep_alive": 0, "options": {"num_ctx": 512, "mirostat": 1}, "think": True, "top_k": 3, "truncate": False}
    rig.ask(f"tuned/{OLLAMA.model}", mode, temperature=0.5, stop="x", extra_body=own)
    sent = rig.sent()
    assert (sent["keep_alive"], sent["think"], sent["truncate"]) == (0, True, False)
    assert sent["options"] == {"num_ctx": 512, "mirostat": 1, "temperature": 0.5, "stop": ["x"], "top_k": 3}


@pytest.mark.parametrize("mode", MODES)
def test_usage_is_what_the_counters_say(rig: Rig, mode: str) -> None:
    given: list[dict[str, int]] = [
        {"prompt_eval_count": 26, "eval_count": 298},
        {"eval_count": 5},  # a zero is left out
        {"prompt_eval_count": 7},
        {},
    ]
    options = {"stream_options": {"include_usage": True}} if mode == "stream" else {}
    seen = []
    for counters in given:
        script(rig, mode, "hello", counters=counters)
        usage = rig.ask(MODEL, mode, **options)[-1].usage
        seen.append(usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens))
    assert seen == [(26, 298, 324), (0, 5, 5), (7, 0, 7), None]
    rows = rig.gateway.router("usage", "show", "--limit", "4")[::-1]
    assert [row["estimated"] for row in rows] == [False, False, False, True]
    counts = [(row["prompt_tokens"], row["completion_tokens"]) for row in rows[:3]]
    assert counts == [(26, 298), (0, 5), (7, 0)]


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_is_cut_short_by_the_cap(rig: Rig, mode: str) -> None:
    replies = rig.ask(MODEL, mode, messages=[{"role": "user", "content": "one two three"}], max_tokens=2)
    assert said(replies) == "one two"
    assert replies[-1].choices[0].finish_reason == "length"


def test_token_probabilities(rig: Rig) -> None:
    odds = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5}]}
    lines = (line({"content": "a"}, logprobs=[odds]), line(done=True, done_reason="stop", eval_count=1))
    rig.upstream.script(ndjson(*lines))
    with rig.client.chat.completions.stream(model=MODEL, messages=ASK, logprobs=True, top_logprobs=1) as events:
        odds_seen: Any = events.get_final_completion().choices[0].logprobs
    [token] = odds_seen.content
    assert (token.token, token.logprob, token.bytes, token.top_logprobs[0].token) == ("a", -0.5, [97], "a")
    assert (rig.sent()["logprobs"], rig.sent()["top_logprobs"]) == (True, 1)


@pytest.mark.parametrize(("row", "mode"), ERRORS, ids=[f"{row.name}, {mode}" for row, mode in ERRORS])
def test_a_documented_error(rig: Rig, row: ErrorRow, mode: str) -> None:
    rig.upstream.script(row.answer())
    shown = KINDS[row.kind].status
    with pytest.raises(client_error(shown)) as caught:
        rig.ask(spare(), mode)
    assert (type(caught.value), caught.value.status_code) == (client_error(shown), shown)
    assert caught.value.code == KINDS[row.kind].code
    assert len(rig.upstream.requests) == 1
    if row.kind == "auth":
        assert "signin_url" not in caught.value.message and "unauthorized" not in caught.value.message
    else:
        assert row.body["error"] in caught.value.message


def test_the_kinds_are_on_the_usage_rows(rig: Rig) -> None:
    for row in OLLAMA.errors:
        rig.upstream.script(row.answer())
        with pytest.raises(openai.APIStatusError):
            rig.ask(spare())
    rows = rig.gateway.router("usage", "show", "--limit", str(len(OLLAMA.errors)))
    attempts = [row["attempts"][0] for row in reversed(rows)]
    assert [(one["kind"], one["status"]) for one in attempts] == [(row.kind, row.status) for row in OLLAMA.errors]


def test_an_error_in_the_middle_of_a_stream(rig: Rig) -> None:
    rig.upstream.script(ndjson(line({"content": "forty"}), b'{"error":"server busy, please try again"}\n'))
    events = rig.client.chat.completions.create(model=spare(), messages=ASK, stream=True)
    got = []
    with pytest.raises(openai.APIError, match="server busy") as caught:
        got.extend(events)
    assert said(got) == "forty"
    assert caught.value.code == KINDS["overloaded"].code


@pytest.mark.parametrize("how", ["between two lines", "inside a line", "inside the last line"])
def test_a_stream_that_is_cut_fails(rig: Rig, how: str) -> None:
    last = line(done=True, done_reason="stop", eval_count=1)
    tail = {
        "between two lines": b"",
        "inside a line": line({"content": "-two"})[:40],
        "inside the last line": last[:-9],
    }
    rig.upstream.script(ndjson(line({"content": "forty"}), tail[how]))
    events = rig.client.chat.completions.create(model=spare(), messages=ASK, stream=True)
    got = []
    with pytest.raises(openai.APIError):
        got.extend(events)
    assert said(got) == "forty"


def test_a_client_that_leaves_stops_the_model(rig: Rig) -> None:
    never = threading.Event()
    rig.upstream.script(Stream([line({"content": "forty"}), never], done=False))
    with rig.client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as events:
        next(iter(events))
    rig.upstream.wait_for(lambda: rig.upstream.last.ending == "disconnect")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'{"models":[]}', b'{"embeddings":1}'])
def test_what_is_not_ollama(rig: Rig, mode: str, body: bytes) -> None:
    rig.upstream.script(Answer(body))
    with pytest.raises(openai.InternalServerError):
        rig.ask(spare(), mode)
    assert len(rig.upstream.requests) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_is_not_running_is_left_at_once(rig: Rig, mode: str) -> None:
    assert said(rig.ask(f"gone/{OLLAMA.model}", mode)) == ASK[0]["content"]
    attempts = rig.gateway.router("usage", "show", "--limit", "1")[0]["attempts"]
    assert [(one["provider"], one["kind"]) for one in attempts] == [("gone", "connection"), ("ollama", "ok")]


def test_a_connection_that_is_reset(rig: Rig) -> None:
    rig.upstream.script(Raw(reset=True))
    with pytest.raises(openai.InternalServerError) as caught:
        rig.ask(spare())
    assert caught.value.code == KINDS["connection"].code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("logit_bias", {"50": 1}),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "weather"}}),
        ("modalities", ["text", "audio"]),
        ("functions", [{"name": "weather"}]),
    ],
)
def test_what_has_no_equivalent_is_refused_by_name(rig: Rig, field: str, value: Any) -> None:
    with pytest.raises(openai.BadRequestError, match=f"no equivalent of this '{field}'") as caught:
        rig.ask(MODEL, tools=[TOOL], **{field: value})
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", field)
    assert rig.upstream.requests == []


@pytest.mark.parametrize(("model", "dimensions"), EMBEDDING_MODELS.items(), ids=EMBEDDING_MODELS)
@pytest.mark.parametrize("encoding", ["default", "float", "base64"])
def test_embeddings_in_batches(rig: Rig, model: str, dimensions: int, encoding: str) -> None:
    texts = [f"text number {number}" for number in range(40)]
    fields: Any = {} if encoding == "default" else {"encoding_format": encoding}
    reply = rig.client.embeddings.create(model=f"ollama/{model}", input=texts, **fields)
    vectors = [unpacked(one.embedding) for one in reply.data]
    assert vectors == [pytest.approx(vector(text, dimensions), abs=1e-6) for text in texts]
    assert [one.index for one in reply.data] == list(range(40))
    assert (reply.usage.prompt_tokens, reply.usage.total_tokens) == (120, 120)
    assert rig.sent() == {"model": model, "input": texts}
    assert rig.upstream.last.path == "/api/embed"


def unpacked(embedding: Any) -> Any:
    if isinstance(embedding, list):
        return embedding
    return memoryview(base64.b64decode(embedding)).cast("f").tolist()


def test_embeddings_of_one_text_with_dimensions(rig: Rig) -> None:
    reply = rig.client.embeddings.create(model="tuned/nomic-embed-text", input="one two", dimensions=4)
    assert reply.data[0].embedding == pytest.approx(vector("one two", 4))
    sent = {"model": "nomic-embed-text", "input": "one two", "dimensions": 4}
    assert rig.sent() == sent | {"keep_alive": "10m", "options": {"num_ctx": 8192}}


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_embeddings_of_tokens_are_refused(rig: Rig, tokens: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="not tokens") as caught:
        rig.client.embeddings.create(model="ollama/nomic-embed-text", input=tokens)
    assert caught.value.param == "input"


def test_fewer_embeddings_than_texts_are_a_failure(rig: Rig) -> None:
    rig.upstream.script(Answer({"model": "m", "embeddings": [[1.0]]}))
    with pytest.raises(openai.InternalServerError, match="2 embeddings"):
        rig.client.embeddings.create(model=spare("nomic-embed-text"), input=["a", "b"])
