"""OpenAI's request as Anthropic's: messages, media, tools, thinking, and what is refused by name."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from router_plugins.anthropic import Settings, plugin
from router_plugins.anthropic.request import chat_body

from router import BadRequest, CallContext, ChatCall

ASK: list[Any] = [{"role": "user", "content": "Hi"}]
HI = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
PIXEL = "data:image/PNG;base64,aGVsbG8="
TOOL: Any = {"type": "function", "function": {"name": "weather", "description": "It rains.", "strict": True}}
CACHED = {"type": "ephemeral"}
BARELY = {"type": "enabled", "budget_tokens": 1_499}
ARGUMENTS = "tool_calls[0].function.arguments"
CARDS = {card.model: card for card in plugin.cards}


def made(model: str = "claude-sonnet-5-5", settings: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    """The body that is sent for a client's."""
    context = CallContext("anthropic", model, Settings(**settings or {}), None, card=CARDS.get(model))  # type: ignore[arg-type]
    return chat_body(ChatCall("r", f"anthropic/{model}", {"model": "m", "messages": ASK, **body}), context)


def turns(*messages: dict[str, Any]) -> Any:
    return made(messages=list(messages))["messages"]


def refused(**body: Any) -> tuple[str | None, str | None]:
    """Code and field of the refusal."""
    with pytest.raises(BadRequest) as caught:
        made(**body)
    assert caught.value.param is not None
    assert caught.value.param.rpartition(".")[2] in caught.value.message
    return caught.value.code, caught.value.param


def test_a_plain_body() -> None:
    assert made() == {"model": "claude-sonnet-5-5", "messages": [HI], "stream": False, "max_tokens": 128_000}


def test_system_prompts_are_joined_wherever_they_stand() -> None:
    part = {"type": "text", "text": "Be kind.", "cache_control": CACHED}
    messages = [
        {"role": "system", "content": "Be brief."},
        *ASK,
        {"role": "developer", "content": [part]},
        {"role": "system", "content": ""},
    ]
    body = made(messages=messages)
    assert body["system"] == [{"type": "text", "text": "Be brief."}, part]
    assert body["messages"] == [HI]
    own = {"type": "text", "text": "Mine."}
    assert made(messages=messages, system="Mine.")["system"] == [own, *body["system"]]
    assert made(messages=messages, system=[own])["system"] == [own, *body["system"]]
    assert made(system="Mine.")["system"] == "Mine."


def test_neighbours_of_one_side_become_one_message() -> None:
    found = turns(
        *ASK,
        *ASK,
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
    )
    assert [(turn["role"], [block["text"] for block in turn["content"]]) for turn in found] == [
        ("user", ["Hi", "Hi"]),
        ("assistant", ["a", "b"]),
    ]


def test_messages_without_anything_are_left_out() -> None:
    silent = [
        {"role": "assistant", "content": content} for content in (None, "", " \n", [], [{"type": "text", "text": ""}])
    ]
    assert turns(*ASK, *silent) == [HI]


def test_results_of_tools_come_first_and_together() -> None:
    def result(number: int) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": f"weather:{number}", "content": "rain"}

    calls = [
        {"id": f"weather:{number}", "type": "function", "function": {"name": "weather", "arguments": text}}
        for number, text in enumerate(('{"a":1}', "", None))
    ]
    parts = [{"type": "text", "text": "a map"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    assistant, user = turns(
        {"role": "assistant", "content": None, "tool_calls": calls},
        result(0),
        *ASK,
        {**result(1), "content": parts, "is_error": True},
        {**result(2), "content": ""},
    )
    assert assistant["content"] == [
        {"type": "tool_use", "id": f"weather_{number}", "name": "weather", "input": arguments}
        for number, arguments in enumerate(({"a": 1}, {}, {}))
    ]
    first, second, third, text = user["content"]
    assert first == {"type": "tool_result", "tool_use_id": "weather_0", "content": "rain"}
    assert (second["is_error"], [block["type"] for block in second["content"]]) == (True, ["text", "image"])
    assert (third, text) == ({"type": "tool_result", "tool_use_id": "weather_2"}, HI["content"][0])


def test_images_and_documents() -> None:
    pdf, text = "data:application/pdf;base64,JVBERi0=", base64.b64encode("Grüße".encode()).decode()
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}, "cache_control": CACHED},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "file", "file": {"file_data": pdf, "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": f"data:text/plain;charset=utf-8;base64,{text}"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/dog.png"}},
        {"type": "unheard_of", "a": [1]},
    ]
    [turn] = turns({"role": "user", "content": parts})
    pixel = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    paper = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    assert turn["content"] == [
        {"type": "image", "source": pixel, "cache_control": CACHED},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
        {"type": "document", "source": paper, "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        *parts[4:],
    ]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "text", "text": 5}, ".text"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, ".image_url"),
        ({"type": "image_url"}, ".image_url"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ""),
        ({"type": "file", "file": {"file_id": "file-1"}}, ".file.file_data"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}}, ".file.file_data"),
        ({"type": "file", "file": {"file_data": "data:video/mp4;base64,AAAA"}}, ".file.file_data"),
    ],
)
def test_parts_that_cannot_be_sent(part: dict[str, Any], field: str) -> None:
    messages = [*ASK, {"role": "user", "content": [{"type": "text", "text": "see"}, part]}]
    with pytest.raises(BadRequest) as caught:
        made(messages=messages)
    assert caught.value.param == f"messages[1].content[1]{field}"


