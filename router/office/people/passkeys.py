"""Passkeys (W3C WebAuthn): keys of a device or a password manager, which answer the right site alone.

One is a second factor beside a password, a proof before money and keys, and, where the device itself checks who holds
it, a whole log-in. They need the extra ``passkeys``, and a site with a name: browsers know no passkey of an address.
"""

from __future__ import annotations

import hmac
import importlib.util
import ipaddress
import json
import re
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, RouterError, Unauthorized
from router.i18n.worded import worded
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.factors import note_try
from router.office.people.people import check_active, check_verified, person_of, person_row
from router.office.people.records import Person, Visit
from router.office.people.rules.attempts import admit, by_client, by_person, by_site
from router.store.people.factors import (
    FactorRow,
    find_passkey_row,
    insert_factor,
    list_factor_rows,
    use_passkey,
)
from router.store.people.pepper import keyed_hash, pepper
from router.store.people.proofs import use_proof

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

__all__ = [
    "ANSWER_MAX",
    "PASSKEYS_MAX",
    "PasskeySite",
    "add_passkey",
    "check_passkey",
    "has_passkey",
    "new_passkey_options",
    "passkey_log_in",
    "passkey_options",
    "passkey_site",
]

PASSKEYS_MAX = 10
"""So many one person may have."""

ANSWER_MAX = 16_384
"""Characters of a browser's answer."""

_LASTS_S = 600
_NONCE, _MAC = 16, 32
_LOG_IN = "login"
_NAME_MAX = 60
_HANDLE = re.compile(r"[A-Za-z0-9_-]{1,1400}", re.ASCII)
"""A credential's ID, of 1023 bytes at most; a NUL in it would be a fault of the database's."""


@dataclass(frozen=True, slots=True)
class PasskeySite:
    """The site whose passkeys are meant ("relying party").

    Attributes:
        id: its host's name.
        origin: as browsers write it.
        name: what a browser shows.
    """

    id: str
    origin: str
    name: str


def passkey_site(origin: str, name: str) -> PasskeySite | None:
    """The site at an origin; None where browsers keep no passkeys, or the extra is not installed.

    Args:
        origin: ``https://portal.example.com``; over plain HTTP this machine's own names alone do.
    """
    parts = urlsplit(origin)
    host = parts.hostname or ""
    local = host == "localhost" or host.endswith(".localhost")
    if not host or _is_address(host) or not (parts.scheme == "https" or local) or not _installed():
        return None
    return PasskeySite(host, origin, name)


def has_passkey(office: Office, person_id: str) -> bool:
    """Whether somebody has one."""
    return bool(list_factor_rows(office.database, person_id, "passkey"))


def new_passkey_options(office: Office, site: PasskeySite, person_id: str) -> str:
    """What a browser needs to make a passkey: JSON of ``PublicKeyCredentialCreationOptions``.

    Raises:
        NotFound: there is no such person.
        Forbidden: their address is not proved yet (``not_verified``).
        Conflict: they have as many as anybody may (``too_many_passkeys``).
    """
    import webauthn
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement

    row = person_row(office.database, person_id)
    check_verified(row)
    have = list_factor_rows(office.database, person_id, "passkey")
    _check_room(have)
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_id=person_id.encode(),
        user_name=row.email,
        user_display_name=row.name or row.email,
        challenge=_challenge(office, _subject("new", person_id)),
        timeout=_LASTS_S * 1000,
        exclude_credentials=_descriptors(have),
        authenticator_selection=AuthenticatorSelectionCriteria(resident_key=ResidentKeyRequirement.PREFERRED),
    )
    return webauthn.options_to_json(options)


