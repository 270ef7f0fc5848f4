"""OpenAI's request -> Ollama's own: ``POST /api/chat`` and ``POST /api/embed`` (``ChatRequest``, ``EmbedRequest``).

Fields with an equivalent are translated, fields that would change the answer and have none are refused, and all others
are passed on as they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from router_plugins.ollama.messages import native_messages

from router import BadRequest, CallContext, ChatCall, EmbeddingsCall

__all__ = ["chat_body", "embeddings_body"]

_NO_EQUIVALENT: Mapping[str, Sequence[Any]] = {
    "audio": (),
    "function_call": ("auto", "none"),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "n": (1,),
    "tool_choice": ("auto", "none"),
    "web_search_options": (),
}
"""Field -> the values that ask for what happens anyway."""
_TRANSLATED = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream_options",
        "tool_choice",
        "tools",
    }
)
_OPTIONS = (
    "frequency_penalty",
    "min_p",
    "num_ctx",
    "num_keep",
    "num_predict",
    "presence_penalty",
    "repeat_last_n",
    "repeat_penalty",
    "seed",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
)
"""Fields that stand in ``options`` under the same name."""
_THINK: Mapping[Any, Any] = {"none": False, "minimal": "low", "xhigh": "max", "ultra": "max"}
_FORMS = '\'response_format.type\' must be "text", "json_object" or "json_schema".'


def chat_body(call: ChatCall, context: CallContext) -> dict[str, Any]:
    """The body of ``/api/chat``. The client's fields of Ollama's own win over what would be made of OpenAI's.

    Raises:
        BadRequest: naming the field that Ollama has no equivalent of, or that is broken.
    """
    given = {name: value for name, value in call.body.items() if value is not None}
    for name, harmless in _NO_EQUIVALENT.items():
        if name in given and given[name] not in harmless:
            _refuse(name, context.provider)
    native = {name: value for name, value in given.items() if name not in _TRANSLATED and name not in _OPTIONS}
    native |= {"model": context.model, "messages": native_messages(given["messages"]), "stream": call.stream}
    if "tools" in given and given.get("tool_choice") != "none":
        native["tools"] = _tools(given["tools"])
    form = _format(given.get("response_format"))
    if form is not None:
        native.setdefault("format", form)
    think = _think(given)
    if think is not None:
        native.setdefault("think", think)
    return native | _common(given, _chat_options(given), context.settings)


def embeddings_body(call: EmbeddingsCall, context: CallContext) -> dict[str, Any]:
    """The body of ``/api/embed``. The encoding of the vectors is ours to make, so it is not sent.

    Raises:
        BadRequest: the input is made of tokens.
    """
    given = {name: value for name, value in call.body.items() if value is not None and name != "encoding_format"}
    inputs = given["input"]
    if not isinstance(inputs, str) and not isinstance(inputs[0], str):
        message = f"The provider {context.provider!r} embeds text, not tokens: send strings in 'input'."
        raise BadRequest(message, code="unsupported_parameter", param="input")
    native = {name: value for name, value in given.items() if name not in _OPTIONS}
    return native | {"model": context.model} | _common(given, {}, context.settings)


def _common(given: Mapping[str, Any], translated: dict[str, Any], settings: Any) -> dict[str, Any]:
    """``options`` and ``keep_alive``, if any: the section's, over them OpenAI's, over all the client's own."""
    own = given.get("options", {})
    if not isinstance(own, dict):
        raise BadRequest("'options' must be an object.", code="invalid_type", param="options")
    options = {"num_ctx": settings.num_ctx} if settings.num_ctx else {}
    options |= translated | {name: given[name] for name in _OPTIONS if name in given} | own
    found: dict[str, Any] = {"options": options} if options else {}
    if settings.keep_alive and "keep_alive" not in given:
        found["keep_alive"] = settings.keep_alive
    return found


def _chat_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that have another name, or another shape, in OpenAI's API."""
    cap, stop = given.get("max_completion_tokens", given.get("max_tokens")), given.get("stop")
    options = {} if cap is None else {"num_predict": cap}
    if stop is not None:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return options


def _tools(tools: Any) -> Any:
    """The tools as they came: functions are all that there is."""
    for index, tool in enumerate(tools):
        if isinstance(tool, dict) and tool.get("type") == "custom":
            where = f"tools[{index}]"
            message = f"'{where}' must be a function: Ollama has no custom tools. Send one whose parameter is a string."
            raise BadRequest(message, code="unsupported_parameter", param=where)
    return tools


def _think(given: Mapping[str, Any]) -> Any:
    """``think`` for an effort; None where the client names none."""
    reasoning = given.get("reasoning")
    effort = given.get("reasoning_effort", reasoning.get("effort") if isinstance(reasoning, dict) else None)
    return _THINK.get(effort, effort) if isinstance(effort, str) else effort


def _format(form: Any) -> Any:
    """``format`` for a ``response_format``; None where any text will do."""
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "json_schema":
        described = form.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            where = "response_format.json_schema.schema"
            raise BadRequest(f"'{where}' must be an object.", code="invalid_type", param=where)
        return schema
    if kind not in (None, "text", "json_object"):
        raise BadRequest(_FORMS, code="invalid_value", param="response_format.type")
    return "json" if kind == "json_object" else None


def _refuse(name: str, provider: str) -> NoReturn:
    remedy = {
        "n": "send as many calls as you want answers",
        "tool_choice": 'it can be "auto" or "none" there',
        "functions": "send 'tools'",
        "function_call": "send 'tools'",
    }.get(name, "leave it out")
    message = f"The provider {provider!r} has no equivalent of this '{name}': {remedy}."
    raise BadRequest(message, code="unsupported_parameter", param=name)
