"""The fields of a request beside its conversation and its tools, as a chat has them: by the rules of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.known_fields import NOT_OURS
from router.surfaces.messages.checking import bad, object_in, text_in
from router.surfaces.messages.ladder import FIELDS, UNKNOWN
from router.surfaces.messages.walking import Findings

__all__ = ["chat_fields"]

_ELSEWHERE = frozenset({"messages", "model", "system", "tool_choice", "tools"})
_BY_ITSELF = frozenset({"context_management", "metadata", "output_config", "output_format", "thinking"})
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_LOW_BELOW, _MEDIUM_BELOW = 4096, 16_384
_NAMES = {"max_tokens": "max_completion_tokens", "stop_sequences": "stop"}
_SCHEMA_NAME = "answer"
_COMPACTS = "compact_"


def chat_fields(body: Mapping[str, Any], found: Findings) -> dict[str, Any]:
    """A chat's fields.

    Raises:
        BadRequest: naming one that is broken, or that neither lane takes.
    """
    made: dict[str, Any] = {}
    for name, value in body.items():
        if name in _ELSEWHERE or name in _BY_ITSELF or value is None:
            continue
        if name in NOT_OURS:
            found.drop(name)
        elif found.note(name, FIELDS.get(name, UNKNOWN), value):
            made[_NAMES.get(name, name)] = value
    if not made.get("stop", True):
        del made["stop"]
    if made.get("stream") is False:
        del made["stream"]
    found.drop_beside({"cache_control": body.get("cache_control")}, ())
    _context(body.get("context_management"), found)
    effort = _effort(body, found)
    if effort:
        made["reasoning_effort"] = effort
    form = _format(body)
    if form is not None:
        made["response_format"] = form
    user = _user(body.get("metadata"), found)
    if user:
        made["user"] = user
    return made


def _context(management: Any, found: Findings) -> None:
    """What the conversation's own editing asks for: only its compactions cost anything of their own."""
    if management is None:
        return
    edits = object_in(management, "context_management").get("edits")
    for edit in edits if isinstance(edits, list) else ():
        if isinstance(edit, dict) and str(edit.get("type")).startswith(_COMPACTS):
            found.note("context_management.edits", FIELDS["context_management.edits"])
    found.note("context_management", FIELDS["context_management"], management)


def _effort(body: Mapping[str, Any], found: Findings) -> str:
    """How much a model is to think, in a chat's word; empty where nothing says so."""
    config, thinking = body.get("output_config") or {}, body.get("thinking")
    effort = config.get("effort")
    found.drop(*(f"output_config.{name}" for name in sorted(config) if name not in ("effort", "format")))
    if effort is not None:
        if effort not in _EFFORTS:
            raise bad("output_config.effort", f"must be one of {', '.join(_EFFORTS)}")
        return str(effort)
    if thinking is None:
        return ""
    kind = thinking.get("type")
    if kind != "enabled":
        if kind not in ("adaptive", "between_tools", "disabled"):
            raise bad("thinking.type", "must be enabled, adaptive, between_tools or disabled")
        found.drop("thinking")
        return ""
    budget = thinking.get("budget_tokens")
    if type(budget) is not int or budget < 1:
        raise bad("thinking.budget_tokens", "must be a whole number of tokens")
    return "low" if budget < _LOW_BELOW else "medium" if budget < _MEDIUM_BELOW else "high"


def _format(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """``response_format`` for a schema of the answer; None where any text will do."""
    config = body.get("output_config") or {}
    where = "output_config.format" if config.get("format") is not None else "output_format"
    form = config.get("format", body.get("output_format"))
    if form is None:
        return None
    form = object_in(form, where)
    if form.get("type") != "json_schema":
        raise bad(f"{where}.type", "must be json_schema")
    schema = object_in(form.get("schema"), f"{where}.schema")
    return {
        "type": "json_schema",
        "json_schema": {"name": _SCHEMA_NAME, "schema": schema, "strict": _is_closed(schema)},
    }


def _is_closed(schema: Any) -> bool:
    """Whether a schema is one that OpenAI takes as strict: each object names all its members, and allows no others."""
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        members = schema.get("properties")
        named = set(members) if isinstance(members, dict) else set()
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or named != set(
            required if isinstance(required, list) else ()
        ):
            return False
    return all(map(_is_closed, schema.values()))


def _user(metadata: Any, found: Findings) -> str:
    if metadata is None:
        return ""
    found.drop(*(f"metadata.{name}" for name in sorted(metadata) if name != "user_id"))
    return text_in(metadata, "user_id", "metadata", required=False)
