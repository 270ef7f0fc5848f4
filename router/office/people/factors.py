"""Second factors: codes of an authenticator's app, recovery codes for who has lost it. ``passkeys`` has the third."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from dataclasses import dataclass

from router.config.provider import Secret
from router.db.connection import Connection
from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, NotFound, Unauthorized, Unavailable
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.people import check_verified, person_row
from router.office.people.records import Person, Visit
from router.office.people.rules.attempts import admit, by_client, by_person
from router.office.people.rules.passwords import off_loop
from router.store.people.attempts import Tally, forget_attempt
from router.store.people.events import has_event
from router.store.people.factors import (
    FactorRow,
    advance_counter,
    confirm_factor,
    delete_factors,
    has_second_factor_row,
    insert_factor,
    list_factor_rows,
    replace_recovery,
    take_recovery,
)
from router.store.sealing import MASTER_KEY, seal, unseal

__all__ = [
    "RECOVERY_CODES",
    "Factor",
    "TotpStart",
    "begin_totp",
    "check_second_factor",
    "confirm_totp",
    "has_second_factor",
    "list_factors",
    "new_recovery_codes",
    "note_try",
    "recovery_codes_left",
    "remove_factor",
]

_log = logging.getLogger("router.office.people")

RECOVERY_CODES = 10
_STEP_S = 30
_AROUND = 1  # steps before and after: clocks differ
_QUIET_S = 3600.0  # of wrong codes one in this time is kept as an event: whoever guesses writes no more
_DIGITS = re.compile(r"\d{6}", re.ASCII)
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is taken for another
_LENGTH, _GROUP = 16, 4


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor that counts.

    Attributes:
        kind: ``totp`` or ``passkey``.
        name: what its owner calls it; empty for nothing.
        created_at, used_at: Unix seconds; None for never.
    """

    id: str
    kind: str
    name: str
    created_at: float
    used_at: float | None


@dataclass(frozen=True, slots=True)
class TotpStart:
    """What an authenticator's app is told.

    Attributes:
        secret: to be typed; base32.
        uri: to be scanned.
    """

    secret: str
    uri: str


def list_factors(office: Office, person_id: str) -> list[Factor]:
    """Somebody's second factors, oldest first, without recovery codes."""
    rows = list_factor_rows(office.database, person_id)
    return [
        Factor(row.id, row.kind, row.name, row.created_at, row.used_at)
        for row in rows
        if row.confirmed and row.kind != "recovery"
    ]


def has_second_factor(office: Office, person_id: str) -> bool:
    """Whether somebody is to be asked for a second factor; recovery codes alone are none."""
    return has_second_factor_row(office.database, person_id)


def recovery_codes_left(office: Office, person_id: str) -> int:
    """How many recovery codes somebody has not used."""
    return len(list_factor_rows(office.database, person_id, "recovery"))


def begin_totp(office: Office, actor: Actor, person_id: str) -> TotpStart:
    """Make a secret for an authenticator's app, which counts once it is confirmed by a code.

    Raises:
        NotFound: there is no such person.
        Forbidden: their address is not proved yet (``not_verified``).
        Unavailable: there is no master key to seal it with (``second_factor_unavailable``).
    """
    import pyotp

    secret = pyotp.random_base32()
    sealed = off_loop(_sealed, secret, _master(office), person_id)

    def begin(transaction: Transaction) -> Change[TotpStart]:
        row = person_row(transaction, person_id, lock=True)
        check_verified(row)
        delete_factors(transaction.connection, person_id, kind="totp", confirmed=False)
        factor = FactorRow(new_id("fact"), person_id, "totp", "", sealed, "", 0, False, office.clock(), None)
        insert_factor(transaction.connection, factor)
        issuer = (office.settings.portal.name or office.dialect.title).replace(":", " ")
        uri = pyotp.TOTP(secret).provisioning_uri(name=row.email, issuer_name=issuer)
        return Change(TotpStart(secret, uri), person_id, {"factor": factor.id})

    return write(office, actor, "factors begin", begin)


