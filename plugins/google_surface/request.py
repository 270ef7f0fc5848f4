"""Google's requests as chat bodies, and as bodies of embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router_plugins.google_surface.contents import Opener, instruction, texts_of, turns_of
from router_plugins.google_surface.fields import CONTENT, EMBED, MODES, SHOWN, camel, settled, unknown_fields
from router_plugins.google_surface.shapes import json_schema

from router import BadRequest
from router.surfaces import Prompt, Tool, ToolChoice, check_ladder, dropped_by, to_chat

__all__ = ["chat_of", "embeddings_of"]

_RENAMED = {
    "temperature": "temperature",
    "topP": "top_p",
    "seed": "seed",
    "maxOutputTokens": "max_completion_tokens",
    "stopSequences": "stop",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_BUDGETS = ((1, "none"), (4096, "low"), (16384, "medium"))
_JSON = "application/json"


def chat_of(given: Mapping[str, Any], opens: Opener, *, stream: bool) -> tuple[dict[str, Any], bool, list[str]]:
    """The chat body of a request, whether thoughts are to be shown, and the names of dropped fields.

    Args:
        opens: what signatures of thoughts stand for.

    Raises:
        BadRequest: naming the field in Google's names.
    """
    body = settled(given)
    check_ladder(body, CONTENT, SHOWN)
    if not isinstance(body.get("contents"), list):
        raise BadRequest("'contents' is missing.", code="missing_required_parameter", param="contents")
    config = body.get("generationConfig") or {}
    thinking = config.get("thinkingConfig") or {}
    tools = tuple(_tools(body.get("tools") or ()))
    prompt = Prompt(
        body["model"],
        (*instruction(body.get("systemInstruction")), *turns_of(body["contents"], opens)),
        tools,
        _choice(body.get("toolConfig") or {}) if tools else None,
        _fields(config, thinking) | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {}),
    )
    dropped = [*dropped_by(body, CONTENT), *unknown_fields(body, CONTENT)]
    return to_chat(prompt), thinking.get("includeThoughts") is True, dropped


def embeddings_of(given: Mapping[str, Any], *, batch: bool) -> tuple[dict[str, Any], list[str]]:
    """The body of embeddings for one request or several, and the names of dropped fields.

    Raises:
        BadRequest: as ``chat_of``.
    """
    requests = given.get("requests") if batch else [given]
    if not isinstance(requests, list) or not requests:
        raise BadRequest("'requests' must be a list of requests.", code="invalid_value", param="requests")
    inputs: list[str] = []
    sizes: set[Any] = set()
    dropped: set[str] = set()
    for index, request in enumerate(requests):
        before = f"requests[{index}]." if batch else ""
        if not isinstance(request, Mapping):
            raise BadRequest(f"'{before[:-1]}' must be an object.", code="invalid_type", param=before[:-1])
        body = camel(request)
        check_ladder(body, EMBED, SHOWN, before)
        if body.get("content") is None:
            message = f"'{before}content' is missing."
            raise BadRequest(message, code="missing_required_parameter", param=f"{before}content")
        inputs.append("\n".join(texts_of(body["content"])))
        sizes.add(body.get("outputDimensionality"))
        dropped.update(dropped_by(body, EMBED), unknown_fields(body, EMBED))
    if len(sizes) > 1:
        message = "'outputDimensionality' must be the same in all requests; send the others by themselves."
        raise BadRequest(message, code="invalid_value", param="requests")
    made = {"model": given["model"], "input": inputs, "encoding_format": "float"}
    size = sizes.pop()
    return made | ({} if size is None else {"dimensions": size}), sorted(dropped)


def _fields(config: Mapping[str, Any], thinking: Mapping[str, Any]) -> dict[str, Any]:
    """A chat's fields for ``generationConfig``."""
    made = {chat: config[name] for name, chat in _RENAMED.items() if config.get(name) is not None}
    if not made.get("stop", True):
        del made["stop"]
    form = _form(config)
    if form is not None:
        made["response_format"] = form
    effort = _effort(thinking)
    if effort:
        made["reasoning_effort"] = effort
    return made


def _form(config: Mapping[str, Any]) -> dict[str, Any] | None:
    schema = config.get("responseJsonSchema")
    if schema is None:
        schema = json_schema(config.get("responseSchema"))
    if schema is not None:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {"type": "json_object"} if config.get("responseMimeType") == _JSON else None


def _effort(thinking: Mapping[str, Any]) -> str:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and level != "THINKING_LEVEL_UNSPECIFIED":
        return str(level.lower())
    if budget is None or budget < 0:
        return ""
    return next((effort for least, effort in _BUDGETS if budget < least), "high")


def _tools(tools: Iterable[Mapping[str, Any]]) -> Iterator[Tool]:
    """The tools of some that were checked."""
    for tool in tools:
        for declared in tool.get("functionDeclarations") or ():
            schema = declared.get("parametersJsonSchema")
            if schema is None:
                schema = json_schema(declared.get("parameters"))
            yield Tool(declared["name"], description=declared.get("description") or "", parameters=schema)


def _choice(config: Mapping[str, Any]) -> ToolChoice | None:
    calling = config.get("functionCallingConfig") or {}
    mode, only = calling.get("mode"), calling.get("allowedFunctionNames")
    if mode is None and not only:
        return None
    return ToolChoice(MODES[(mode or "AUTO").upper()], tuple(("", name) for name in only) if only else None)
