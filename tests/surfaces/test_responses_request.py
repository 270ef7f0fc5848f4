"""Bodies of ``POST /v1/responses`` as chat bodies: each field, item and tool by its rung of the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from router.errors import BadRequest
from router.surfaces.canonical.ladder import FieldRung
from router.surfaces.responses.fields import LADDER
from router.surfaces.responses.request import AskedResponse, ask, check_body, items_of
from router.surfaces.responses.tools import SPARED_TYPES

IMAGE = "data:image/png;base64,AA=="
PROOFS: Mapping[str, Mapping[str, Any]] = {
    "gw1:whole": {"text": "I think", "thinking_blocks": [{"signature": "s"}]},
    "gw1:calls": {"calls": {"c1": {"extra_content": {"google": {"thought_signature": "x"}}}}},
}


def asked(**body: Any) -> AskedResponse:
    return without((), **body)


def without(dropped_types: tuple[str, ...], **body: Any) -> AskedResponse:
    """Where the operator has tools of these types left out."""
    body = {"model": "p/m", "input": "Hi", **body}
    check_body(body)
    return ask(body, items_of(body), PROOFS.get, dropped_types)


def messages(*items: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = asked(input=list(items), **body).chat["messages"]
    return made


def refusal(**body: Any) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        asked(**body)
    return raised.value


def test_a_text_is_a_users_message() -> None:
    assert asked().chat == {"model": "p/m", "messages": [{"role": "user", "content": "Hi"}]}


def test_instructions_come_first_and_are_the_systems() -> None:
    made = messages({"role": "developer", "content": "b"}, {"role": "user", "content": "c"}, instructions="a")
    assert [(one["role"], one["content"]) for one in made] == [("system", "a"), ("developer", "b"), ("user", "c")]


PASSED = {
    "temperature": 0.5,
    "top_p": 1,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "parallel_tool_calls": False,
    "service_tier": "flex",
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "stream": True,
    "model": "p/m",
}
SCHEMA = {"type": "object", "properties": {}}
FORMAT = {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True, "description": "d"}
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
TRANSLATED: dict[str, tuple[Any, dict[str, Any]]] = {
    "input": ("Hi", {"messages": [{"role": "user", "content": "Hi"}]}),
    "instructions": (None, {}),
    "max_output_tokens": (7, {"max_completion_tokens": 7}),
    "reasoning": ({}, {}),
    "reasoning.effort": ({"effort": "high"}, {"reasoning_effort": "high"}),
    "text": ({"format": {"type": "text"}}, {}),
    "text.format": (
        {"format": FORMAT},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": SCHEMA, "strict": True, "description": "d"},
            }
        },
    ),
    "text.verbosity": ({"verbosity": "low"}, {"verbosity": "low"}),
    "tools": ([TOOL], {"tools": [{"type": "function", "function": {k: v for k, v in TOOL.items() if k != "type"}}]}),
    "tool_choice": ("auto", {}),
    "top_logprobs": (2, {"logprobs": True, "top_logprobs": 2}),
    "include": (["message.output_text.logprobs"], {"logprobs": True}),
    "store": (True, {}),
    "previous_response_id": ("resp_1", {}),
    "metadata": ({"a": "b"}, {}),
}


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_each_row_of_the_ladder(rung: FieldRung) -> None:
    top, _, inner = rung.name.partition(".")
    if rung.rung == "pass":
        chat = asked(**{rung.name: PASSED[rung.name]}, tools=[TOOL]).chat
        assert chat[rung.name] == PASSED[rung.name]
    elif rung.rung == "translate":
        value, told = TRANSLATED[rung.name]
        chat = asked(**{top: value}).chat
        assert {name: chat.get(name) for name in told} == told
        assert chat.keys() <= {"model", "messages", *told, "top_logprobs"}
    elif rung.rung == "drop":
        made = asked(**{top: {inner: "x"} if inner else {"x": 1}})
        assert made.dropped == [rung.name] and top not in made.chat
    else:
        error = refusal(**{top: {inner: "x"} if inner else "x"})
        assert error.param == rung.name and rung.note in error.message
        for harmless in (None, *rung.harmless):
            assert asked(**{top: {inner: harmless} if inner else harmless}).dropped == []


def test_unknown_fields_pass_and_those_that_choose_a_host_are_dropped() -> None:
    made = asked(echo={"delay_s": 1}, api_base="https://x", seed=4)
    assert made.chat["echo"] == {"delay_s": 1} and made.chat["seed"] == 4 and "api_base" not in made.chat
    assert made.dropped == ["api_base"]


def test_a_streams_usage_is_always_asked_for() -> None:
    assert asked(stream=True).chat["stream_options"] == {"include_usage": True}


def test_what_an_assistant_said_and_called_is_one_message_and_results_follow() -> None:
    made = messages(
        {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": IMAGE}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "think"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}], "phase": "x"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_image", "image_url": IMAGE}]},
        {"role": "user", "content": "go on"},
    )
    assert [one["role"] for one in made] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert made[0]["content"][1] == {"type": "image_url", "image_url": {"url": IMAGE}}
    said = made[1]
    assert (said["content"], said["reasoning_content"]) == ("b", "think")
    assert [call["id"] for call in said["tool_calls"]] == ["c1", "c2"]
    assert said["tool_calls"][1]["function"]["arguments"] == '{"input":"*** Begin"}'
    assert made[2]["content"] == "one" and made[4]["content"][1]["image_url"] == {"url": IMAGE}


def test_all_parts_have_their_place() -> None:
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": IMAGE, "detail": "low"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]
    (made,) = messages({"role": "user", "content": parts})
    assert [part["type"] for part in made["content"]] == ["text", "image_url", "file", "input_audio"]
    assert made["content"][1]["image_url"] == {"url": IMAGE, "detail": "low"}
    (refused,) = messages({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]})
    assert refused == {"role": "assistant", "content": None, "refusal": "no"}


def test_reasoning_without_an_answer_is_no_message() -> None:
    made = messages({"role": "user", "content": "a"}, {"type": "reasoning", "summary": [{"text": "x"}]})
    assert [one["role"] for one in made] == ["user"]


def test_proofs_go_back_to_where_they_came_from() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    (made,) = messages(
        {"type": "reasoning", "summary": [], "encrypted_content": "gw1:whole"},
        call,
        {"type": "reasoning", "summary": [], "encrypted_content": "gw1:calls"},
    )
    assert made["thinking_blocks"] == [{"signature": "s"}] and made["reasoning_content"] == "I think"
    assert made["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "x"}}
    shown = {"type": "reasoning", "summary": [{"text": "t"}], "encrypted_content": "another gateway's"}
    (foreign,) = messages(shown, call)
    assert foreign["reasoning_content"] == "t" and "thinking_blocks" not in foreign


NAMESPACE = {
    "type": "namespace",
    "name": "functions",
    "description": "d",
    "tools": [{"type": "function", "name": "exec"}, {"type": "custom", "name": "apply_patch"}],
}


def test_tools_of_namespaces_and_of_items_are_functions_with_names_that_lead_back() -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE, {**NAMESPACE, "name": "mcp"}]}
    made = asked(input=[added, {"role": "user", "content": "x"}], tools=[{"type": "custom", "name": "own"}])
    names = [tool["function"]["name"] for tool in made.chat["tools"]]
    assert names == ["own", "exec", "apply_patch", "mcp__exec", "mcp__apply_patch"]
    back = [made.names.tool_of(name) for name in names]
    assert [(tool.namespace, tool.name, tool.kind) for tool in back] == [
        ("", "own", "custom"),
        ("functions", "exec", "function"),
        ("functions", "apply_patch", "custom"),
        ("mcp", "exec", "function"),
        ("mcp", "apply_patch", "custom"),
    ]


def test_tool_choices() -> None:
    tools = [TOOL, {**TOOL, "name": "g"}, NAMESPACE]
    named = asked(tools=tools, tool_choice={"type": "function", "name": "g"}).chat
    assert named["tool_choice"] == {"type": "function", "function": {"name": "g"}} and len(named["tools"]) == 4
    custom = asked(tools=tools, tool_choice={"type": "custom", "name": "apply_patch"}).chat
    assert custom["tool_choice"]["function"]["name"] == "apply_patch"
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, TOOL]}
    some = asked(tools=tools, tool_choice=allowed).chat
    assert some["tool_choice"] == "required" and [tool["function"]["name"] for tool in some["tools"]] == ["f"]
    assert asked(tools=tools, tool_choice="none").chat["tool_choice"] == "none"
    assert refusal(tools=tools, tool_choice={"type": "function", "name": "nope"}).param == "tool_choice"
    assert refusal(tools=tools, tool_choice={"type": "web_search"}).code == "unsupported_tool"


def test_hosted_tools_are_refused_or_left_out_as_the_operator_wants() -> None:
    tools = [TOOL, {"type": "file_search"}]
    error = refusal(tools=tools)
    assert (error.param, error.code) == ("tools[1].type", "unsupported_tool") and "drop_tools" in error.message
    made = without(("file_search",), tools=tools, tool_choice={"type": "file_search"})
    assert made.dropped == ["tools[1] (file_search)"] and len(made.chat["tools"]) == 1
    assert "tool_choice" not in made.chat


@pytest.mark.parametrize("kind", SPARED_TYPES)
def test_hosted_tools_that_a_client_can_do_without_are_left_out_beside_its_own(kind: str) -> None:
    hosted = {"type": kind}
    made = asked(tools=[TOOL, hosted])
    assert made.dropped == [f"tools[1] ({kind})"] and len(made.chat["tools"]) == 1
    items = [{"type": "additional_tools", "tools": [TOOL]}, {"role": "user", "content": "a"}]
    assert asked(input=items, tools=[hosted]).dropped == [f"tools[0] ({kind})"]
    assert refusal(tools=[hosted]).param == "tools[0].type", "it is all that the client wants"
    assert refusal(tools=[TOOL, hosted], tool_choice=hosted).param == "tools[1].type", "the client insists on it"


def test_include_is_a_list_of_strings() -> None:
    with pytest.raises(BadRequest, match=r"'include\[0\]' must be a string") as refused:
        check_body({"model": "m", "input": "x", "include": [None]})
    assert refused.value.param == "include[0]"


def test_calls_of_hosted_tools_that_are_over_are_left_out() -> None:
    made = asked(input=[{"role": "user", "content": "a"}, {"type": "web_search_call", "id": "ws_1"}])
    assert made.dropped == ["input[1] (web_search_call)"] and len(made.chat["messages"]) == 1


CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"input": [{"type": "nonsense"}]}, "input[0].type"),
        ({"input": [{"type": ["x"]}]}, "input[0].type"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].type"),
        ({"input": [{"type": "local_shell_call"}]}, "input[0].type"),
        ({"input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "nonsense"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]},
            "input[0].content[0].file_data",
        ),
        ({"input": [OUTPUT]}, "input[0]"),
        ({"input": [CALL, OUTPUT, OUTPUT]}, "input[2]"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{**CALL, "call_id": ""}]}, "input[0].call_id"),
        ({"input": [CALL, {**OUTPUT, "output": None}]}, "input[1].output"),
        ({"instructions": ["x"]}, "instructions"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"tools": {}}, "tools"),
        ({"tools": [3]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": 3}]}, "tools[0].parameters"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
        ({"tools": [{**NAMESPACE, "tools": [NAMESPACE]}]}, "tools[0].tools[0].type"),
        ({"tools": [{**NAMESPACE, "tools": 3}]}, "tools[0].tools"),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "shell"}]}]}, "input[0].tools[0].type"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"conversation": "conv_1"}, "conversation"),
    ],
    ids=str,
)
def test_bad_input_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    error = refusal(**body)
    assert error.param == param and param in error.message and error.status == 400