def test_what_an_earlier_answer_said() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    before = {"role": "assistant", "content": "so", "reasoning_content": "hm", "name": "n", "annotations": []}
    assert turns(before)[0]["content"] == [{"type": "text", "text": "so"}]
    assert turns({**before, "thinking_blocks": [thought]})[0]["content"] == [thought, {"type": "text", "text": "so"}]
    whole = [{"type": "text", "text": "a"}, thought, {"type": "server_tool_use", "id": "s", "name": "n", "input": {}}]
    assert turns({**before, "content_blocks": whole})[0]["content"] == whole
    assert turns({"role": "assistant", "refusal": "No."})[0]["content"] == [{"type": "text", "text": "No."}]
    marked = turns({"role": "user", "content": "Hi", "cache_control": CACHED})
    assert marked[0]["content"] == [{"type": "text", "text": "Hi", "cache_control": CACHED}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"thinking_blocks": "hm"}, "thinking_blocks"),
        ({"thinking_blocks": [{"type": "image"}]}, "thinking_blocks[0]"),
        ({"content_blocks": [{"type": "text", "text": "a"}, {"type": "document"}]}, "content_blocks[1]"),
        ({"content_blocks": [None]}, "content_blocks[0]"),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
        ({"tool_calls": {"id": "a"}}, "tool_calls"),
        ({"tool_calls": [{"id": "a"}]}, "tool_calls[0]"),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "tool_calls[0].id"),
        *(
            ({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": text}}]}, ARGUMENTS)
            for text in (7, [1], True)
        ),
        ({"role": "tool", "content": "rain"}, "tool_call_id"),
        ({"role": "function", "name": "f", "content": "rain"}, "role"),
    ],
)  # fmt: skip
def test_messages_that_cannot_be_sent(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        made(messages=[*ASK, {"role": "assistant", "content": "x", **fields}])
    assert caught.value.param == f"messages[1].{field}"


def test_tools() -> None:
    own = {"type": "custom", "name": "mine", "input_schema": {"type": "object"}}
    function = {"name": "full", "parameters": {"type": "object", "properties": {"a": {}}}, "strict": False}
    body = made(tools=[TOOL, {"type": "function", "function": function, "cache_control": CACHED}, own])
    empty = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"name": "weather", "description": "It rains.", "strict": True, "input_schema": empty},
        {"name": "full", "input_schema": function["parameters"], "cache_control": CACHED},
        own,
    ]
    for tools in ([{"type": "function"}], ["f"]):
        assert refused(tools=tools) == ("invalid_type", "tools[0]")


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, None),
        ("auto", True, {"type": "auto"}),
        ("required", None, {"type": "any"}),
        ("none", False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
        ({"type": "tool", "name": "f"}, False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, parallel: bool | None, sent: Any) -> None:
    assert made(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel).get("tool_choice") == sent


def test_a_choice_that_has_no_equivalent() -> None:
    assert refused(tools=[TOOL], tool_choice={"type": "allowed_tools"}) == ("invalid_value", "tool_choice")
    assert refused(tools=[TOOL], tool_choice=5) == ("invalid_value", "tool_choice")
    assert "tool_choice" not in made(parallel_tool_calls=False)


@pytest.mark.parametrize(
    ("model", "fields", "thinking", "effort"),
    [
        ("claude-sonnet-5-5", {"reasoning_effort": "minimal"}, {"type": "adaptive"}, "low"),
        ("claude-sonnet-5-5", {"reasoning": {"effort": "xhigh"}}, {"type": "adaptive"}, "xhigh"),
        ("claude-opus-4-6", {"reasoning_effort": "high"}, {"type": "adaptive"}, "high"),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, {"type": "disabled"}, None),
        ("claude-opus-5-5", {"thinking": {"type": "adaptive", "display": "summarized"}}, ..., None),
        ("claude-opus-5-5", {"thinking": {"type": "disabled"}, "reasoning_effort": "low"}, ..., "low"),
        ("claude-haiku-4-5", {"reasoning_effort": "high"}, {"type": "enabled", "budget_tokens": 16_384}, None),
        ("claude-sonnet-4-20250514", {"reasoning_effort": "max"}, {"type": "enabled", "budget_tokens": 4_095}, None),
        ("claude-haiku-4-5", {"reasoning_effort": "low", "max_tokens": 1_500}, BARELY, None),
        ("claude-haiku-4-5", {"reasoning_effort": "low", "thinking": {"type": "disabled"}}, ..., None),
    ],
)  # fmt: skip
def test_thinking(model: str, fields: dict[str, Any], thinking: Any, effort: str | None) -> None:
    body = made(model, **fields)
    assert body["thinking"] == (fields["thinking"] if thinking is ... else thinking)
    assert body.get("output_config", {}).get("effort") == effort
    assert not {"reasoning_effort", "reasoning"} & body.keys()