def add_passkey(office: Office, actor: Actor, site: PasskeySite, person_id: str, answer: str, name: str = "") -> None:
    """Let a passkey count that a browser has made.

    Args:
        answer: JSON of ``PublicKeyCredential.toJSON()``.
        name: how its owner calls it.

    Raises:
        NotFound: there is no such person.
        BadRequest: it is no answer to what was asked a short while ago (``wrong_passkey``).
        Conflict: the passkey is known (``passkey_known``), or they have too many (``too_many_passkeys``).
    """
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    try:
        given, challenge, until = _read(office, answer, _subject("new", person_id))
        found = webauthn.verify_registration_response(
            credential=given, expected_challenge=challenge, expected_rp_id=site.id, expected_origin=site.origin
        )
    except _refusals() as error:
        raise _wrong_new(error) from None
    handle, public_key = bytes_to_base64url(found.credential_id), bytes_to_base64url(found.credential_public_key)
    called = clean_text(name).strip()[:_NAME_MAX]

    def add(transaction: Transaction) -> Change[None]:
        connection, now = transaction.connection, office.clock()
        check_verified(person_row(transaction, person_id, lock=True))
        _check_room(list_factor_rows(transaction, person_id, "passkey"))
        if not use_proof(connection, _used(challenge), until):
            raise _wrong_new(ValueError("used before"))
        if find_passkey_row(transaction, handle) is not None:
            raise Conflict("This passkey is known here already.", code="passkey_known")
        row = FactorRow(
            new_id("fact"), person_id, "passkey", called, public_key, handle, found.sign_count, True, now, None
        )
        insert_factor(connection, row)
        record_event(transaction, office, person_id, "factor_added", address=actor.address, detail={"kind": "passkey"})
        return Change(None, person_id, {"factor": row.id, "kind": "passkey"})

    write(office, actor, "factors add-passkey", add)


def passkey_options(office: Office, site: PasskeySite, person_id: str = "", subject: str = "") -> str:
    """What a browser needs to ask for a passkey: JSON of ``PublicKeyCredentialRequestOptions``.

    Args:
        person_id: whose; empty for a log-in by whatever passkey of ours the browser has.
        subject: the log-in for which it is asked, so that no other can use the answer.
    """
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    mine = _descriptors(list_factor_rows(office.database, person_id, "passkey")) if person_id else []
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=_challenge(office, _subject(subject, person_id) if person_id else _LOG_IN),
        timeout=_LASTS_S * 1000,
        allow_credentials=mine,
        user_verification=UserVerificationRequirement.PREFERRED if person_id else UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def check_passkey(
    office: Office,
    site: PasskeySite,
    person: Person,
    subject: str,
    answer: str,
    visit: Visit | None = None,
    *,
    again: bool = False,
) -> None:
    """Check the answer of somebody's passkey, and use it up.

    Args:
        subject: as ``passkey_options`` was given it.
        visit, again: as ``check_second_factor`` has them, whose attempts these are counted among.

    Raises:
        Unauthorized: it is none of their passkeys, or no answer to what was asked (``wrong_passkey``).
        RateLimited: too many were tried (``too_many_attempts``).
    """
    here, action, now = visit or Visit(), "factor_again" if again else "factor", office.clock()
    tallies = (by_person(action, person.id), by_client(action, here.address))
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    proved = _proved(office, site, _subject(subject, person.id), answer, owner=person.id)

    def use(connection: Connection) -> bool:
        used = proved is not None and _use(connection, proved, now)
        note_try(connection, office, person.id, tallies, here, "" if used else "factor_failed")
        return used

    if not office.database.write(use, behind=True):
        raise _wrong()


def passkey_log_in(office: Office, site: PasskeySite, answer: str, visit: Visit) -> Person:
    """Who logs in by a passkey alone, whose device has checked who holds it: that is both factors.

    Raises:
        Unauthorized: it is none of ours, no answer to what was asked, or its device did not check (``wrong_passkey``).
        RateLimited: too many were tried from this client, or in all (``too_many_attempts``).
        Forbidden: the person is suspended (``person_suspended``).
    """
    tallies, now = (by_client("login", visit.address), by_site("login")), office.clock()
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    proved = _proved(office, site, _LOG_IN, answer, verified=True)

    def use(connection: Connection) -> bool:
        used = proved is not None and _use(connection, proved, now)
        if proved is not None:
            note_try(connection, office, proved.row.person_id, tallies, visit, "" if used else "factor_failed")
        return used

    if not office.database.write(use, behind=True) or proved is None:
        raise _wrong()
    row = person_row(office.database, proved.row.person_id)
    check_active(row)
    return person_of(row)


