"""Ollama's requests as chat bodies, and as bodies of embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_plugins.ollama_surface.fields import CHAT, EMBED, SHOWN, unknown_fields
from router_plugins.ollama_surface.messages import Opener, turns_of

from router import BadRequest
from router.surfaces import Prompt, check_ladder, dropped_by, to_chat

__all__ = ["chat_of", "embeddings_of"]

_SAME = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "stop")
_EFFORTS: Mapping[Any, str] = {False: "none", True: "medium", "max": "xhigh"}


def chat_of(body: Mapping[str, Any], opens: Opener) -> tuple[dict[str, Any], list[str]]:
    """The chat body of a request, and the names of dropped fields.

    Args:
        opens: what signatures of thoughts hold.

    Raises:
        BadRequest: naming the field in Ollama's names.
    """
    check_ladder(body, CHAT, SHOWN)
    options = body.get("options") or {}
    fields = {name: options[name] for name in _SAME if options.get(name) is not None}
    if fields.get("stop") == []:
        del fields["stop"]
    cap = options.get("num_predict")
    if cap is not None and cap not in (-1, -2):
        fields["max_completion_tokens"] = cap
    form = _form(body.get("format"))
    if form is not None:
        fields["response_format"] = form
    think = body.get("think")
    if think is not None and think != "":
        fields["reasoning_effort"] = _EFFORTS.get(think, think)
    if body.get("tools"):
        fields["tools"] = body["tools"]
    if body.get("stream") is not False:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    prompt = Prompt(body["model"], tuple(turns_of(body.get("messages"), opens)), fields=fields)
    return to_chat(prompt), [*dropped_by(body, CHAT), *unknown_fields(body, CHAT)]


def embeddings_of(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body of embeddings for a request, and the names of dropped fields.

    Raises:
        BadRequest: as ``chat_of``.
    """
    check_ladder(body, EMBED, SHOWN)
    given = body.get("input")
    if given is None:
        raise BadRequest("'input' is missing.", code="missing_required_parameter", param="input")
    texts = [given] if isinstance(given, str) else given
    made = {"model": body["model"], "input": texts, "encoding_format": "float"}
    if body.get("dimensions"):
        made["dimensions"] = body["dimensions"]
    return made, [*dropped_by(body, EMBED), *unknown_fields(body, EMBED)]


def _form(form: Any) -> dict[str, Any] | None:
    if not form:
        return None
    if isinstance(form, Mapping):
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": form}}
    return {"type": "json_object"}