def confirm_totp(office: Office, actor: Actor, person_id: str, code: str) -> tuple[str, ...]:
    """Let an app's codes count from now on, in place of those of another app; new recovery codes, which are shown once.

    Raises:
        NotFound: nothing was begun (``factor_not_found``).
        BadRequest: it is another code (``wrong_code``).
        RateLimited: too many were tried.
        Unavailable: as ``begin_totp``.
    """
    now, tallies = office.clock(), (by_person("factor_again", person_id),)
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    begun = next((row for row in list_factor_rows(office.database, person_id, "totp") if not row.confirmed), None)
    if begun is None:
        raise NotFound("Nothing was begun that could be confirmed: begin anew.", code="factor_not_found")
    step = _step_of(office, begun, code)
    if step is None:
        raise BadRequest(
            "This is not the code that the app shows now: look at the clocks of both.", code="wrong_code", param="code"
        )
    codes = _new_codes()

    def confirm(transaction: Transaction) -> Change[tuple[str, ...]]:
        connection = transaction.connection
        person_row(transaction, person_id, lock=True)
        delete_factors(connection, person_id, kind="totp", confirmed=True)
        if not confirm_factor(connection, begun.id, step, office.clock()):
            raise NotFound("Nothing was begun that could be confirmed: begin anew.", code="factor_not_found")
        replace_recovery(connection, person_id, [_recovery_hash(person_id, one) for one in codes], office.clock())
        forget_attempt(connection, tallies, now)
        record_event(transaction, office, person_id, "factor_added", address=actor.address, detail={"kind": "totp"})
        return Change(codes, person_id, {"factor": begun.id})

    return write(office, actor, "factors confirm", confirm)


def remove_factor(office: Office, actor: Actor, person_id: str, factor_id: str) -> None:
    """Take a second factor away; with the last one the recovery codes go.

    Raises:
        NotFound: there is no such factor of theirs (``factor_not_found``).
    """

    def remove(transaction: Transaction) -> Change[None]:
        connection = transaction.connection
        person_row(transaction, person_id, lock=True)
        rows = [row for row in list_factor_rows(transaction, person_id) if row.kind != "recovery"]
        kind = next((row.kind for row in rows if row.id == factor_id), "")
        if not kind or not delete_factors(connection, person_id, id=factor_id):
            raise NotFound("There is no such second factor.", code="factor_not_found")
        if not has_second_factor_row(transaction, person_id):
            delete_factors(connection, person_id, kind="recovery")
        record_event(transaction, office, person_id, "factor_removed", address=actor.address, detail={"kind": kind})
        return Change(None, person_id, {"factor": factor_id, "kind": kind})

    write(office, actor, "factors remove", remove)


def new_recovery_codes(office: Office, actor: Actor, person_id: str) -> tuple[str, ...]:
    """Ten recovery codes in the place of those that there were; they are shown once.

    Raises:
        NotFound: there is no such person.
        BadRequest: they have no second factor that could be lost (``no_second_factor``).
    """
    codes = _new_codes()

    def make(transaction: Transaction) -> Change[tuple[str, ...]]:
        person_row(transaction, person_id, lock=True)
        if not has_second_factor_row(transaction, person_id):
            raise BadRequest("Recovery codes are for who has a second factor: add one first.", code="no_second_factor")
        hashes = [_recovery_hash(person_id, one) for one in codes]
        replace_recovery(transaction.connection, person_id, hashes, office.clock())
        record_event(transaction, office, person_id, "recovery_codes_made", address=actor.address)
        return Change(codes, person_id, {})

    return write(office, actor, "factors recovery-codes", make)


