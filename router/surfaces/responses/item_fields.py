"""What the items of ``input`` and the tools of a request may hold: what checks them, and describes them."""

from __future__ import annotations

from router.surfaces.field_kinds import Either, ListOf, Members, OneOf, Tagged, TextField, Typed

__all__ = ["FINISHED", "ITEM", "TOOL"]

FINISHED = (
    "code_interpreter_call",
    "file_search_call",
    "image_generation_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "web_search_call",
)
"""Calls of hosted tools that are over: what they found stands in the message behind them."""

_NO_FILES = "files are not kept here, so 'file_id' names none"
_WORD = TextField("a string that is not empty", least=1, required=True)
_SAID = Members({"text": TextField(required=True)})
_URL = TextField(least=1)
_IMAGE = Either(
    f"a link or a data URL: {_NO_FILES}", _URL, Members({"url": TextField(least=1, required=True)}), required=True
)
_FILE = TextField(f"a data URL: {_NO_FILES}, and links are not fetched", least=1, required=True)
_PART = Tagged(
    "type",
    {
        "input_audio": Members({"input_audio": Members({"data": _WORD, "format": _WORD}, required=True)}),
        "input_file": Members({"file_data": _FILE}),
        "input_image": Members({"image_url": _IMAGE}),
        "input_text": _SAID,
        "output_text": _SAID,
        "refusal": Members({"refusal": TextField(required=True)}),
        "text": _SAID,
    },
)
_CONTENT = Either("a string or a list of parts", TextField(), ListOf(_PART), required=True)
_OUTPUT = Members({"call_id": _WORD, "output": _CONTENT}, depends="the call before it")
_BESIDE = "what else is in the input: it is no turn by itself"

ITEM = Tagged(
    "type",
    {
        "message": Members(
            {"role": OneOf("user", "assistant", "system", "developer", required=True), "content": _CONTENT}
        ),
        "reasoning": Members(depends=_BESIDE),
        "function_call": Members({"call_id": _WORD, "name": _WORD, "arguments": TextField(required=True)}),
        "custom_tool_call": Members({"call_id": _WORD, "name": _WORD, "input": TextField(required=True)}),
        "function_call_output": _OUTPUT,
        "custom_tool_call_output": _OUTPUT,
        "additional_tools": Members(depends=_BESIDE),
        "item_reference": Members({"id": TextField(required=True)}, depends="an item that is kept"),
        **dict.fromkeys(FINISHED, Members(depends=_BESIDE)),
    },
    usual="message",
)

_OWN = Members(
    {
        "name": _WORD,
        "description": TextField(),
        "parameters": Members(),
        "strict": Typed("true or false", bool),
        "format": Members(),
    }
)
_TOOLS = ListOf(Tagged("type", {"function": _OWN, "custom": _OWN}), required=True)

TOOL = Tagged("type", {"function": _OWN, "custom": _OWN, "namespace": Members({"name": _WORD, "tools": _TOOLS})})