def test_thinking_that_has_no_room_or_no_name() -> None:
    assert refused(model="claude-haiku-4-5", reasoning_effort="low", max_tokens=1_024)[1] == "reasoning_effort"
    assert refused(reasoning_effort=5) == ("invalid_type", "reasoning_effort")
    assert made(reasoning={"max_tokens": 5})["reasoning"] == {"max_tokens": 5}


def test_fields_that_have_another_name() -> None:
    body = made(
        max_tokens=5,
        max_completion_tokens=7,
        stop="x",
        user="u-1",
        service_tier="default",
        n=1,
        seed=None,
        logprobs=False,
        frequency_penalty=0.0,
        stream_options={"include_usage": True},
        store=True,
        prompt_cache_key="k",
    )
    assert {name: value for name, value in body.items() if name not in ("model", "messages", "stream")} == {
        "max_tokens": 7,
        "stop_sequences": ["x"],
        "metadata": {"user_id": "u-1"},
        "service_tier": "standard_only",
    }
    assert made(safety_identifier="s")["metadata"] == {"user_id": "s"}
    assert made(stop=["a", "b"])["stop_sequences"] == ["a", "b"]


def test_anthropics_own_fields_win_and_unknown_ones_pass() -> None:
    own = {
        "stop_sequences": ["own"],
        "output_config": {"effort": "max", "later": 1},
        "metadata": {"user_id": "own"},
        "service_tier": "auto",
        "top_k": 3,
        "temperature": 0.5,
        "unheard_of": [None],
    }
    body = made(stop="x", user="u", reasoning_effort="low", **own)
    assert {name: body[name] for name in own} == own


def test_response_formats() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    body = made(response_format=form, output_config={"effort": "low"})
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}, "effort": "low"}
    assert "output_config" not in made(response_format={"type": "text"})
    assert refused(response_format={"type": "json_object"}) == ("unsupported_parameter", "response_format.type")
    assert refused(response_format={"type": "json_schema"})[1] == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("seed", 7),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50": 1}),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("functions", [{"name": "f"}]),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "v"}),
        ("prediction", {"type": "content", "content": "x"}),
        ("verbosity", "low"),
    ],
)
def test_what_has_no_equivalent_is_refused_by_name(field: str, value: Any) -> None:
    assert refused(**{field: value}) == ("unsupported_parameter", field)


@pytest.mark.parametrize(
    ("field", "value"), [("fallbacks", [{"model": "claude-fable-5-1"}]), ("inference_geo", "us"), ("speed", "fast")]
)
def test_what_would_cost_more_is_refused(field: str, value: Any) -> None:
    assert refused(**{field: value}) == ("unpriced_extra", field)


@pytest.mark.parametrize("place", ["top", "part", "message", "tool", "system"])
def test_the_one_hour_cache_is_the_operators_to_allow(place: str) -> None:
    control = {"type": "ephemeral", "ttl": "1h"}
    part = {"type": "text", "text": "Hi", "cache_control": control}
    body: dict[str, Any] = {
        "top": {"cache_control": control},
        "part": {"messages": [{"role": "user", "content": [part]}]},
        "message": {"messages": [{**ASK[0], "cache_control": control}]},
        "tool": {"tools": [{**TOOL, "cache_control": control}]},
        "system": {"system": [part]},
    }[place]
    assert refused(**body) == ("unpriced_extra", "cache_control")
    assert "1h" in str(made(settings={"long_cache": True}, **body))
    assert "5m" in str(made(cache_control={"type": "ephemeral", "ttl": "5m"}))


def test_the_clients_body_is_not_changed() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, *ASK], "tools": [TOOL]}
    before = repr(body)
    made(**body, tool_choice={"type": "auto"}, parallel_tool_calls=False, output_config={}, metadata={}, user="u")
    assert repr(body) == before


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("DATA:image/PNG;name=a;charset=x;base64,AA==", {"media_type": "image/png", "data": "AA=="}),
        ("data:image/png;base64,", {"media_type": "image/png", "data": ""}),
        ("data:image/png" + ";a" * 200 + ";base64,AA==", None),
        ("data:" + ";" * 120, None),
        ("data:image/png;base64x,AA==", None),
    ],
)
def test_a_data_url_is_read_by_a_short_head(url: str, source: dict[str, str] | None) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    call = ChatCall("req_1", "anthropic/m", {"messages": [{"role": "user", "content": content}], "max_tokens": 5})
    context = CallContext("anthropic", "m", Settings(), transport=None)  # type: ignore[arg-type]
    if source is None:
        with pytest.raises(BadRequest, match="data URL"):
            chat_body(call, context)
    else:
        block = chat_body(call, context)["messages"][0]["content"][0]
        assert block == {"type": "image", "source": {"type": "base64", **source}}
