"""What Anthropic says that it serves: ``GET /v1/models``, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from router import ModelCard

__all__ = ["listing"]

_PAGES_MAX = 20
_PER_PAGE = 1000


def listing(fetch: Callable[[str], Any]) -> Iterator[ModelCard]:
    """The cards of all pages; every model there chats. Prices are not told.

    Args:
        fetch: decoded JSON of a path.
    """
    path = f"/models?limit={_PER_PAGE}"
    for _ in range(_PAGES_MAX):
        page = fetch(path)
        found = page if isinstance(page, dict) else {}
        models = found.get("data")
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and isinstance(model.get("id"), str) and model["id"]:
                yield _card(model)
        last = found.get("last_id")
        if found.get("has_more") is not True or not isinstance(last, str) or not last:
            return
        path = f"/models?limit={_PER_PAGE}&after_id={quote(last, safe='')}"


def _card(model: Mapping[str, Any]) -> ModelCard:
    return ModelCard(
        model["id"],
        owned_by="anthropic",
        created=_seconds(model.get("created_at")),
        context_window=_tokens(model.get("max_input_tokens")),
        max_output=_tokens(model.get("max_tokens")),
    )


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _seconds(value: Any) -> int:
    """Unix seconds of an RFC 3339 time; 0 where it is none, or before 1970: what is not known is 1970 there."""
    try:
        return max(0, int(datetime.fromisoformat(value).timestamp()))
    except (ValueError, TypeError, OverflowError):
        return 0
