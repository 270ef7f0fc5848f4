"""What belongs to the workspace that is looked at; anything else is not there, whoever owns it."""

from __future__ import annotations

from router.errors import NotFound
from router.office.keys import KeyRow, get_key
from router.portal.web.requests import PageRequest

__all__ = ["is_member", "nothing_here", "own_key"]


def is_member(request: PageRequest) -> bool:
    """Whether who reads a page for everybody is logged in, and looks at a workspace of theirs."""
    session = request.session
    verified = session is not None and session.complete and session.person.verified_at is not None
    return verified and bool(request.role)


def nothing_here(request: PageRequest) -> NotFound:
    """The one answer for what is not there and for what is somebody else's."""
    return NotFound(request.text("There is nothing at this address, or it is not yours."), code="not_found")


def own_key(request: PageRequest) -> KeyRow:
    """The key that the path names.

    Raises:
        NotFound: there is none, or it is not this workspace's, or not for people to touch.
    """
    try:
        row = get_key(request.office, request.params["key_id"])
    except NotFound:
        raise nothing_here(request) from None
    if row.account_id != request.account_id or row.kind == "hidden":
        raise nothing_here(request)
    return row
