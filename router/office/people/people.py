"""People: found, listed, changed, suspended."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from router.config.portal import LANGUAGES
from router.db.ids import check_name
from router.db.transaction import Runner, Transaction
from router.errors import BadRequest, Forbidden, NotFound
from router.i18n.worded import worded
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.closing import close_person, export_person, forget_old
from router.office.people.records import Person
from router.office.people.rules.addresses import email_key
from router.office.people.rules.passwords import LENGTH_WITH_FACTOR
from router.store.people.factors import has_second_factor_row
from router.store.people.people import PersonRow, find_person_row, list_person_rows, update_person
from router.store.people.sessions import delete_sessions

__all__ = [
    "NAME_MAX",
    "THEMES",
    "change_profile",
    "check_active",
    "check_person_name",
    "check_verified",
    "close_person",
    "export_person",
    "find_person",
    "forget_old",
    "get_person",
    "least_password",
    "list_people",
    "person_of",
    "person_row",
    "resume_person",
    "suspend_person",
]

NAME_MAX = 80
THEMES = ("system", "light", "dark")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of a text around: a name could pass for another by them."""


def get_person(office: Office, person_id: str) -> Person:
    """Raises:
    NotFound: there is no such person (code ``person_not_found``).
    """
    return person_of(person_row(office.database, person_id))


def find_person(office: Office, email: str) -> Person | None:
    """The person with an address, however it is spelt; None for nobody."""
    row = find_person_row(office.database, email_key=email_key(email))
    return None if row is None else person_of(row)


def list_people(
    office: Office, *, after: str = "", limit: int = 50, search: str = "", operators: bool = False
) -> list[Person]:
    """People, newest first.

    Args:
        after: the ID of the last one of the page before; empty for the first page.
        search: only those whose address or name holds this, or whose ID it is.
        operators: only those who run the gateway.
    """
    rows = list_person_rows(office.database, after=after, limit=limit, search=search.strip(), operators=operators)
    return [person_of(row) for row in rows]


def change_profile(
    office: Office,
    actor: Actor,
    person_id: str,
    *,
    name: str | None = None,
    locale: str | None = None,
    zone: str | None = None,
    theme: str | None = None,
) -> Person:
    """Change what somebody set for themselves; what is None stays.

    Args:
        locale: the code of a language; empty for the browser's.
        zone: IANA name of a time zone.

    Raises:
        NotFound: there is no such person.
        BadRequest: there is no such language, zone or theme, or the name is none; ``param`` says which.
    """
    given = {"name": name, "locale": locale, "zone": zone, "theme": theme}
    changes = {field: _checked(field, value) for field, value in given.items() if value is not None}

    def change(transaction: Transaction) -> Change[Person]:
        row = person_row(transaction, person_id, lock=True)
        changed = {field: value for field, value in changes.items() if getattr(row, field) != value}
        if changed:
            update_person(transaction, person_id, changed)
        person = person_of(person_row(transaction, person_id))
        return Change(person, person_id, {"changed": sorted(changed)}, made=bool(changed))

    return write(office, actor, "people profile", change)


def suspend_person(office: Office, actor: Actor, person_id: str, *, reason: str = "") -> Person:
    """Let somebody log in no more, until they are resumed; their log-ins end. Their workspaces' keys go on.

    Raises:
        NotFound: there is no such person.
        BadRequest: the account is closed.
    """
    return _set_status(office, actor, "people suspend", person_id, "suspended", reason)


def resume_person(office: Office, actor: Actor, person_id: str, *, reason: str = "") -> Person:
    """Let somebody log in again. Raises as ``suspend_person``."""
    return _set_status(office, actor, "people resume", person_id, "active", reason)


def check_person_name(text: str) -> str:
    """A name that people give themselves or their workspace; empty stays.

    Raises:
        BadRequest: it is too long, or holds characters that could make it pass for something else.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        return ""
    try:
        if _TURNING.intersection(name):
            raise BadRequest("A name must not hold characters that turn the direction of text.")
        if len(name) > NAME_MAX:
            raise BadRequest(worded("A name must have 1 to %(most)s characters.", most=NAME_MAX))
        return _checked_name(name)
    except BadRequest as error:
        error.param = "name"
        raise


def _checked_name(name: str) -> str:
    try:
        return check_name(name, "a name", longest=NAME_MAX)
    except BadRequest:  # as it is not too long
        raise BadRequest("A name must not hold control characters or line breaks.") from None


def person_row(database: Runner, person_id: str, *, lock: bool = False) -> PersonRow:
    """As ``get_person``, with all that is kept."""
    row = find_person_row(database, id=person_id, lock=lock) if person_id else None
    if row is None:
        raise NotFound(f"There is no person {person_id[:40]!r}.", code="person_not_found")
    return row


def person_of(row: PersonRow) -> Person:
    """What is told of a person."""
    return Person(
        row.id,
        row.email,
        row.name,
        bool(row.password),
        row.locale,
        row.zone,
        row.theme,
        row.status,
        row.operator,
        row.verified_at,
        row.created_at,
        row.seen_at,
    )


def check_active(row: PersonRow) -> None:
    """Raises:
    Forbidden: the person is suspended, or closed their account (code ``person_suspended``).
    """
    if row.status != "active":
        raise Forbidden("This log-in is suspended: write to whoever runs this service.", code="person_suspended")


def check_verified(row: PersonRow) -> None:
    """Raises:
    Forbidden: the address is not proved yet (code ``not_verified``).
    """
    if row.verified_at is None:
        raise Forbidden("Open the link that was mailed to you first.", code="not_verified")


def least_password(office: Office, person_id: str) -> int:
    """How many characters a new password of somebody has at least; empty is somebody new."""
    asked = office.settings.portal.password_length
    if person_id and asked > LENGTH_WITH_FACTOR and has_second_factor_row(office.database, person_id):
        return LENGTH_WITH_FACTOR
    return asked


def _set_status(office: Office, actor: Actor, action: str, person_id: str, status: str, reason: str) -> Person:
    def change(transaction: Transaction) -> Change[Person]:
        row = person_row(transaction, person_id, lock=True)
        if row.status == "closed":
            raise BadRequest(f"{person_id} has closed the account, which is for good.", code="person_closed")
        update_person(transaction, person_id, {"status": status})
        if status != "active":
            delete_sessions(transaction.connection, person_id)
        detail: Mapping[str, Any] = {"reason": reason, "before": row.status}
        return Change(person_of(person_row(transaction, person_id)), person_id, detail, made=row.status != status)

    return write(office, actor, action, change)


def _checked(field: str, value: str) -> str:
    if field == "name":
        return check_person_name(value)
    if field == "locale" and value and value not in LANGUAGES:
        message = worded("The languages are %(known)s.", known=", ".join(LANGUAGES))
        raise BadRequest(message, code="unknown_language", param="locale")
    if field == "theme" and value not in THEMES:
        message = worded("The themes are %(known)s.", known=", ".join(THEMES))
        raise BadRequest(message, code="unknown_theme", param="theme")
    if field == "zone" and not _is_zone(value):
        raise BadRequest(
            "A time zone is named as in Asia/Ashgabat or Europe/Berlin.", code="unknown_zone", param="zone"
        )
    return value


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return bool(name) and len(name) <= NAME_MAX