@dataclass(frozen=True, slots=True)
class _Proved:
    """A passkey that has answered: its row with the new counter, the challenge, and until when that holds."""

    row: FactorRow
    challenge: bytes
    until: int


def _proved(
    office: Office, site: PasskeySite, subject: str, answer: str, *, owner: str = "", verified: bool = False
) -> _Proved | None:
    """The passkey whose answer it is; None for none."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes

    try:
        given, challenge, until = _read(office, answer, subject)
        handle = given["id"]
        row = find_passkey_row(office.database, handle) if _HANDLE.fullmatch(handle) else None
        if row is None or owner not in ("", row.person_id):
            return None
        found = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(row.secret),
            credential_current_sign_count=row.counter,
            require_user_verification=verified,
        )
    except _refusals():
        return None
    return _Proved(replace(row, counter=found.new_sign_count), challenge, until)


def _use(connection: Connection, proved: _Proved, now: float) -> bool:
    """Use an answer up: of two who show it at once, one is let in."""
    row = proved.row
    return use_proof(connection, _used(proved.challenge), proved.until) and use_passkey(
        connection, row.id, row.counter, now
    )


def _challenge(office: Office, subject: str) -> bytes:
    """A random number, until when it may be answered, and our mark upon both: nothing has to be kept until it is."""
    nonce, until = secrets.token_bytes(_NONCE), struct.pack(">Q", int(office.clock()) + _LASTS_S)
    return nonce + until + _mark(office, subject, nonce + until)


def _read(office: Office, answer: str, subject: str) -> tuple[dict[str, Any], bytes, int]:
    """A browser's answer, the challenge in it, and until when that holds.

    Raises:
        ValueError: it is no answer, or none to what we asked for this, or too late.
    """
    from webauthn.helpers import base64url_to_bytes

    if not answer or len(answer) > ANSWER_MAX:
        raise ValueError("no answer")
    given = json.loads(answer)
    told = json.loads(base64url_to_bytes(given["response"]["clientDataJSON"]))
    challenge = base64url_to_bytes(told["challenge"])
    head, mark = challenge[:-_MAC], challenge[-_MAC:]
    if len(head) != _NONCE + 8 or not hmac.compare_digest(mark, _mark(office, subject, head)):
        raise ValueError("another challenge")
    (until,) = struct.unpack(">Q", head[_NONCE:])
    if until <= office.clock():
        raise ValueError("too late")
    return given, challenge, until


def _mark(office: Office, subject: str, head: bytes) -> bytes:
    return bytes.fromhex(keyed_hash(pepper(office.database), "passkey", f"{subject} {head.hex()}"))


def _subject(what: str, person_id: str) -> str:
    return f"{what} {person_id}"


def _used(challenge: bytes) -> str:
    return f"passkey:{challenge.hex()}"


def _descriptors(rows: Sequence[FactorRow]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.handle)) for row in rows]


def _check_room(rows: Sequence[FactorRow]) -> None:
    if len(rows) >= PASSKEYS_MAX:
        message = worded("You have %(most)s passkeys: remove one first.", most=PASSKEYS_MAX)
        raise Conflict(message, code="too_many_passkeys")


def _refusals() -> tuple[type[Exception], ...]:
    """What a strange answer raises, in the library and before it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from webauthn.helpers.exceptions import WebAuthnException

    of_parts = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error)
    return (WebAuthnException, UnsupportedAlgorithm, *of_parts)


def _wrong() -> RouterError:
    return Unauthorized("This passkey was not accepted: try again.", code="wrong_passkey")


def _wrong_new(error: Exception) -> RouterError:
    return BadRequest(
        "The passkey was not accepted: begin anew.", code="wrong_passkey", detail=f"a new passkey: {error}"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@cache
def _installed() -> bool:
    """Whether the extra is there; it is imported when somebody uses a passkey."""
    return importlib.util.find_spec("webauthn") is not None
