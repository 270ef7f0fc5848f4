"""Chat -> canonical -> chat keeps messages, calls, IDs and tools; and names of tools find their way back."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.surfaces.canonical.from_chat import from_chat
from router.surfaces.canonical.parts import CallPart, FilePart, ImagePart, ReasoningPart, ResultPart, TextPart, Turn
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.canonical.to_chat import to_chat
from router.surfaces.canonical.tools import Tool, ToolChoice, ToolNames

TEXT = st.text(min_size=1, max_size=12)
IMAGE = st.fixed_dictionaries({"url": TEXT}, optional={"detail": st.just("low")})
PART = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(lambda image: {"type": "image_url", "image_url": image}, IMAGE),
    st.builds(lambda data: {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}, TEXT),
    st.builds(lambda data: {"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}, TEXT),
    st.builds(lambda data: {"type": "video", "video": data}, TEXT),
    st.builds(
        lambda text: {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}},
        TEXT,
    ),
)
CALL = st.builds(
    lambda call_id, name, arguments: {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    *(TEXT, TEXT, st.text(max_size=12)),
)
ASSISTANT = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | TEXT},
    optional={
        "tool_calls": st.lists(CALL, min_size=1, max_size=3),
        "reasoning_content": TEXT,
        "refusal": TEXT,
        "thinking_blocks": st.just([{"type": "thinking", "thinking": "t", "signature": "s"}]),
        "phase": TEXT,
    },
)
MESSAGE = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "developer"]), "content": TEXT | st.lists(PART, min_size=2)},
        optional={"name": TEXT},
    ),
    ASSISTANT,
    st.fixed_dictionaries({"role": st.just("tool"), "tool_call_id": TEXT, "content": TEXT}),
)


def tool(name: str, strict: bool) -> dict[str, Any]:
    function = {"name": name, "description": "d", "parameters": {"type": "object"}, "strict": strict}
    return {"type": "function", "function": function}


TOOL = st.builds(tool, TEXT, st.booleans())
CHOICE = st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "x"}}])


@given(
    st.lists(MESSAGE, min_size=1, max_size=5),
    st.lists(TOOL, max_size=3, unique_by=lambda one: str(one["function"]["name"])),
    st.none() | CHOICE,
    st.dictionaries(st.sampled_from(["temperature", "seed", "my_field"]), st.integers()),
)
def test_a_chat_comes_back_as_it_was(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]], choice: Any, more: dict[str, Any]
) -> None:
    body: dict[str, Any] = {"model": "p/m", "messages": messages, **more}
    if tools:
        body["tools"] = tools
        if choice is not None:
            body["tool_choice"] = choice
    assert to_chat(from_chat(body)) == body


NAME = st.text(st.sampled_from("abc_-.é"), min_size=1, max_size=70)


@given(st.lists(st.tuples(st.sampled_from(["", "functions", "a", "a__b", "é"]), NAME), unique=True, max_size=8))
def test_every_tool_has_a_name_of_its_own_that_leads_back(places: list[tuple[str, str]]) -> None:
    names = ToolNames(Tool(name, namespace=namespace) for namespace, name in places)
    chat = [names.chat_name(*place) for place in places]
    assert len(set(chat)) == len(chat)
    assert [(names.tool_of(name).namespace, names.tool_of(name).name) for name in chat] == places
    fitting = [name for name, (namespace, _) in zip(chat, places, strict=True) if namespace not in ("", "functions")]
    assert all(len(name) <= 64 and name.isascii() and " " not in name for name in fitting)


def test_a_bare_name_stays_whatever_namespaces_flatten_to() -> None:
    names = ToolNames([Tool("exec", namespace="functions"), Tool("exec"), Tool("a__b"), Tool("b", namespace="a")])
    assert [names.chat_name("", "exec"), names.chat_name("", "a__b")] == ["exec", "a__b"]
    assert names.chat_name("functions", "exec").startswith("exec_")
    assert names.chat_name("a", "b").startswith("a__b_")


def test_the_later_definition_of_a_name_counts() -> None:
    body = to_chat(Prompt("m", (), (Tool("f", description="old"), Tool("g"), Tool("f", description="new"))))
    assert [(tool["function"]["name"], tool["function"].get("description")) for tool in body["tools"]] == [
        ("f", "new"),
        ("g", None),
    ]


def test_custom_tools_become_functions_of_one_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    tool = Tool("apply_patch", "custom", description="Edit.", format=grammar)
    call = CallPart("c1", "apply_patch", "*** Begin", kind="custom")
    body = to_chat(Prompt("m", (Turn("assistant", (call,)),), (tool,)))
    function = body["tools"][0]["function"]
    assert function["parameters"]["required"] == ["input"]
    assert "lark grammar:\nstart: /x/" in function["description"] and function["description"].startswith("Edit.")
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"input":"*** Begin"}'


def test_pictures_of_results_stand_behind_all_results() -> None:
    image = ImagePart("data:image/png;base64,AA==")
    turns = (
        Turn("assistant", (CallPart("a", "f", "{}"), CallPart("b", "g", "{}"))),
        Turn("tool", (ResultPart("a", (TextPart("one"), TextPart("two"), image)),)),
        Turn("tool", (ResultPart("b", (FilePart("data:application/pdf;base64,AA==", "a.pdf"),), is_error=True),)),
        Turn("user", (TextPart("go on"),)),
    )
    messages = to_chat(Prompt("m", turns))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "tool", "user", "user"]
    assert messages[1]["content"] == "one\ntwo" and messages[2]["content"].startswith("Error: ")
    told = messages[3]["content"]
    assert [part["type"] for part in told] == ["text", "image_url", "text", "file"]
    assert "call a:" in told[0]["text"] and "call b:" in told[2]["text"]


def test_a_result_of_pictures_alone_is_no_empty_text_and_none_is_lost_at_the_end() -> None:
    turns = (Turn("tool", (ResultPart("a", (ImagePart("https://x/y.png"),)),)),)
    tool, user = to_chat(Prompt("m", turns))["messages"]
    assert "next message" in tool["content"] and user["content"][1]["image_url"] == {"url": "https://x/y.png"}


def test_reasoning_goes_back_as_text_and_as_what_the_provider_wants() -> None:
    first, second = ({"thinking_blocks": [{"signature": one}]} for one in "ab")
    turn = Turn("assistant", (ReasoningPart("x", first), TextPart("t"), ReasoningPart("y", second), TextPart("u")))
    (message,) = to_chat(Prompt("m", (turn,)))["messages"]
    assert message["reasoning_content"] == "xy" and message["content"] == "t\n\nu"
    assert message["thinking_blocks"] == [{"signature": "a"}, {"signature": "b"}]


def test_allowed_tools_are_a_shorter_list_and_one_required_tool_a_name() -> None:
    tools = (Tool("f"), Tool("g"), Tool("h", namespace="n"))
    some = to_chat(Prompt("m", (), tools, ToolChoice("auto", (("", "g"), ("n", "h")))))
    assert [tool["function"]["name"] for tool in some["tools"]] == ["g", "n__h"] and some["tool_choice"] == "auto"
    one = to_chat(Prompt("m", (), tools, ToolChoice("required", (("n", "h"),))))
    assert len(one["tools"]) == 3 and one["tool_choice"] == {"type": "function", "function": {"name": "n__h"}}
    lonely = to_chat(Prompt("m", (), tools, ToolChoice("auto", (("", "f"),))))
    assert [tool["function"]["name"] for tool in lonely["tools"]] == ["f"] and lonely["tool_choice"] == "auto"
    assert "tools" not in to_chat(Prompt("m", (), tools, ToolChoice("auto", ())))
