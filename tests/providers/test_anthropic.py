"""Anthropic's Messages API, through the running gateway and OpenAI's SDK: what clients see, and what the host saw."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from provider_kit import ASK, MODES, Rig, client_error

from router.errors import KINDS
from router.testing import Answer, Gateway, Raw, ScriptedUpstream, Stream, free_port
from router.testing.upstream.wires import ErrorRow
from router.testing.upstream.wires.anthropic import (
    ANTHROPIC,
    event,
    events,
    message,
    serve_anthropic,
    thinking,
    tool_use,
)

MODEL = f"anthropic/{ANTHROPIC.model}"
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALLS = [("weather", '{"city":"Oslo"}'), ("weather", '{"city":"Tromsø","days":[1,2.5,null]}')]
ERRORS = [(row, MODES[number % 2]) for number, row in enumerate(ANTHROPIC.errors)]
SPARES = [f"spare{number}" for number in range(4 * len(ERRORS))]
_unused = itertools.cycle(SPARES)


def sections(url: str) -> dict[str, dict[str, Any]]:
    """The provider's own section, one with settings of its own, and spare ones: what has failed takes a rest."""
    own: dict[str, Any] = {"kind": "anthropic", "base_url": url, "api_key": "sk-ant-secret", "unlisted": True}
    return {
        "anthropic": own,
        "tuned": {**own, "betas": ["one-2026", "two-2026"], "version": "2026-01-01", "headers": {"x-team": "blue"}},
        "gone": {**own, "base_url": f"http://127.0.0.1:{free_port()}", "fallback": [MODEL]},
        **dict.fromkeys(SPARES, own),
    }


def spare(model: str = ANTHROPIC.model) -> str:
    """The model at a section that has not failed yet."""
    return f"{next(_unused)}/{model}"


@pytest.fixture(scope="module")
def running_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("anthropic")
    with ScriptedUpstream() as upstream, Gateway(folder, providers=sections(upstream.url), billing=False) as gateway:
        yield Rig(gateway, upstream, gateway.client())


@pytest.fixture
def rig(running_rig: Rig) -> Rig:
    running_rig.upstream.reset()
    serve_anthropic(running_rig.upstream)
    return running_rig


def script(rig: Rig, mode: str, *words: str, **fields: Any) -> None:
    rig.upstream.script((ANTHROPIC.stream if mode == "stream" else ANTHROPIC.plain)(*words, **fields))


def said(replies: list[Any], field: str = "content") -> str:
    """The text of a field of the message, or of all deltas joined."""
    parts = [getattr(choice, "delta", None) or choice.message for reply in replies for choice in reply.choices]
    return "".join(getattr(part, field, None) or "" for part in parts)


def whole(rig: Rig, mode: str, model: str = MODEL, **fields: Any) -> Any:
    """The choice of one call; a stream's as OpenAI's SDK puts it together."""
    if mode == "plain":
        return rig.ask(model, **fields)[0].choices[0]
    with rig.client.chat.completions.stream(model=model, **{"messages": ASK, **fields}) as stream:
        return stream.get_final_completion().choices[0]


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_with_its_thinking(rig: Rig, mode: str) -> None:
    script(rig, mode, "forty", "-two \u2603", reasoning=["six ", "sevens"])
    replies = rig.ask(MODEL, mode, max_completion_tokens=300)
    assert (said(replies), said(replies, "reasoning_content")) == ("forty-two \u2603", "six sevens")
    assert {reply.model for reply in replies} == {MODEL}
    assert {reply.id for reply in replies} == {"msg_01scripted"}
    assert [choice.finish_reason for choice in replies[-1].choices] == ["stop"]
    last = rig.upstream.last
    assert (last.path, last.headers["x-api-key"]) == ("/v1/messages", "sk-ant-secret")
    assert last.headers["anthropic-version"] == "2023-06-01"
    assert not {"authorization", "anthropic-beta"} & last.headers.keys()
    sent = {"role": "user", "content": [{"type": "text", "text": ASK[0]["content"]}]}
    assert rig.sent() == {
        "model": ANTHROPIC.model,
        "messages": [sent],
        "max_tokens": 300,
        "stream": mode == "stream",
    }