def check_second_factor(
    office: Office, person: Person, code: str, visit: Visit | None = None, *, again: bool = False
) -> str:
    """Check a code of an app, or a recovery code, and use it up; which it was: ``totp`` or ``recovery``.

    Args:
        visit: where it comes from.
        again: whether it is to step up a log-in that has shown a second factor before: what others try at the log-in
            takes nothing from its owner.

    Raises:
        Unauthorized: it is another code, or was used before (code ``wrong_code``).
        RateLimited: too many were tried, by all methods together (``too_many_attempts``).
        Unavailable: codes of apps cannot be checked now (``second_factor_unavailable``).
    """
    here, action, now = visit or Visit(), "factor_again" if again else "factor", office.clock()
    tallies = (by_person(action, person.id), by_client(action, here.address))
    office.database.write(lambda connection: admit(connection, tallies, now), behind=True)
    text = "".join(code.split()).replace("-", "").lower()
    totp = _DIGITS.fullmatch(text) is not None
    steps = _steps_of(office, person.id, text) if totp else []

    def use(connection: Connection) -> bool:
        used = (
            any(advance_counter(connection, factor_id, step, now) for factor_id, step in steps)
            if totp
            else take_recovery(connection, person.id, _recovery_hash(person.id, text))
        )
        kind = "" if used and totp else "recovery_code_used" if used else "factor_failed"
        note_try(connection, office, person.id, tallies, here, kind)
        return used

    if not office.database.write(use, behind=True):
        raise Unauthorized("This code is not right, or was used before.", code="wrong_code")
    return "totp" if totp else "recovery"


def note_try(
    connection: Connection, office: Office, person_id: str, tallies: tuple[Tally, ...], visit: Visit, kind: str
) -> None:
    """Note what became of a try that ``admit`` has counted: one that was right is no attempt.

    Args:
        kind: of the security event; empty for none, ``factor_failed`` for a try that was wrong.
    """
    now, wrong = office.clock(), kind == "factor_failed"
    if not wrong:
        forget_attempt(connection, tallies, now)
    if kind and not (wrong and has_event(connection, person_id, kind, since=now - _QUIET_S)):
        record_event(Transaction(connection, office.database.place), office, person_id, kind, visit=visit)


def _steps_of(office: Office, person_id: str, code: str) -> list[tuple[str, int]]:
    """(ID of a factor, step) of those whose code it is."""
    rows = [row for row in list_factor_rows(office.database, person_id, "totp") if row.confirmed]
    found = ((row.id, _step_of(office, row, code)) for row in rows)
    return [(factor_id, step) for factor_id, step in found if step is not None]


def _step_of(office: Office, row: FactorRow, code: str) -> int | None:
    """The time step whose code it is; None for another code."""
    import pyotp

    try:
        secret = off_loop(unseal, row.secret, _master(office), _purpose(row.person_id))
    except ConfigError as error:
        raise _unavailable(f"the secret of an authenticator's app cannot be read: {error.message}") from None
    totp, now = pyotp.TOTP(secret), int(office.clock()) // _STEP_S
    text = "".join(code.split())
    steps = (step for step in range(now - _AROUND, now + _AROUND + 1) if step > row.counter)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), text.encode())), None)


def _sealed(secret: str, master: Secret, person_id: str) -> str:
    try:
        return seal(secret, master, _purpose(person_id))
    except ConfigError as error:
        raise _unavailable(f"nobody can add an authenticator's app: {error.message}") from None


def _master(office: Office) -> Secret:
    return office.settings.secret(f"env:{MASTER_KEY}")


def _unavailable(why: str) -> Unavailable:
    """Told to the operator in the log, and to the person without what they cannot do anything about."""
    _log.error("Second factors do not work: %s", why)
    return Unavailable(
        "Codes of authenticator apps do not work here at present: whoever runs this service has been told. "
        "Recovery codes do.",
        code="second_factor_unavailable",
        detail=why,
    )


def _purpose(person_id: str) -> str:
    return f"totp {person_id}"


def _new_codes() -> tuple[str, ...]:
    """Eighty bits each, in groups."""
    made = ("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES))
    return tuple("-".join(one[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for one in made)


def _recovery_hash(person_id: str, code: str) -> str:
    """Codes are random, so a slow hash would protect nothing more."""
    return hashlib.sha256(f"{person_id} {code.replace('-', '')}".encode("utf-8", "surrogatepass")).hexdigest()
