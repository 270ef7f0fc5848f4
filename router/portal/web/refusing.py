"""What somebody is told who may not have a page, or for whom something went wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException

from router.errors import (
    Forbidden,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RouterError,
    StoreError,
    TooLarge,
    Unauthorized,
)
from router.office.people.records import ROLES
from router.portal.web.guard import SAFE
from router.portal.web.pages import PageRoute
from router.portal.web.replies import PageReply, json_reply, with_wait
from router.portal.web.requests import PageRequest

__all__ = ["as_ours", "failure_page", "next_path", "refusal"]

_NEXT_MAX = 500
_BEFORE = re.compile(r"/app/(?:login|logout|static)(?:/|$)")  # /app/logs is a page like any other
_SERVER_FAULT = 500
_ALONE = "layout/plain.html"
_AWAY_S = "60"
"""After how many seconds to try again where the database is away, as the words say."""


def refusal(page: PageRoute, asked: PageRequest) -> PageReply | None:
    """What somebody gets who may not see a page; None for who may.

    Raises:
        Unauthorized: JSON is asked for without a session.
        NotFound: pages of operators are no pages for others.
        Forbidden: the role in the workspace is too small; says which may. Or JSON is asked for by who has no workspace,
            or an address that is not proved yet.
    """
    if page.access == "public":
        return None
    if page.json:
        _check_json(page, asked)
    session = asked.session
    if session is None:
        return asked.redirect("/app/login", next=asked.page)
    if not session.complete:
        return asked.redirect("/app/login/second", next=asked.page)
    if page.access == "operator":
        return _for_operators(asked)
    if page.access == "person":
        return None
    if session.person.verified_at is None:
        return asked.redirect("/app/verify")
    if not session.role:
        return asked.redirect("/app/workspaces")
    if session.acting and asked.method not in SAFE:
        raise Forbidden(asked.text("You only look at this workspace: nothing can be changed."), code="only_looking")
    if not asked.may(page.access):
        raise Forbidden(_who_may(asked, page.access), code="role_too_small")
    return None


def _check_json(page: PageRoute, asked: PageRequest) -> None:
    """Where a page would be led on to another, JSON is refused: a program follows nowhere."""
    session = asked.session
    if session is None or not session.complete:
        raise Unauthorized(asked.text("Log in first."), code="no_session")
    if page.access in ROLES and session.person.verified_at is None:
        raise Forbidden(asked.text("Verify your address first."), code="not_verified")
    if page.access in ROLES and not session.role:
        raise Forbidden(asked.text("Choose a workspace first."), code="no_workspace")


def next_path(text: str) -> str:
    """Where to go after the log-in: a page of ours, and nothing else that an address may say."""
    parts = urlsplit(text)
    ours = text.startswith(("/app/", "/ops/")) and not parts.netloc and not parts.scheme
    plain = len(text) <= _NEXT_MAX and "\\" not in text and "//" not in parts.path and text.isprintable()
    return text if ours and plain and not _BEFORE.match(parts.path) else "/app/"


def as_ours(error: BaseException, asked: PageRequest) -> RouterError:
    """Any fault as one of ours, in words for people."""
    if isinstance(error, StoreError):
        told = asked.text("The database does not answer. Nothing was changed; try again in a minute.")
        return StoreError(told, headers={"Retry-After": _AWAY_S})
    if isinstance(error, RouterError):
        return error
    if isinstance(error, HTTPException):
        if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge(asked.text("That is more than this form takes."))
        if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed(asked.text("This page takes no such request."))
        if error.code is not None and error.code < _SERVER_FAULT:
            return NotFound(asked.text("There is no such page."), code="not_found")
    return RouterError(asked.text("Something went wrong on our side. Nothing was changed as far as we know."))


def failure_page(asked: PageRequest, error: RouterError, *, json: bool) -> PageReply:
    """The answer that tells of a fault, with the request's ID and what to do."""
    if json:
        told = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
        reply = json_reply({"error": told}, error.status)
    else:
        reply = _told(asked, error)
    return with_wait(reply, error)


def _told(asked: PageRequest, error: RouterError) -> PageReply:
    """The page that says so: among the others of who is logged in, but for faults of ours, which those may have too."""
    shown: dict[str, Any] = {"status": error.status, "error": error, "title": _title(asked, error)}
    if error.status < _SERVER_FAULT:
        with suppress(StoreError):
            return asked.render("error.html", layout=_layout(asked), **shown)
    return asked.render("error.html", layout=_ALONE, **shown)


def _layout(asked: PageRequest) -> str:
    session = asked.session
    if session is not None and session.person.operator and session.second_factor and asked.path.startswith("/ops/"):
        return "layout/ops.html"
    return "layout/app.html" if asked.is_member else _ALONE


def _for_operators(asked: PageRequest) -> PageReply | None:
    """Operators have a second factor, and have used it."""
    assert asked.session is not None
    if not asked.session.person.operator:
        raise NotFound(asked.text("There is no such page."), code="not_found")
    if not asked.session.second_factor:
        return asked.redirect("/app/settings/security", said="operators_need_a_factor")
    return None


def _who_may(asked: PageRequest, least: str) -> str:
    names = {"viewer": asked.text("viewers"), "developer": asked.text("developers"), "owner": asked.text("owners")}
    listed = ", ".join(names[one] for one in ROLES[ROLES.index(least) :])
    return asked.text("In this workspace only its %(roles)s may do this. Ask one of them.", roles=listed)


def _title(asked: PageRequest, error: RouterError) -> str:
    if isinstance(error, RateLimited):
        return asked.text("Please wait a moment")
    if isinstance(error, Forbidden):
        return asked.text("That is not allowed")
    if isinstance(error, NotFound):
        return asked.text("There is no such page")
    if error.status >= _SERVER_FAULT:
        return asked.text("That did not work")
    return asked.text("Please check what you sent")
