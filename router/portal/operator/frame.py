"""What all pages of the console share: their language, their messages, and lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from router.errors import NotFound
from router.i18n.language import language_of
from router.portal.operator.said import DONE
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGE", "ListPage", "given", "list_page", "nothing_there", "seq_of", "show", "typed"]

T = TypeVar("T")

PAGE = 50
"""Rows of one page of a list."""

_TYPED_MAX = 300
_SEQ_MAX = 18  # digits


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """Some rows of a list, and the cursor of the next; empty where there are no more."""

    rows: Sequence[T]
    more: str = ""


def show(request: PageRequest, template: str, *, status: int = 200, **values: Any) -> PageReply:
    """A page of the console, which speaks English."""
    request.language = language_of("en")
    said = DONE.get(request.query.get("said", ""), "")
    return request.render(f"operator/{template}", status=status, said=said, **values)


def list_page(read: Callable[[int], Sequence[T]], cursor: Callable[[T], object], size: int = PAGE) -> ListPage[T]:
    """A page of a list that is read one row further, to see whether there is more.

    Args:
        read: gives so many rows at most.
        cursor: what the page behind a row is asked by.
    """
    rows = read(size + 1)
    return ListPage(rows[:size], str(cursor(rows[size - 1])) if len(rows) > size else "")


def typed(request: PageRequest, name: str) -> str:
    """What a filter of the address says."""
    return request.query.get(name, "").strip()[:_TYPED_MAX]


def given(request: PageRequest, name: str) -> str:
    """What an action is about where that is no part of its path, since IDs of models hold slashes: what its form
    carries along, or the address names.
    """
    return (request.form.get(name) or request.query.get(name) or "").strip()[:_TYPED_MAX]


def seq_of(request: PageRequest, name: str = "before") -> int | None:
    """A cursor that is a number; None for none, or nonsense."""
    text = typed(request, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _SEQ_MAX else None


def nothing_there(what: str) -> NotFound:
    """The answer for what an address names and is not there."""
    return NotFound(f"There is no {what}.", code="not_found")
