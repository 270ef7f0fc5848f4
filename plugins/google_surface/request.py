"""Google's requests as chat bodies, and as bodies of embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router_plugins.google_surface.contents import instruction, texts_of, turns_of
from router_plugins.google_surface.fields import CONTENT, EMBED, SHOWN, camel, settled, unknown_fields
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
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto"}
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
_BUDGETS = ((1, "none"), (4096, "low"), (16384, "medium"))
_JSON, _TEXT = "application/json", "text/plain"


def chat_of(given: Mapping[str, Any], *, stream: bool) -> tuple[dict[str, Any], bool, list[str]]:
    """The chat body of a request, whether thoughts are to be shown, and the names of dropped fields.

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
        (*instruction(body.get("systemInstruction") or ""), *turns_of(body["contents"])),
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
        check_ladder(body, EMBED, SHOWN)
        text = "\n".join(texts_of(body.get("content"), f"{before}content"))
        if not text:
            raise BadRequest(f"'{before}content' holds no text.", code="invalid_value", param=f"{before}content")
        inputs.append(text)
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
    mime, schema = config.get("responseMimeType") or "", config.get("responseJsonSchema")
    if schema is None:
        schema = json_schema(config.get("responseSchema"))
    if mime not in ("", _TEXT, _JSON):
        param = "generationConfig.responseMimeType"
        raise BadRequest(f"'{param}' must be {_TEXT!r} or {_JSON!r}.", code="invalid_value", param=param)
    if schema is not None:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {"type": "json_object"} if mime == _JSON else None


def _effort(thinking: Mapping[str, Any]) -> str:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and level.upper() != "THINKING_LEVEL_UNSPECIFIED":
        if level.lower() not in _LEVELS:
            param = "generationConfig.thinkingConfig.thinkingLevel"
            raise BadRequest(f"'{param}' must be one of {', '.join(_LEVELS)}.", code="invalid_value", param=param)
        return str(level.lower())
    if budget is None or budget < 0:
        return ""
    return next((effort for least, effort in _BUDGETS if budget < least), "high")


def _tools(tools: Any) -> Iterator[Tool]:
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        if not isinstance(tool, Mapping):
            raise BadRequest(f"'{where}' must be an object.", code="invalid_type", param=where)
        given = camel(tool)
        for name in given.keys() - {"functionDeclarations"}:
            if given[name] is not None:
                message = f"'{where}.{name}' is a tool that Google runs, and is not there: offer functions of your own."
                raise BadRequest(message, code="unsupported_parameter", param=f"{where}.{name}")
        declared = given.get("functionDeclarations") or ()
        if not isinstance(declared, list | tuple):
            param = f"{where}.functionDeclarations"
            raise BadRequest(f"'{param}' must be a list.", code="invalid_type", param=param)
        for place, one in enumerate(declared):
            yield _tool(one, f"{where}.functionDeclarations[{place}]")


def _tool(declared: Any, where: str) -> Tool:
    given = camel(declared) if isinstance(declared, Mapping) else {}
    name, description = given.get("name"), given.get("description") or ""
    if not isinstance(name, str) or not name or not isinstance(description, str):
        raise BadRequest(f"'{where}' must have a name, and a description that is a text.", param=where)
    schema = given.get("parametersJsonSchema")
    if schema is None:
        schema = json_schema(given.get("parameters"))
    if schema is not None and not isinstance(schema, Mapping):
        raise BadRequest(f"'{where}.parameters' must be an object.", code="invalid_type", param=f"{where}.parameters")
    return Tool(name, description=description, parameters=schema)


def _choice(config: Mapping[str, Any]) -> ToolChoice | None:
    calling = config.get("functionCallingConfig") or {}
    mode, only = calling.get("mode"), calling.get("allowedFunctionNames")
    if mode is None and not only:
        return None
    where = "toolConfig.functionCallingConfig"
    if mode is not None and (not isinstance(mode, str) or mode.upper() not in _MODES):
        message = f"'{where}.mode' must be one of {', '.join(_MODES)}."
        raise BadRequest(message, code="invalid_value", param=f"{where}.mode")
    if only is not None and not (isinstance(only, list) and all(isinstance(name, str) for name in only)):
        param = f"{where}.allowedFunctionNames"
        raise BadRequest(f"'{param}' must be a list of names.", code="invalid_type", param=param)
    return ToolChoice(_MODES[(mode or "AUTO").upper()], tuple(("", name) for name in only) if only else None)
