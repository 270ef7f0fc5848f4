"""The list of models as Anthropic's clients know it: they send ``anthropic-version`` with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from router.errors import BadRequest
from router.types.offers import Listed

__all__ = ["VERSION_HEADER", "model_shown", "models_shown"]

VERSION_HEADER = "anthropic-version"
"""The header by which a client says that it is one of Anthropic's."""

_LIMIT_MAX = 1000


def model_shown(listed: Listed) -> dict[str, Any]:
    """One model."""
    created = datetime.fromtimestamp(listed.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": listed.id, "display_name": listed.id, "created_at": created}


def models_shown(listed: Iterable[Listed], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of models; all of them where ``query`` names no ``limit``.

    Raises:
        BadRequest: the limit is none, or the page is to begin at a model that is not there.
    """
    found = list(listed)
    after, before = query.get("after_id"), query.get("before_id")
    if after is not None and before is not None:
        raise _bad("before_id", "must not be given together with 'after_id'")
    start, end = 0, len(found)
    if after is not None:
        start = _place(found, after, "after_id") + 1
    elif before is not None:
        end = _place(found, before, "before_id")
    limit = _limit(query.get("limit"), len(found))
    page = found[max(start, end - limit) : end] if before is not None else found[start:end][:limit]
    return {
        "data": [model_shown(one) for one in page],
        "has_more": end - start > len(page),
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _limit(text: str | None, all_of_them: int) -> int:
    if text is None:
        return max(1, all_of_them)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _LIMIT_MAX):
        raise _bad("limit", f"must be a whole number from 1 to {_LIMIT_MAX}")
    return int(text)


def _place(found: list[Listed], model_id: str, name: str) -> int:
    for place, one in enumerate(found):
        if one.id == model_id:
            return place
    raise _bad(name, "must be the ID of a model on the list")


def _bad(name: str, problem: str) -> BadRequest:
    return BadRequest(f"'{name}' {problem}.", code="invalid_value", param=name)
