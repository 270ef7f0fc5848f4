"""What belongs to the workspace that is looked at; anything else is not there, whoever owns it."""

from __future__ import annotations

from collections.abc import Iterable

from router.errors import NotFound
from router.office.keys import KeyRow, get_key
from router.office.people.members import list_members
from router.portal.web.requests import PageRequest

__all__ = ["NOBODY", "maker_names", "maker_of", "nothing_here", "own_key"]

NOBODY = "none"
"""Who made what no person made, as addresses have it."""


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


def maker_of(row: KeyRow) -> str:
    """Who made a key, as addresses have it; a key that took another's place has that one's maker."""
    return row.made_by or NOBODY


def maker_names(request: PageRequest, people: Iterable[str]) -> dict[str, str]:
    """What makers of keys are called: those who are no members any more are not named.

    Args:
        people: their IDs; empty for no person.
    """
    members = {one.person_id: one.name or one.email for one in list_members(request.office, request.account_id)}
    gone = request.text("no longer a member")
    return {id or NOBODY: members.get(id, gone) if id else request.text("not made by a person") for id in people}
