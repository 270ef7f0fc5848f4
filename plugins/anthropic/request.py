"""OpenAI's request -> Anthropic's own: ``POST /v1/messages`` (``MessageCreateParams``).

Fields with an equivalent are translated, fields that would change the answer and have none are refused, and all others
are passed on as they came: Anthropic refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from router_plugins.anthropic.messages import conversation
from router_plugins.anthropic.native import check_cache
from router_plugins.anthropic.thinking import effort_only, thinking_of
from router_plugins.anthropic.tools import choice_of, tools_of

from router import BadRequest, CallContext, ChatCall

__all__ = ["chat_body"]

_NO_EQUIVALENT: Mapping[str, Sequence[Any]] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": ("auto", "none"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "prediction": (),
    "presence_penalty": (0,),
    "seed": (),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
"""Field -> the values that ask for what happens anyway."""
_UNPRICED: Mapping[str, Sequence[Any]] = {"fallbacks": ([],), "inference_geo": (), "speed": ("standard",)}
"""Anthropic's own fields that change what a call costs, or which model answers -> the values that do not."""
_NOT_SENT = frozenset(
    {
        *_NO_EQUIVALENT,
        "max_completion_tokens",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "stop",
        "store",
        "stream_options",
        "tool_choice",
        "user",
    }
)
"""Fields that are translated, and hints to OpenAI's own cache and storage, which say nothing of the answer."""
_TIERS: Mapping[Any, str] = {"default": "standard_only", "standard": "standard_only"}
_REMEDIES = {
    "n": "send as many calls as you want answers",
    "functions": "send 'tools'",
    "function_call": "send 'tool_choice'",
    "fallbacks": "the gateway has its own",
}


def chat_body(call: ChatCall, context: CallContext) -> dict[str, Any]:
    """The body of ``/v1/messages``. The client's fields of Anthropic's own win over what would be made of OpenAI's.

    Raises:
        BadRequest: naming the field that Anthropic has no equivalent of, or that is broken.
    """
    given = {name: value for name, value in call.body.items() if value is not None}
    for name, harmless in (*_NO_EQUIVALENT.items(), *_UNPRICED.items()):
        if name in given and given[name] not in harmless:
            _refuse(name, context.provider)
    system, messages = conversation(given["messages"])
    body = {name: value for name, value in given.items() if name not in _NOT_SENT}
    body |= {"model": context.model, "messages": messages, "stream": call.stream}
    body["max_tokens"] = _max_tokens(given, context)
    if system:
        body["system"] = _own_system(given.get("system")) + system
    if given.get("tools"):
        body["tools"] = tools_of(given["tools"])
    choice = choice_of(given.get("tool_choice"), given.get("parallel_tool_calls"), has_tools=bool(given.get("tools")))
    if choice is not None:
        body["tool_choice"] = choice
    _common(body, given, context)
    if not context.settings.long_cache:
        check_cache(body)
    return body


def _common(body: dict[str, Any], given: Mapping[str, Any], context: CallContext) -> None:
    """Stop sequences, thinking, structured output, the caller's own user, the service tier."""
    stop = given.get("stop")
    if stop is not None:
        body.setdefault("stop_sequences", [stop] if isinstance(stop, str) else stop)
    thinking, effort = thinking_of(given, context.model, body["max_tokens"])
    if thinking is not None:
        body.setdefault("thinking", thinking)
    if effort_only(given.get("reasoning")):
        del body["reasoning"]
    form = _format(given.get("response_format"))
    config = ({} if effort is None else {"effort": effort}) | ({} if form is None else {"format": form})
    own = given.get("output_config", {})
    if config and isinstance(own, dict):
        body["output_config"] = config | own
    user = given.get("user", given.get("safety_identifier"))
    metadata = given.get("metadata", {})
    if user is not None and isinstance(metadata, dict):
        body["metadata"] = {"user_id": user} | metadata
    if "service_tier" in given:
        body["service_tier"] = _TIERS.get(given["service_tier"], given["service_tier"])


def _max_tokens(given: Mapping[str, Any], context: CallContext) -> int:
    """The client's cap; without one the most that the model can do, since Anthropic insists on a number."""
    cap = given.get("max_completion_tokens", given.get("max_tokens"))
    if cap is None and context.card is not None:
        cap = context.card.max_output
    return int(context.settings.max_tokens if cap is None else cap)


def _own_system(system: Any) -> list[Any]:
    if isinstance(system, list):
        return list(system)
    return [{"type": "text", "text": system}] if isinstance(system, str) and system else []


def _format(form: Any) -> dict[str, Any] | None:
    """``output_config.format`` for a ``response_format``; None where any text will do."""
    kind = form.get("type") if isinstance(form, dict) else None
    if kind in (None, "text"):
        return None
    if kind != "json_schema":
        where = "response_format.type"
        problem = f'\'{where}\' must be "text" or "json_schema": Anthropic has no form without a schema.'
        raise BadRequest(problem, code="unsupported_parameter", param=where)
    described = form.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        where = "response_format.json_schema.schema"
        raise BadRequest(f"'{where}' must be an object.", code="invalid_type", param=where)
    return {"type": "json_schema", "schema": schema}


def _refuse(name: str, provider: str) -> NoReturn:
    if name in _UNPRICED:
        message = f"'{name}' has no price on this gateway: {_REMEDIES.get(name, 'send the request without it')}."
        raise BadRequest(message, code="unpriced_extra", param=name)
    message = f"The provider {provider!r} has no equivalent of this '{name}': {_REMEDIES.get(name, 'leave it out')}."
    raise BadRequest(message, code="unsupported_parameter", param=name)
