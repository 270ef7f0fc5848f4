"""What the tests of people share: a clock, visits, and what stands in the mails that were written."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pyotp

from router.errors import RouterError
from router.office.actor import Actor
from router.office.office import Office
from router.office.people.factors import begin_totp, confirm_totp
from router.office.people.people import find_person
from router.office.people.records import Person, Visit
from router.office.people.signup import sign_up
from router.office.people.tickets import verify_email

__all__ = [
    "ADMIN",
    "AWAY",
    "HOME",
    "PASSWORD",
    "VISITOR",
    "App",
    "Clock",
    "Made",
    "at_once",
    "joined",
    "mails",
    "me",
    "person",
    "query",
    "sign",
    "ticket",
]

VISITOR = Actor("person", "visitor", address="192.0.2.7")
ADMIN = Actor("operator", "Ada", session="ses_1", address="192.0.2.1")
HOME = Visit("192.0.2.7", "Browser/1", "en", "a-cookie-of-home")
AWAY = Visit("198.51.100.9", "Browser/2", "en", "a-cookie-of-away")
PASSWORD = "green umbrella on tuesday"

Made = Callable[..., Office]


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += seconds


class App:
    """An authenticator's app of somebody who has just confirmed it."""

    def __init__(self, office: Office, clock: Clock, whom: Person) -> None:
        self._clock = clock
        start = begin_totp(office, me(whom), whom.id)
        self.secret = start.secret
        self.uri = start.uri
        self.recovery = confirm_totp(office, me(whom), whom.id, self.code())

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(self._clock.at), counter_offset=steps)


def query(office: Office, sql: str, *params: object) -> list[tuple[Any, ...]]:
    return office.database.read(lambda connection: connection.tuples(sql, params))


def mails(office: Office, recipient: str) -> list[str]:
    """The purposes of the mails to an address, in their order."""
    sql = "SELECT purpose FROM outbox WHERE recipient = ? ORDER BY created_at"
    return [purpose for (purpose,) in query(office, sql, recipient)]


def ticket(office: Office, recipient: str, purpose: str) -> str:
    """The text of the link in the newest mail to an address for a purpose."""
    sql = "SELECT text FROM outbox WHERE recipient = ? AND purpose = ? ORDER BY created_at DESC LIMIT 1"
    [(text,)] = query(office, sql, recipient, purpose)
    [found] = set(re.findall(r"/app/t/([\w-]+)", text))
    return str(found)


def sign(office: Office, email: str, *, visit: Visit = HOME, password: str = PASSWORD, proof_ok: bool = True) -> str:
    """Sign somebody new up; the text of the link that was mailed to them."""
    sign_up(office, VISITOR, visit, email=email, password=password, name="", proof_ok=proof_ok)
    return ticket(office, email, "verify")


def joined(office: Office, email: str, *, visit: Visit = HOME, password: str = PASSWORD) -> Person:
    """Somebody who signed up and proved their address."""
    return verify_email(office, VISITOR, sign(office, email, visit=visit, password=password), visit).person


def person(office: Office, email: str) -> Person:
    found = find_person(office, email)
    assert found is not None
    return found


def me(whom: Person, session: str = "") -> Actor:
    """A person as an actor."""
    return Actor("person", whom.id, session=session, address=HOME.address)


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    """What functions give that begin at the same moment; of one that was refused, its error."""
    start = Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return function()
        except RouterError as error:
            return error

    with ThreadPoolExecutor(len(functions)) as pool:
        return [done.result() for done in [pool.submit(run, one) for one in functions]]
