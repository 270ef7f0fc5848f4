"""Google's own SDK against the gateway: plain, streamed, functions, pictures, schemas, vectors, counts, lists."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from faces_room import CALL, EMBEDDER, MODEL, PNG, USED, Room
from google import genai
from google.genai import errors, types

from router.testing import Answer, Stream, chunks, completion, embeddings, token_usage, vector

pytestmark = pytest.mark.slow

WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="The weather.",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={"city": types.Schema(type=types.Type.STRING, nullable=True)},
                required=["city"],
            ),
        )
    ]
)
MODES = ("plain", "stream")


@pytest.fixture
def client(room: Room) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=room.url)
    with genai.Client(api_key=room.gateway.api_key, http_options=options) as client:
        yield client


def script(room: Room, mode: str, *words: str, **fields: Any) -> None:
    if mode == "stream":
        room.upstream.script(Stream(chunks(*words, usage=USED, include_usage=True, **fields)))
    else:
        room.upstream.script(Answer(completion("".join(words) or None, usage=USED, **fields)))


def ask(client: genai.Client, mode: str, contents: Any, **config: Any) -> list[Any]:
    given = types.GenerateContentConfig(**config)
    if mode == "plain":
        return [client.models.generate_content(model=MODEL, contents=contents, config=given)]
    return list(client.models.generate_content_stream(model=MODEL, contents=contents, config=given))


def parts_of(answers: list[Any]) -> list[Any]:
    return [part for one in answers for part in one.candidates[0].content.parts]


def test_a_stream_that_is_kept_awake_is_read(room: Room, client: genai.Client) -> None:
    made = chunks("Forty", "-two", usage=USED, include_usage=True)
    room.upstream.script(Stream([0.3, *made[:2], 0.3, *made[2:]]))  # some heartbeats long
    answers = ask(client, "stream", "What?")
    assert "".join(part.text or "" for part in parts_of(answers)) == "Forty-two"


@pytest.mark.parametrize("mode", MODES)
def test_text_settings_and_usage(room: Room, client: genai.Client, mode: str) -> None:
    script(room, mode, "Forty", "-two")
    answers = ask(
        client,
        mode,
        "What?",
        system_instruction="Be brief.",
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=33,
        stop_sequences=["END"],
        seed=7,
    )
    assert "".join(part.text for part in parts_of(answers)) == "Forty-two"
    last = answers[-1]
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    used = last.usage_metadata
    assert (used.prompt_token_count, used.candidates_token_count, used.total_token_count) == (100, 20, 120)
    assert last.model_version == MODEL and last.response_id
    sent = room.sent
    system = {"role": "system", "content": "Be brief."}
    assert sent["messages"] == [system, {"role": "user", "content": "What?"}]
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"]) == (0.5, 0.9, ["END"], 7)
    assert 33 in (sent.get("max_completion_tokens"), sent.get("max_tokens"))


@pytest.mark.parametrize("mode", MODES)
def test_a_call_and_its_result_in_the_next_turn(room: Room, client: genai.Client, mode: str) -> None:
    script(room, mode, tool_calls=[CALL, CALL])
    calling = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
        )
    )
    answers = ask(client, mode, "Weather?", tools=[WEATHER], tool_config=calling)
    calls = [part.function_call for part in parts_of(answers) if part.function_call]
    assert [(call.name, call.args) for call in calls] == [("weather", {"city": "Oslo"})] * 2
    shape = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}, "required": ["city"]}
    function = {"name": "weather", "description": "The weather.", "parameters": shape}
    assert room.sent["tools"] == [{"type": "function", "function": function}]
    assert room.sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    turns = [
        types.Content(role="user", parts=[types.Part(text="Weather?")]),
        types.Content(role="model", parts=[part for part in parts_of(answers) if part.function_call]),
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name="weather", response={"result": f"rain {n}"}) for n in (0, 1)],
        ),
    ]
    script(room, mode, "It rains.")
    last = ask(client, mode, turns, tools=[WEATHER])
    assert "".join(part.text for part in parts_of(last)) == "It rains."
    told = room.sent["messages"]
    assert [call["id"] for call in told[1]["tool_calls"]] == [one["tool_call_id"] for one in told[2:]]
    assert [one["content"] for one in told[2:]] == ["rain 0", "rain 1"]
    assert {call["function"]["arguments"] for call in told[1]["tool_calls"]} == {'{"city":"Oslo"}'}


@pytest.mark.parametrize("mode", MODES)
def test_thoughts_are_shown_to_who_asks_for_them(room: Room, client: genai.Client, mode: str) -> None:
    thoughts: Any = "Hm." if mode == "plain" else ["H", "m."]
    for wanted in (True, False):
        script(room, mode, "Yes.", reasoning_content=thoughts)
        thinking = types.ThinkingConfig(include_thoughts=wanted, thinking_budget=100)
        shown = parts_of(ask(client, mode, "Sure?", thinking_config=thinking))
        assert "".join(part.text for part in shown if part.thought) == ("Hm." if wanted else "")
        assert "".join(part.text for part in shown if not part.thought) == "Yes."
        assert room.sent["reasoning_effort"] == "low"


def test_pictures_inline(room: Room, client: genai.Client) -> None:
    script(room, "plain", "A dot.")
    picture = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    assert ask(client, "plain", [picture, "What is it?"])[0].text == "A dot."
    shown, text = room.sent["messages"][0]["content"]
    assert shown == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert text == {"type": "text", "text": "What is it?"}


def test_an_answer_by_schema(room: Room, client: genai.Client) -> None:
    script(room, "plain", '{"city":"Oslo"}')
    shape = types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)})
    found = ask(client, "plain", "Where?", response_mime_type="application/json", response_schema=shape)
    assert found[0].parsed == {"city": "Oslo"}
    form = room.sent["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == {"type": "object", "properties": {"city": {"type": "string"}}}
    script(room, "plain", "{}")
    ask(client, "plain", "Where?", response_mime_type="application/json")
    assert room.sent["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("length", types.FinishReason.MAX_TOKENS),
        ("content_filter", types.FinishReason.SAFETY),
        ("stop", types.FinishReason.STOP),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_why_an_answer_ends(room: Room, client: genai.Client, mode: str, told: str, seen: Any) -> None:
    script(room, mode, "So", finish_reason=told)
    assert ask(client, mode, "Go on")[-1].candidates[0].finish_reason == seen


@pytest.mark.parametrize("mode", MODES)
def test_an_error_is_the_sdks_own(room: Room, client: genai.Client, mode: str) -> None:
    room.upstream.script(Answer.error(400, "no such thing", code="nope"))
    with pytest.raises(errors.ClientError) as raised:
        ask(client, mode, "Hello")
    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")
    assert "no such thing" in str(raised.value.message)


def test_a_stream_that_breaks_off_is_an_error_of_the_sdk(room: Room, client: genai.Client) -> None:
    room.upstream.script(Stream(chunks("For", "ty"), cut_after=2))
    with pytest.raises(errors.APIError) as raised:
        ask(client, "stream", "Hello")
    assert raised.value.status == "UNAVAILABLE"
    assert room.row()["ending"] == "cut"


def test_vectors(room: Room, client: genai.Client) -> None:
    room.upstream.script(Answer(embeddings(["one", "two"], usage=token_usage(5, 0))))
    config = types.EmbedContentConfig(output_dimensionality=8)
    found = client.models.embed_content(model=EMBEDDER, contents=["one", "two"], config=config)
    assert [one.values for one in found.embeddings or ()] == [vector("one"), vector("two")]
    sent = room.sent
    assert (sent["input"], sent["dimensions"], sent["model"]) == (["one", "two"], 8, "vectors")
    row = room.row()
    assert (row["route"], row["prompt_tokens"], row["charge"]) == ("google_embed_batch", 5, "0.000005")


def test_counts_and_lists(room: Room, client: genai.Client) -> None:
    few = client.models.count_tokens(model=MODEL, contents="Hello").total_tokens or 0
    many = client.models.count_tokens(model=MODEL, contents="Hello " * 200).total_tokens or 0
    assert 0 < few < 20 and 200 < many < 500
    names = {one.name for one in client.models.list(config={"page_size": 1})}
    assert names >= {f"models/{MODEL}", f"models/{EMBEDDER}"}
    one = client.models.get(model=MODEL)
    assert (one.input_token_limit, one.output_token_limit) == (10_000, 50)
    with pytest.raises(errors.ClientError) as raised:
        client.models.get(model="acme/none")
    assert raised.value.code == 404
    assert not room.upstream.requests
