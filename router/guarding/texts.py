"""The texts within a body: found, and put back changed, whatever surface the body is of.

All strings are texts but those that name something (a model, a role, an ID, a place) or are no text (files). So a field
that nobody here has heard of is guarded as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["mapped", "texts_of"]

_NAMES = frozenset(
    {
        *("model", "role", "type", "id", "object", "name", "user", "status", "phase", "format", "detail", "mode"),
        *("tool_choice", "service_tier", "prompt_cache_key", "safety_identifier", "finish_reason", "stop_reason"),
        *("url", "image_url", "file_url", "uri", "fileUri", "media_type", "mime_type", "mimeType", "filename"),
        *("data", "file_data", "b64_json", "encrypted_content", "signature", "thoughtSignature", "pattern", "$ref"),
        *("system_fingerprint", "encoding_format", "required", "language", "voice"),
    }
)
_FREE = frozenset({"arguments", "args", "input"})
"""Members whose objects hold what a program was given: every string of theirs is text."""
_JSON = "arguments"
"""A member whose string is JSON: the texts are those within."""
_HOLDERS = (str, dict, list)
_DEPTH_MAX = 128  # as of a request's own body


def mapped(value: Any, change: Callable[[str], str], *, free: bool = False) -> Any:
    """``value`` with each of its texts changed; the same object where none does.

    Args:
        free: every string is text, whatever its member is called.
    """
    if isinstance(value, str):
        return value if value.startswith("data:") and ";base64," in value[:200] else change(value)
    if isinstance(value, dict):
        return _mapped_object(value, change, free=free)
    if isinstance(value, list) and any(isinstance(one, _HOLDERS) for one in value):
        made = [mapped(one, change, free=free) for one in value]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    return value


def texts_of(value: Any) -> list[str]:
    """The texts, each once, in their order; empty ones are none."""
    found: dict[str, None] = {}

    def noted(text: str) -> str:
        if text:
            found[text] = None
        return text

    mapped(value, noted)
    return list(found)


def _mapped_object(value: Mapping[str, Any], change: Callable[[str], str], *, free: bool) -> Any:
    made: dict[str, Any] | None = None
    new: Any
    for name, inner in value.items():
        if isinstance(inner, str):
            new = inner if not free and _is_name(name) else _mapped_text(name, inner, change, free=free)
        elif isinstance(inner, list) and not free and name in _NAMES and all(isinstance(one, str) for one in inner):
            new = inner
        else:
            new = mapped(inner, change, free=free or (name in _FREE and isinstance(inner, dict)))
        if new is not inner:
            made = dict(value) if made is None else made
            made[name] = new
    return value if made is None else made


def _is_name(name: str) -> bool:
    return name in _NAMES or name.endswith("_id")


def _mapped_text(name: str, text: str, change: Callable[[str], str], *, free: bool) -> str:
    if name == _JSON and not free:
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return change(text)
        if isinstance(inner, (dict, list)) and _is_shallow(inner):
            made = mapped(inner, change, free=True)
            return text if made is inner else json.dumps(made, ensure_ascii=False)
    changed: str = mapped(text, change)
    return changed


def _is_shallow(value: Any) -> bool:
    """Whether JSON within JSON is nested no deeper than can be walked; what is deeper is one text."""
    level = [value]
    for _ in range(_DEPTH_MAX):
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in level if isinstance(one, (dict, list))]
        if not level:
            return True
    return False
