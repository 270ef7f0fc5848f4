"""What providers want back with their reasoning, on Google's wire and on Ollama's: it comes to the client, and with the
client's next request to whoever gave it; to nobody else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from google import genai
from google.genai import types
from lanes_wire import THINKING, Lanes, Payer

from router.testing import Answer, Result, Script, completion
from router.testing.upstream.wires.anthropic import SIGNATURE
from router.testing.upstream.wires.shape import Wire

pytestmark = pytest.mark.slow

WIRES: Mapping[str, Wire] = {wire.name: wire for wire in THINKING}
THEIRS = "c2lnbmF0dXJlIG9mIGdlbWluaQ=="
THOUGHT = "Rain, perhaps."
CALL = ("weather", '{"city":"Oslo"}')
TWO_CALLS = [CALL, ("clock", "{}")]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
MODES = ("google", "google list", "google events", "ollama", "ollama lines")
DOOR = pytest.mark.parametrize("mode", MODES)
GIVER = pytest.mark.parametrize("giver", WIRES)
WANTED = {"gemini": THEIRS, "deepseek": THOUGHT, "anthropic": SIGNATURE}
"""What each provider must be sent again."""


def script_of(giver: str, *words: str, calls: list[tuple[str, str]], stream: bool) -> Script:
    """An answer with reasoning, and calls; Gemini's with a signature beside the first of them."""
    wire = WIRES[giver]
    made: Any = (wire.stream if stream else wire.plain)(*words, reasoning=[THOUGHT], tool_calls=calls)
    if giver != "gemini":
        return made  # type: ignore[no-any-return]
    signed = {"extra_content": {"google": {"thought_signature": THEIRS}}}
    for body in made.events if stream else [made.body]:
        for choice in body["choices"]:
            said = choice.get("message") or choice.get("delta") or {}
            if said.get("tool_calls") and said["tool_calls"][0]["function"]["name"] == CALL[0]:
                said["tool_calls"][0] |= signed
    return made  # type: ignore[no-any-return]


def asked(lanes: Lanes, payer: Payer, mode: str, model: str, turns: list[Any]) -> Result:
    """A request of a conversation, with tools."""
    names = [name for name, _ in TWO_CALLS]
    if mode.startswith("ollama"):
        functions = [{"type": "function", "function": {"name": one, "parameters": PARAMETERS}} for one in names]
        body = {"model": model, "messages": turns, "tools": functions, "stream": mode == "ollama lines"}
        return lanes.post(payer, "/api/chat", body)
    declared = [{"name": one, "parametersJsonSchema": PARAMETERS} for one in names]
    tail = {"google": ":generateContent", "google list": ":streamGenerateContent"}
    path = f"/v1beta/models/{model}{tail.get(mode, ':streamGenerateContent?alt=sse')}"
    return lanes.post(payer, path, {"contents": turns, "tools": [{"functionDeclarations": declared}]})


def pieces_of(mode: str, answer: Result) -> list[Any]:
    assert answer.status == 200, answer.body
    if mode == "google events":
        return [json.loads(one.removeprefix("data: ")) for one in answer.body.decode().split("\n\n") if one]
    if mode == "ollama lines":
        return [json.loads(line) for line in answer.body.decode().splitlines()]
    value = answer.json()
    return value if isinstance(value, list) else [value]


def turn_of(mode: str, answer: Result) -> Any:
    """The model's turn as a client keeps it: all its pieces, in their order."""
    pieces = pieces_of(mode, answer)
    if mode.startswith("google"):
        parts = [part for piece in pieces for part in piece["candidates"][0]["content"]["parts"]]
        return {"role": "model", "parts": parts}
    made: dict[str, Any] = {"role": "assistant", "content": "", "thinking": "", "tool_calls": []}
    for piece in pieces:
        for name, value in piece["message"].items():
            made[name] = value if name in ("role", "thought_signature") else made[name] + value
    return made


def results(mode: str, turn: Any) -> list[Any]:
    """What the client's tools gave."""
    if mode.startswith("google"):
        called = [part["functionCall"] for part in turn["parts"] if "functionCall" in part]
        found = [{"functionResponse": {"id": one["id"], "name": one["name"], "response": {}}} for one in called]
        return [{"role": "user", "parts": found}] if found else [said(mode, "And?")]
    called = turn["tool_calls"]
    given: list[Any] = [{"role": "tool", "tool_call_id": one["id"], "content": "wet"} for one in called]
    return given or [said(mode, "And?")]


def said(mode: str, text: str) -> Any:
    return (
        {"role": "user", "parts": [{"text": text}]} if mode.startswith("google") else {"role": "user", "content": text}
    )


def first_turn(lanes: Lanes, payer: Payer, mode: str, giver: str, calls: list[tuple[str, str]]) -> list[Any]:
    """A conversation up to what the client's tools gave."""
    stream = mode not in ("google", "ollama")
    lanes.upstream.script(script_of(giver, *(() if calls else ("Hm.",)), calls=calls, stream=stream))
    opening = said(mode, "What is the weather?")
    turn = turn_of(mode, asked(lanes, payer, mode, f"{giver}/m", [opening]))
    return [opening, turn, *results(mode, turn)]


