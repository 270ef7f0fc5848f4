"""What the office tells of people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROLES", "Invitation", "Member", "Person", "TicketView", "Visit", "WebSession", "Workspace", "may"]

ROLES = ("viewer", "developer", "owner")
"""What somebody may do in a workspace: see; make keys and call; everything. Each may what those before it may."""


def may(role: str, least: str) -> bool:
    """Whether a role includes another; the empty one includes none."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(least)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in.

    Attributes:
        id: ``pers_...``.
        email: as it was typed.
        name: what they call themselves; empty for none.
        has_password: else they log in by mailed links.
        locale: the code of a language; empty for their browser's.
        zone: IANA name of their time zone.
        theme: ``system``, ``light`` or ``dark``.
        status: ``active``, ``suspended`` or ``closed``.
        operator: whether they run the gateway.
        verified_at: Unix seconds at which the address was proved; None: not yet.
        created_at, seen_at: Unix seconds; ``seen_at`` None for never.
    """

    id: str
    email: str
    name: str
    has_password: bool
    locale: str
    zone: str
    theme: str
    status: str
    operator: bool
    verified_at: float | None
    created_at: float
    seen_at: float | None


@dataclass(frozen=True, slots=True)
class Workspace:
    """An account as one of its members sees it; ``role`` is theirs."""

    account_id: str
    name: str
    role: str
    status: str


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace; ``second_factor``: whether they have one."""

    account_id: str
    person_id: str
    role: str
    created_at: float
    email: str
    name: str
    seen_at: float | None
    second_factor: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is open; ``made_by`` is the address of who sent it."""

    id: str
    account_id: str
    email: str
    role: str
    made_by: str
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class WebSession:
    """A log-in.

    Attributes:
        id: ``sess_...``.
        account_id: the workspace that is looked at; empty for none.
        role: what the person may do there now; empty for nothing.
        complete: false while the second factor is still to come: such a session may do nothing else.
        second_factor: whether the person has one, which a complete session has shown, then.
        stepped_at: Unix seconds at which who they are was last proved anew; None for never.
        acting: whether an operator looks at a workspace that is not theirs, as a viewer of it does.
    """

    id: str
    person: Person
    account_id: str
    role: str
    complete: bool
    second_factor: bool
    created_at: float
    seen_at: float
    expires_at: float
    stepped_at: float | None
    address: str
    agent: str
    acting: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request comes from.

    Attributes:
        address: the client's IP address.
        agent: what its browser calls itself.
        locale: the code of the language that it is answered in.
        browser: the text of the cookie that tells the browsers of visitors apart; empty for none.
        zone: IANA name of its time zone, where it told; else empty.
    """

    address: str = ""
    agent: str = ""
    locale: str = "en"
    browser: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class TicketView:
    """What a one-time link is for, as its page shows it; looking uses nothing up.

    Attributes:
        purpose: ``verify``, ``login``, ``reset``, ``invite``, ``email``, ``operator`` or ``step``.
        email: to which it was sent.
        account_name, role, made_by: of an invitation: whose workspace, what one may do there, who invites.
    """

    purpose: str
    email: str
    account_id: str
    account_name: str
    role: str
    made_by: str
    expires_at: float