def test_headers_are_the_operators_alone(rig: Rig) -> None:
    client = rig.client.with_options(
        default_headers={"anthropic-beta": "mine", "anthropic-version": "mine", "x-team": "red"}
    )
    client.chat.completions.create(model=f"tuned/{ANTHROPIC.model}", messages=ASK)
    headers = rig.upstream.last.headers
    assert (headers["anthropic-beta"], headers["anthropic-version"]) == ("one-2026,two-2026", "2026-01-01")
    assert (headers["x-api-key"], headers["x-team"]) == ("sk-ant-secret", "blue")


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_of_tools_keeps_the_thinking_with_its_signature(rig: Rig, mode: str) -> None:
    script(rig, mode, "Let me look.", reasoning=["look ", "it up"], tool_calls=CALLS)
    choice = whole(rig, mode, tools=[TOOL])
    assert choice.finish_reason == "tool_calls"
    made = choice.message.tool_calls
    assert [(call.id, call.type) for call in made] == [("toolu_0", "function"), ("toolu_1", "function")]
    assert [(call.function.name, call.function.arguments) for call in made] == CALLS
    turn = choice.message.model_dump(exclude_none=True)
    assert turn["reasoning_content"] == "look it up"
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in made]
    script(rig, mode, "wet")
    assert whole(rig, mode, messages=[*ASK, turn, *results], tools=[TOOL]).message.content == "wet"
    _, assistant, user = rig.sent()["messages"]
    assert assistant["content"] == [
        thinking("look it up"),
        {"type": "text", "text": "Let me look."},
        *(tool_use(number, *call) for number, call in enumerate(CALLS)),
    ]
    answered = [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in made]
    assert user == {"role": "user", "content": answered}
    assert rig.sent()["tools"] == [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]


@pytest.mark.parametrize("mode", MODES)
def test_blocks_without_an_equivalent_come_back_as_they_were(rig: Rig, mode: str) -> None:
    cited = {"type": "web_search_result_location", "url": "https://a.example", "cited_text": "x"}
    blocks: list[dict[str, Any]] = [
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "server_tool_use", "id": "srvtoolu_0", "name": "web_search", "input": {"query": "rain"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_0", "content": [{"url": "https://a.example"}]},
        {"type": "text", "text": "It rains.", "citations": [cited]},
    ]
    if mode == "stream":
        search = {**blocks[1], "input": {}}
        pieces: list[list[dict[str, Any]]] = [
            [blocks[0]],
            [search, *({"type": "input_json_delta", "partial_json": part} for part in ('{"query":', '"rain"}'))],
            [blocks[2]],
            [
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": cited},
                {"type": "text_delta", "text": "It rains."},
                {"type": "unheard_of_delta", "text": "?"},
            ],
        ]
        rig.upstream.script(Stream([*events(*pieces)[:-1], event("unheard_of"), event("message_stop")], done=False))
    else:
        rig.upstream.script(Answer(message(*blocks)))
    choice = whole(rig, mode)
    turn = choice.message.model_dump(exclude_none=True)
    assert (choice.message.content, choice.message.tool_calls) == ("It rains.", None)
    rig.ask(MODEL, messages=[*ASK, turn, *ASK])
    assert rig.sent()["messages"][1] == {"role": "assistant", "content": blocks}


def test_a_tool_call_without_arguments(rig: Rig) -> None:
    call = {"type": "tool_use", "id": "toolu_0", "name": "now", "input": {}}
    rig.upstream.script(Stream(events([call], [{"type": "text", "text": "so"}], stop_reason="tool_use"), done=False))
    choice = whole(rig, "stream", tools=[TOOL])
    assert (choice.message.tool_calls[0].function.arguments, choice.message.content) == ("{}", "so")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "content_filter"),
        ("unheard_of", "stop"),
    ],
)
def test_finish_reasons(rig: Rig, mode: str, given: str, shown: str) -> None:
    script(rig, mode, "so", stop_reason=given)
    assert rig.ask(MODEL, mode)[-1].choices[0].finish_reason == shown


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_without_a_word(rig: Rig, mode: str) -> None:
    script(rig, mode, stop_reason="refusal")
    replies = rig.ask(MODEL, mode)
    assert (said(replies), replies[-1].choices[0].finish_reason) == ("", "content_filter")


