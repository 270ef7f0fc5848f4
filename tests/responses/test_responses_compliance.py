"""The seven cases of Open Responses' acceptance tests, in either lane, for each kind of provider."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from responses_wire import CALL, NATIVE, TOOL, TRANSLATED, WIRES, Hall, events_in, native_plain, native_stream

PROVIDERS = ("echo", "openai", *TRANSLATED)
CALLING = ("openai", *TRANSLATED)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = f"data:image/png;base64,{PIXEL}"
NULLABLE = {"type": ["string", "null"]}
COUNT = {"type": ["integer", "null"]}
NUMBER = {"type": "number"}
ITEM = {
    "type": "object",
    "required": ["type", "id"],
    "oneOf": [
        {
            "required": ["status", "role", "content"],
            "properties": {
                "type": {"const": "message"},
                "status": {"enum": ["in_progress", "completed", "incomplete"]},
                "content": {
                    "type": "array",
                    "items": {"type": "object", "required": ["type", "text", "annotations", "logprobs"]},
                },
            },
        },
        {
            "required": ["call_id", "name", "arguments", "status"],
            "properties": {"type": {"const": "function_call"}, "arguments": {"type": "string"}},
        },
        {"required": ["summary"], "properties": {"type": {"const": "reasoning"}, "summary": {"type": "array"}}},
    ],
}
USAGE = {
    "type": "object",
    "required": ["input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details"],
    "properties": {
        "input_tokens_details": {"required": ["cached_tokens"], "properties": {"cached_tokens": {"type": "integer"}}},
        "output_tokens_details": {
            "required": ["reasoning_tokens"],
            "properties": {"reasoning_tokens": {"type": "integer"}},
        },
    },
}
PROPERTIES = {
    "id": {"type": "string"},
    "object": {"const": "response"},
    "created_at": {"type": "integer"},
    "completed_at": COUNT,
    "status": {"type": "string"},
    "incomplete_details": {"type": ["object", "null"]},
    "model": {"type": "string"},
    "previous_response_id": NULLABLE,
    "instructions": NULLABLE,
    "output": {"type": "array", "items": ITEM},
    "error": {"type": ["object", "null"]},
    "tools": {
        "type": "array",
        "items": {"required": ["type", "name", "description", "parameters", "strict"]},
    },
    "tool_choice": {"type": ["string", "object"]},
    "truncation": {"enum": ["auto", "disabled"]},
    "parallel_tool_calls": {"type": "boolean"},
    "text": {"type": "object", "required": ["format"]},
    "top_p": NUMBER,
    "presence_penalty": NUMBER,
    "frequency_penalty": NUMBER,
    "top_logprobs": {"type": "integer"},
    "temperature": NUMBER,
    "reasoning": {"type": ["object", "null"]},
    "user": NULLABLE,
    "usage": {"anyOf": [USAGE, {"type": "null"}]},
    "max_output_tokens": COUNT,
    "max_tool_calls": COUNT,
    "store": {"type": "boolean"},
    "background": {"type": "boolean"},
    "service_tier": {"type": "string"},
    "metadata": {"type": "object"},
    "safety_identifier": NULLABLE,
    "prompt_cache_key": NULLABLE,
}
RESPONSE = {"type": "object", "required": list(PROPERTIES), "properties": PROPERTIES}
USER = {"type": "message", "role": "user"}
INPUTS: dict[str, list[Any]] = {
    "basic": [{**USER, "content": "Say hello in exactly 3 words."}],
    "system prompt": [
        {"type": "message", "role": "system", "content": "You are a pirate."},
        {**USER, "content": "Say hello."},
    ],
    "image": [
        {
            **USER,
            "content": [
                {"type": "input_text", "text": "What do you see?"},
                {"type": "input_image", "image_url": IMAGE},
            ],
        }
    ],
    "multi-turn": [
        {**USER, "content": "My name is Alice."},
        {"type": "message", "role": "assistant", "content": "Hello Alice!"},
        {**USER, "content": "What is my name?"},
    ],
}


def asked(hall: Hall, plugin: str, case: list[Any], *, stream: bool = False, calls: bool = False) -> Any:
    """The answer of a provider of that kind, which says something or calls a tool."""
    words = () if calls else ("Hello ", "there ", "you")
    tool_calls = (CALL,) if calls else ()
    if plugin == "openai":
        hall.upstream.script((native_stream if stream else native_plain)(*words, calls=tool_calls))
    elif plugin != "echo":
        wire = WIRES[plugin]
        hall.upstream.script((wire.stream if stream else wire.plain)(*words, tool_calls=tool_calls))
    model = "echo/echo" if plugin == "echo" else NATIVE if plugin == "openai" else hall.model_of(plugin)
    body = {"model": model, "input": case, "stream": stream} | ({"tools": [TOOL]} if calls else {})
    answer = hall.post(body)
    assert answer.status_code == 200, answer.text
    return answer


def checked(response: Any) -> Any:
    jsonschema.validate(response, RESPONSE)
    assert response["status"] == "completed" and response["output"]
    return response


@pytest.mark.parametrize("case", INPUTS)
@pytest.mark.parametrize("plugin", PROVIDERS)
def test_plain(hall: Hall, plugin: str, case: str) -> None:
    response = checked(asked(hall, plugin, INPUTS[case]).json())
    assert response["output"][-1]["content"][0]["text"]


@pytest.mark.parametrize("plugin", PROVIDERS)
def test_streaming(hall: Hall, plugin: str) -> None:
    answer = asked(hall, plugin, INPUTS["basic"], stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream") and b"[DONE]" not in answer.content
    events = events_in(answer.content)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    checked(events[-1]["response"])
    assert events[-1]["type"] == "response.completed"


@pytest.mark.parametrize("plugin", CALLING)
def test_tool_calling(hall: Hall, plugin: str) -> None:
    response = checked(asked(hall, plugin, INPUTS["basic"], calls=True).json())
    (call,) = (item for item in response["output"] if item["type"] == "function_call")
    assert (call["name"], call["arguments"].replace(" ", "")) == CALL


@pytest.mark.parametrize("plugin", CALLING)
def test_tool_calling_streaming(hall: Hall, plugin: str) -> None:
    events = events_in(asked(hall, plugin, INPUTS["basic"], stream=True, calls=True).content)
    checked(events[-1]["response"])
    kinds = [(event["type"], event.get("item", {}).get("type")) for event in events]
    assert ("response.output_item.added", "function_call") in kinds
    assert ("response.output_item.done", "function_call") in kinds
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= {
        kind for kind, _ in kinds
    }


def test_the_checks_see_what_is_wrong(hall: Hall) -> None:
    response = asked(hall, "echo", INPUTS["basic"]).json()
    for name in ("usage", "temperature", "output"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in response.items() if key != name}, RESPONSE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**response, "output": [{"type": "message", "id": "x"}]}, RESPONSE)
