"""What becomes of each field of Google's requests: the one table, for the code, its tests and its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router_plugins.google_surface.parts import SPOKEN, TEXTS, TOOL

from router.surfaces import CHAT_FIELDS, FieldRung, Integer, ListOf, Members, OneOf, TextField

__all__ = ["CONTENT", "EMBED", "LEVELS", "MODES", "SHOWN", "camel", "settled", "unknown_fields"]

SHOWN: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
MODES: Mapping[str, str] = {
    "AUTO": "auto",
    "ANY": "required",
    "NONE": "none",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
}
"""Mode of calling -> a chat's choice."""
LEVELS = ("minimal", "low", "medium", "high", "xhigh")
"""Of thinking, as a chat has them."""
_NO_LEVEL = "THINKING_LEVEL_UNSPECIFIED"
_CALLING = Members(
    {"mode": OneOf(*MODES, *(mode.lower() for mode in MODES)), "allowedFunctionNames": ListOf(TextField())}
)
_TEXT = "this gateway answers in text; ask for TEXT alone"
_GOOGLES = "it names something that is kept at Google for the whole gateway; send it inline"

CONTENT: tuple[FieldRung, ...] = (
    FieldRung("model", "translate", "the path's model, whatever stands here", (str,)),
    FieldRung("contents", "translate", "`messages`", (list,)),
    FieldRung("systemInstruction", "translate", "a message of the role `system`", field=TEXTS),
    FieldRung(
        "tools",
        "translate",
        "`functionDeclarations` are `tools`; tools that Google runs are a 400",
        field=ListOf(TOOL),
    ),
    FieldRung("toolConfig", "translate", "`tool_choice`", (dict,)),
    FieldRung("toolConfig.functionCallingConfig", "translate", "see `toolConfig`", field=_CALLING),
    FieldRung("toolConfig.retrievalConfig", "drop", "it is for tools that Google runs"),
    FieldRung("safetySettings", "drop", "each provider has filters of its own", (list,)),
    FieldRung("cachedContent", "refuse", _GOOGLES, (str,), ("",)),
    FieldRung("continuationToken", "refuse", _GOOGLES, (str,), ("",)),
    FieldRung("labels", "drop", "no provider is told of them"),
    FieldRung("store", "drop", "nothing is stored"),
    FieldRung(
        "serviceTier",
        "refuse",
        "it has no price here; send the request without it",
        (str,),
        ("standard", "unspecified"),
    ),
    FieldRung("generationConfig", "translate", "see its fields", (dict,)),
    FieldRung("generationConfig.temperature", "pass", "`temperature`", field=CHAT_FIELDS["temperature"]),
    FieldRung("generationConfig.topP", "translate", "`top_p`", field=CHAT_FIELDS["top_p"]),
    FieldRung("generationConfig.topK", "drop", "a chat has none"),
    FieldRung("generationConfig.seed", "pass", "`seed`", (int,)),
    FieldRung("generationConfig.maxOutputTokens", "translate", "`max_completion_tokens`", field=Integer(1)),
    FieldRung("generationConfig.stopSequences", "translate", "`stop`", field=ListOf(TextField())),
    FieldRung(
        "generationConfig.presencePenalty", "translate", "`presence_penalty`", field=CHAT_FIELDS["presence_penalty"]
    ),
    FieldRung(
        "generationConfig.frequencyPenalty", "translate", "`frequency_penalty`", field=CHAT_FIELDS["frequency_penalty"]
    ),
    FieldRung("generationConfig.candidateCount", "refuse", "ask once for each answer", (int,), (1,)),
    FieldRung(
        "generationConfig.responseMimeType",
        "translate",
        "`response_format`, of `application/json`; `text/plain` is usual",
        field=OneOf("", "text/plain", "application/json"),
    ),
    FieldRung("generationConfig.responseSchema", "translate", "`response_format`: `json_schema`", (dict,)),
    FieldRung("generationConfig.responseJsonSchema", "translate", "`response_format`: `json_schema`", (dict,)),
    FieldRung("generationConfig.responseModalities", "refuse", _TEXT, (list,), (["TEXT"], [])),
    FieldRung("generationConfig.responseLogprobs", "refuse", "ask by chat completions", (bool,), (False,)),
    FieldRung("generationConfig.logprobs", "refuse", "ask by chat completions", (int,), (0,)),
    FieldRung("generationConfig.speechConfig", "refuse", _TEXT),
    FieldRung("generationConfig.imageConfig", "refuse", _TEXT),
    FieldRung("generationConfig.audioTranscriptionConfig", "refuse", _TEXT),
    FieldRung("generationConfig.mediaResolution", "drop", "a chat has none"),
    FieldRung("generationConfig.enableEnhancedCivicAnswers", "drop", "a chat has none"),
    FieldRung("generationConfig.thinkingConfig", "translate", "see its fields", (dict,)),
    FieldRung(
        "generationConfig.thinkingConfig.thinkingLevel",
        "translate",
        "`reasoning_effort`",
        field=OneOf(*LEVELS, *(level.upper() for level in LEVELS), _NO_LEVEL),
    ),
    FieldRung(
        "generationConfig.thinkingConfig.thinkingBudget",
        "translate",
        "`reasoning_effort`: `none` for 0, `low` below 4,096 tokens, `medium` below 16,384, else `high`; -1 is usual",
        (int,),
    ),
    FieldRung(
        "generationConfig.thinkingConfig.includeThoughts", "translate", "whether thoughts are in the answer", (bool,)
    ),
)
"""Of ``generateContent`` and ``streamGenerateContent``, in their camel case; any other is dropped, and named."""