def test_structured_output(rig: Rig) -> None:
    class City(pydantic.BaseModel):
        name: str

    script(rig, "plain", '{"name":"Oslo"}')
    reply = rig.client.chat.completions.parse(model=MODEL, messages=ASK, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Oslo")
    form = rig.sent()["output_config"]["format"]
    assert (form["type"], form["schema"]["properties"]) == (
        "json_schema",
        {"name": {"title": "Name", "type": "string"}},
    )


def test_usage_is_in_openais_meaning(rig: Rig) -> None:
    shown = []
    for stream, fields in ((False, {}), (True, {}), (True, {"stream_options": {"include_usage": True}})):
        script(rig, "stream" if stream else "plain", "42", reasoning=["hm"])
        replies = rig.ask(MODEL, "stream" if stream else "plain", **fields)
        shown.append([reply.usage.model_dump(exclude_none=True) for reply in replies if reply.usage])
    assert [len(usages) for usages in shown] == [1, 0, 1]
    for usage in (shown[0][0], shown[2][0]):
        counts = (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
        assert counts == (10_012, 90, 10_102)
        assert usage["prompt_tokens_details"] == {"cached_tokens": 8_000, "cache_write_tokens": 2_000}
        assert usage["completion_tokens_details"] == {"reasoning_tokens": 40}
        assert usage["cache_creation"]["ephemeral_5m_input_tokens"] == 2_000
    for row in rig.gateway.router("usage", "show", "--limit", "3"):
        kept = (row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"], row["reasoning_tokens"])
        assert (kept, row["estimated"]) == ((10_012, 90, 8_000, 40), False)


@pytest.mark.parametrize("mode", MODES)
def test_no_usage_is_an_estimate(rig: Rig, mode: str) -> None:
    script(rig, mode, "hello", usage=None)
    assert rig.ask(MODEL, mode)[-1].usage is None
    assert rig.gateway.router("usage", "show", "--limit", "1")[0]["estimated"]


def test_a_cap_is_always_sent(rig: Rig) -> None:
    rig.ask(MODEL)
    assert rig.sent()["max_tokens"] == 128_000
    rig.ask("anthropic/claude-unheard-of")
    assert rig.sent()["max_tokens"] == 4096
    replies = rig.ask(MODEL, "stream", messages=[{"role": "user", "content": "one two three"}], max_tokens=2)
    assert (said(replies), replies[-1].choices[0].finish_reason) == ("one two", "length")


@pytest.mark.parametrize(("row", "mode"), ERRORS, ids=[f"{row.name}, {mode}" for row, mode in ERRORS])
def test_a_documented_error(rig: Rig, row: ErrorRow, mode: str) -> None:
    rig.upstream.script(row.answer())
    shown = row.shown or KINDS[row.kind].status
    with pytest.raises(openai.APIStatusError) as caught:
        rig.ask(spare(), mode)
    assert (type(caught.value), caught.value.status_code) == (client_error(shown), shown)
    assert caught.value.response.headers.get("retry-after") == (None if row.wait_s is None else f"{row.wait_s:g}")
    assert len(rig.upstream.requests) == 1
    hidden = row.kind in ("auth", "billing")
    assert (row.body["error"]["message"] in caught.value.message) is not hidden


def test_the_kinds_are_on_the_usage_rows(rig: Rig) -> None:
    for row in ANTHROPIC.errors:
        rig.upstream.script(row.answer())
        with pytest.raises(openai.APIStatusError):
            rig.ask(spare())
    rows = rig.gateway.router("usage", "show", "--limit", str(len(ANTHROPIC.errors)))
    attempts = [row["attempts"][0] for row in reversed(rows)]
    assert [(one["kind"], one["status"]) for one in attempts] == [(row.kind, row.status) for row in ANTHROPIC.errors]


@pytest.mark.parametrize("output", [False, True], ids=["before output", "after output"])
def test_an_error_event_inside_a_stream(rig: Rig, output: bool) -> None:
    failure = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    made = events([{"type": "text", "text": ""}, {"type": "text_delta", "text": "forty"}])
    rig.upstream.script(Stream([*made[: 4 if output else 2], failure], done=False))
    got: list[Any] = []
    with pytest.raises(openai.APIError, match="Overloaded") as caught:
        got.extend(rig.client.chat.completions.create(model=spare(), messages=ASK, stream=True))
    assert caught.value.code == KINDS["overloaded"].code
    assert said(got) == ("forty" if output else "")
    assert isinstance(caught.value, openai.InternalServerError) is not output


@pytest.mark.parametrize("delivery", [{"write_size": 7}, {"joined": True}, {"gzip": True}, {"framing": "eof"}], ids=str)
def test_how_events_are_cut_into_packets_decides_nothing(rig: Rig, delivery: dict[str, Any]) -> None:
    script(rig, "stream", "forty", "-two \u2603", reasoning=["six ", "sevens"], tool_calls=CALLS, **delivery)
    choice = whole(rig, "stream")
    assert (choice.message.content, choice.message.reasoning_content) == ("forty-two \u2603", "six sevens")
    assert [(call.function.name, call.function.arguments) for call in choice.message.tool_calls] == CALLS


@pytest.mark.parametrize("left", [2, 4, 5], ids=["before output", "after a delta", "before the finish"])
def test_a_stream_that_is_cut_fails(rig: Rig, left: int) -> None:
    made = events([{"type": "text", "text": ""}, {"type": "text_delta", "text": "forty"}])
    rig.upstream.script(Stream(made, done=False, cut_after=left))
    got: list[Any] = []
    with pytest.raises(openai.APIError):
        got.extend(rig.client.chat.completions.create(model=spare(), messages=ASK, stream=True))
    assert said(got) == ("" if left == 2 else "forty")


def test_what_a_cut_stream_said_of_its_prompt_is_kept(rig: Rig) -> None:
    made = events([{"type": "text", "text": ""}, {"type": "text_delta", "text": "forty"}], usage={"input_tokens": 777})
    rig.upstream.script(Stream(made, done=False, cut_after=4))
    with pytest.raises(openai.APIError):
        list(rig.client.chat.completions.create(model=spare(), messages=ASK, stream=True))
    row = rig.gateway.router("usage", "show", "--limit", "1")[0]
    assert (row["prompt_tokens"], row["completion_tokens"]) == (777, 1)


def test_a_stream_that_ends_without_its_last_event_is_whole(rig: Rig) -> None:
    rig.upstream.script(Stream(events([{"type": "text", "text": "so"}])[:-1], done=False))
    replies = rig.ask(MODEL, "stream")
    assert (said(replies), replies[-1].choices[0].finish_reason) == ("so", "stop")


def test_a_client_that_leaves_is_charged_for_the_whole_answer(rig: Rig) -> None:
    go_on = threading.Event()
    made = events([{"type": "text", "text": ""}, *({"type": "text_delta", "text": f"{n} "} for n in range(9))])
    rig.upstream.script(Stream([*made[:5], go_on, *made[5:]], done=False))
    with rig.client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as stream:
        next(iter(stream))
    go_on.set()
    rig.upstream.wait_for(lambda: rig.upstream.last.ending == "complete")
    rig.upstream.wait_for(lambda: rig.gateway.router("usage", "show", "--limit", "1")[0]["completion_tokens"] == 90)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'{"data":[]}', b'{"content":1}'])
def test_what_is_not_anthropic(rig: Rig, mode: str, body: bytes) -> None:
    rig.upstream.script(Answer(body))
    with pytest.raises(openai.InternalServerError):
        rig.ask(spare(), mode)
    assert len(rig.upstream.requests) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_host_that_is_not_there_is_left_at_once(rig: Rig, mode: str) -> None:
    assert said(rig.ask(f"gone/{ANTHROPIC.model}", mode)) == ASK[0]["content"]
    attempts = rig.gateway.router("usage", "show", "--limit", "1")[0]["attempts"]
    assert [(one["provider"], one["kind"]) for one in attempts] == [("gone", "connection"), ("anthropic", "ok")]


def test_a_connection_that_is_reset(rig: Rig) -> None:
    rig.upstream.script(Raw(reset=True))
    with pytest.raises(openai.InternalServerError) as caught:
        rig.ask(spare())
    assert caught.value.code == KINDS["connection"].code


def test_no_embeddings(rig: Rig) -> None:
    with pytest.raises(openai.BadRequestError, match="does not serve embeddings"):
        rig.client.embeddings.create(model=MODEL, input="x")


def test_no_key_in_any_answer(rig: Rig) -> None:
    rig.upstream.script(Answer.error(400, "sk-ant-secret is your key", type="invalid_request_error"))
    with pytest.raises(openai.BadRequestError) as caught:
        rig.ask(spare())
    assert "sk-ant-secret" not in caught.value.message


def test_anthropics_id_of_a_failed_call_is_in_the_log(rig: Rig) -> None:
    rig.upstream.script(Answer.error(529, type="overloaded_error", headers={"request-id": "req_01ToBeFound"}))
    with pytest.raises(openai.InternalServerError):
        rig.ask(spare())
    rig.upstream.wait_for(lambda: "req_01ToBeFound" in rig.gateway.log_path.read_text(encoding="utf-8"))


def test_models_are_listed_page_by_page(rig: Rig) -> None:
    pages = [
        {"data": [{"id": "claude-a", "created_at": "2026-02-19T00:00:00Z"}], "has_more": True, "last_id": "claude-a"},
        {"data": [{"id": "claude-b", "max_input_tokens": 9, "max_tokens": 3}, {}, None], "has_more": False},
    ]
    rig.upstream.script(*(Answer(page) for page in pages), path="/v1/models")
    [result] = rig.gateway.router("models", "sync", "tuned")
    assert result["added"] == ["tuned/claude-a", "tuned/claude-b"]
    assert [request.query for request in rig.upstream.requests] == ["limit=1000", "limit=1000&after_id=claude-a"]
