"""A request's shape: what is plainly wrong is refused at the door, in both lanes, naming the field and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest

__all__ = ["LATEST", "VERSIONS", "bad", "blocks_in", "check_shape", "object_in", "role_of", "text_in", "version_of"]

LATEST = "2026-10-21"
VERSIONS = ("2023-06-01", LATEST)
"""Versions of the API, the one of a request without ``anthropic-version`` first."""

_SAMPLING = ("temperature", "top_p", "top_k")
_TOKENS_MAX = 2**31 - 1
_ROLES = ("user", "assistant", "system")


def version_of(header: str | None) -> str:
    """The version that a request asks for.

    Raises:
        BadRequest: there is no such version.
    """
    if header is None or not header.strip():
        return VERSIONS[0]
    version = header.strip()
    if version not in VERSIONS:
        shown = version if len(version) <= 32 and version.isprintable() and version.isascii() else "what was sent"
        message = f"The anthropic-version header must be {' or '.join(VERSIONS)}, not {shown}."
        raise BadRequest(message, code="invalid_value", param="anthropic-version")
    return version


def check_shape(body: Mapping[str, Any], version: str, *, counts: bool = False) -> None:
    """Check a body's fields, but for what messages hold.

    Args:
        counts: whether its tokens are only to be counted: then it needs no cap.

    Raises:
        BadRequest: naming the first field that is wrong.
    """
    _typed(body, "model", str, "a string", required=True)
    cap = body.get("max_tokens")
    if cap is None and not counts:
        raise bad("max_tokens", "is required: the most tokens that the answer may have", "missing_required_parameter")
    if cap is not None and (type(cap) is not int or not 1 <= cap <= _TOKENS_MAX):
        raise bad("max_tokens", f"must be a whole number from 1 to {_TOKENS_MAX}")
    messages = _typed(body, "messages", list, "a list", required=True)
    if not messages:
        raise bad("messages", "must hold at least one message")
    for name in ("stream",):
        _typed(body, name, bool, "true or false")
    for name in ("metadata", "output_config", "thinking", "tool_choice"):
        _typed(body, name, dict, "an object")
    _typed(body, "tools", list, "a list of tools")
    stops = _typed(body, "stop_sequences", list, "a list of strings") or ()
    for index, stop in enumerate(stops):
        if type(stop) is not str:
            raise bad(f"stop_sequences[{index}]", "must be a string", "invalid_type")
    _check_sampling(body, version)


def _check_sampling(body: Mapping[str, Any], version: str) -> None:
    for name in _SAMPLING:
        value = body.get(name)
        if value is None:
            continue
        if version == LATEST:
            remedy = f"is not taken in version {LATEST}: send the request without it, or with {VERSIONS[0]}"
            raise bad(name, remedy, "unsupported_parameter")
        if name == "top_k":
            if type(value) is not int or value < 0:
                raise bad(name, "must be a whole number of at least 0")
        elif type(value) not in (int, float) or not 0 <= value <= 1:
            raise bad(name, "must be a number from 0 to 1")


def role_of(message: Mapping[str, Any], where: str) -> str:
    """A message's role.

    Raises:
        BadRequest: it has none of the three.
    """
    role = message.get("role")
    if role not in _ROLES:
        raise bad(f"{where}.role", f"must be one of {', '.join(_ROLES)}")
    return str(role)


def object_in(value: Any, where: str) -> dict[str, Any]:
    """The object at a place.

    Raises:
        BadRequest: it is none.
    """
    if type(value) is not dict:
        raise bad(where, "must be an object", "invalid_type")
    return value


def blocks_in(content: Any, where: str) -> list[dict[str, Any]]:
    """The blocks of a content; a text is one block.

    Raises:
        BadRequest: it is no text, and no list of objects with a type.
    """
    if type(content) is str:
        return [{"type": "text", "text": content}]
    if type(content) is not list:
        raise bad(where, "must be a string or a list of content blocks", "invalid_type")
    for index, block in enumerate(content):
        if type(block) is not dict or type(block.get("type")) is not str:
            raise bad(f"{where}[{index}]", 'must be an object with a "type"', "invalid_type")
    return content


def text_in(holder: Mapping[str, Any], name: str, where: str, *, required: bool = True) -> str:
    """A text member; empty where it may be missing, and is.

    Raises:
        BadRequest: it is no string.
    """
    value = holder.get(name)
    if value is None and not required:
        return ""
    if type(value) is not str:
        raise bad(f"{where}.{name}", "must be a string", "invalid_type")
    return value


def bad(where: str, problem: str, code: str = "invalid_value") -> BadRequest:
    """The refusal of what is wrong at ``where``."""
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)


def _typed(body: Mapping[str, Any], name: str, kind: type, words: str, *, required: bool = False) -> Any:
    value = body.get(name)
    if value is None:
        if required:
            raise bad(name, "is required", "missing_required_parameter")
        return None
    if type(value) is not kind:
        raise bad(name, f"must be {words}", "invalid_type")
    return value