EMBED: tuple[FieldRung, ...] = (
    FieldRung("model", "translate", "the path's model, whatever stands here", (str,)),
    FieldRung("content", "translate", "`input`: its parts' text", field=SPOKEN),
    FieldRung("outputDimensionality", "translate", "`dimensions`; the same in all requests", field=Integer(1)),
    FieldRung(
        "taskType",
        "refuse",
        "other providers know none; send the request without it",
        (str,),
        ("TASK_TYPE_UNSPECIFIED",),
    ),
    FieldRung("title", "drop", "it goes with a task type"),
    FieldRung("autoTruncate", "drop", "each provider does as it does"),
    FieldRung("embedContentConfig", "refuse", "put its fields beside 'content'", (dict,), ({},)),
)
"""Of ``embedContent``, and of each request of ``batchEmbedContents``."""

_INSIDE = ("generationConfig", "thinkingConfig", "toolConfig", "functionCallingConfig")


def camel(given: Mapping[str, Any]) -> dict[str, Any]:
    """A message of Google's with its names in camel case: the wire takes both spellings."""
    return {_camel(name): value for name, value in given.items()}


def settled(given: Mapping[str, Any]) -> dict[str, Any]:
    """A request's fields, and those of its settings, in camel case."""
    found = camel(given)
    for name in _INSIDE:
        if isinstance(found.get(name), Mapping):
            found[name] = settled(found[name])
    if isinstance(found.get("tools"), list):
        found["tools"] = [_tool(one) for one in found["tools"]]
    return found


def _tool(tool: Any) -> Any:
    if not isinstance(tool, Mapping):
        return tool
    found = camel(tool)
    declared = found.get("functionDeclarations")
    if isinstance(declared, list):
        found["functionDeclarations"] = [camel(one) if isinstance(one, Mapping) else one for one in declared]
    return found


def unknown_fields(body: Mapping[str, Any], table: tuple[FieldRung, ...], before: str = "") -> Iterator[str]:
    """Names of fields that the table does not have; they are dropped."""
    known = {rung.name for rung in table}
    for name, value in body.items():
        path = f"{before}{name}"
        if path not in known:
            yield path
        elif isinstance(value, Mapping) and any(one.startswith(f"{path}.") for one in known):
            yield from unknown_fields(value, table, f"{path}.")


def _camel(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(one[:1].upper() + one[1:] for one in others)