def sent_next(lanes: Lanes, payer: Payer, mode: str, giver: str, turns: list[Any]) -> Any:
    """What a provider is sent of a conversation."""
    stream = mode not in ("google", "ollama")
    wire = WIRES.get(giver.removesuffix("-too"))
    fine: Script = Answer(completion("Fine.")) if wire is None else (wire.stream if stream else wire.plain)("Fine.")
    if wire is None and stream:
        fine = WIRES["deepseek"].stream("Fine.")
    lanes.upstream.script(fine)
    answer = asked(lanes, payer, mode, f"{giver}/m", turns)
    assert answer.status == 200, answer.body
    return lanes.upstream.last.json()


@DOOR
@GIVER
@pytest.mark.parametrize("calls", [[CALL], TWO_CALLS], ids=["one call", "two calls"])
def test_it_comes_back_to_whoever_gave_it(lanes: Lanes, mode: str, giver: str, calls: list[tuple[str, str]]) -> None:
    payer = lanes.payer()
    sent = sent_next(lanes, payer, mode, giver, first_turn(lanes, payer, mode, giver, calls))
    model = next(one for one in sent["messages"] if one["role"] == "assistant")
    assert WANTED[giver] in json.dumps(model)
    if giver == "gemini":
        assert model["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": THEIRS}}
        assert all("extra_content" not in one for one in model["tool_calls"][1:])
    if giver == "deepseek":
        assert model["reasoning_content"] == THOUGHT
    if giver == "anthropic":
        assert model["content"][0] == {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    lanes.expect_no_fault()


@DOOR
@pytest.mark.parametrize("giver", ["deepseek", "anthropic"])
def test_of_an_answer_without_calls_too(lanes: Lanes, mode: str, giver: str) -> None:
    if mode == "ollama lines":
        pytest.skip("clients of Ollama put content, thinking and calls of a stream together, and nothing else")
    payer = lanes.payer()
    sent = sent_next(lanes, payer, mode, giver, first_turn(lanes, payer, mode, giver, []))
    assert WANTED[giver] in json.dumps(sent["messages"])


@DOOR
@pytest.mark.parametrize("giver", ["gemini", "anthropic"])
@pytest.mark.parametrize("who", ["another account", "another provider", "another model"])
def test_to_nobody_else(lanes: Lanes, mode: str, giver: str, who: str) -> None:
    payer = lanes.payer()
    turns = first_turn(lanes, payer, mode, giver, [CALL])
    other = {"another provider": "chat", "another model": f"{giver}-too"}.get(who, giver)
    asks = lanes.payer() if who == "another account" else payer
    sent = sent_next(lanes, asks, mode, other, turns)
    assert WANTED[giver] not in json.dumps(sent)
    assert "Oslo" in json.dumps(sent), "the call itself goes on"


def replaced(value: Any, name: str, new: Any) -> Any:
    if isinstance(value, dict):
        return {one: new if one == name else replaced(held, name, new) for one, held in value.items()}
    return [replaced(one, name, new) for one in value] if isinstance(value, list) else value


NONE_OF_OURS = [
    "",
    "x",
    "gw1:",
    "gw1:AAAA",
    "=" * 9,
    *(base64.b64encode(one).decode() for one in (b"gw1:AA", b"\xff\x00")),
]


@DOOR
@pytest.mark.parametrize("odd", NONE_OF_OURS)
def test_what_is_no_signature_of_ours_is_left_out(lanes: Lanes, mode: str, odd: str) -> None:
    payer = lanes.payer()
    turns = first_turn(lanes, payer, mode, "anthropic", [CALL])
    name = "thoughtSignature" if mode.startswith("google") else "thought_signature"
    sent = sent_next(lanes, payer, mode, "anthropic", replaced(turns, name, odd))
    assert SIGNATURE not in json.dumps(sent)
    lanes.expect_no_fault()


@pytest.mark.parametrize("giver", ["gemini", "anthropic"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_googles_sdk_brings_it_back(lanes: Lanes, giver: str, stream: bool) -> None:
    payer = lanes.payer()
    declared = types.FunctionDeclaration(name=CALL[0], parameters_json_schema=PARAMETERS)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    options = types.HttpOptions(base_url=lanes.gateway.url)
    with genai.Client(api_key=payer.text, http_options=options) as client:
        chat = client.chats.create(model=f"{giver}/m", config=config)
        lanes.upstream.script(script_of(giver, calls=[CALL], stream=stream))
        for message in (["What?"], [types.Part.from_function_response(name=CALL[0], response={"output": "wet"})]):
            if stream:
                assert list(chat.send_message_stream(message))
            else:
                assert chat.send_message(message).candidates
            lanes.upstream.script((WIRES[giver].stream if stream else WIRES[giver].plain)("Fine."))
    assert WANTED[giver] in json.dumps(lanes.upstream.last.json())
