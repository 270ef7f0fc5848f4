"""How often something may be tried: by whom, upon whom, and on the whole site.

What is over a limit is refused and not counted, so that the wait that is told is the wait that there is.
"""

from __future__ import annotations

import hashlib
import math

from router.db.connection import Connection
from router.errors import RateLimited
from router.i18n.worded import worded
from router.office.people.rules.addresses import canonical, client_of
from router.store.people.attempts import Tally, note_attempt, wait_for

__all__ = ["KEPT_S", "admit", "by_address", "by_client", "by_login", "by_person", "by_site", "check_wait"]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0

KEPT_S = _DAY
"""The longest window: what is older is of no use."""

_Windows = tuple[tuple[int, float], ...]

_PERSON: dict[str, _Windows] = {
    "login": ((10, 5 * _MINUTE),),
    "password": ((10, 5 * _MINUTE),),
    "factor": ((5, 5 * _MINUTE), (20, _HOUR), (50, _DAY)),
    "factor_again": ((5, 5 * _MINUTE), (20, _HOUR), (50, _DAY)),
    "email_change": ((2, _DAY),),
    "workspace": ((5, _DAY),),
    "step_link": ((5, _HOUR), (20, _DAY)),
    "invite": ((20, _DAY),),
    "claim": ((10, _HOUR),),
    "redeem": ((10, _HOUR), (30, _DAY)),
    "webhook_test": ((10, _HOUR),),
    "webhooks_test": ((50, _HOUR),),
    "webhook_resend": ((300, _HOUR),),
    "webhooks_resend": ((600, _HOUR),),
}
"""Upon one person, or by one who is logged in; ``redeem``, codes that are typed, by an account. ``password`` and
``factor_again`` are those of who has a session: what others try at the log-in takes nothing from them. Events that are
sent because somebody asked for it: by a webhook, and by its account, for a webhook that is deleted and made anew."""

_ADDRESS: dict[str, _Windows] = {
    "mail": ((10, _HOUR),),
    "verify": ((3, 6 * _HOUR),),
    "reset": ((5, _DAY),),
}
"""Mails that somebody asked for, to one address whatever its aliases."""

_CLIENT: dict[str, _Windows] = {
    "login": ((10, 5 * _MINUTE),),
    "factor": ((10, 5 * _MINUTE), (50, _HOUR)),
    "factor_again": ((10, 5 * _MINUTE), (50, _HOUR)),
    "password": ((10, 5 * _MINUTE),),
    "signup": ((5, 10 * _MINUTE), (30, _DAY)),
    "mail": ((20, _HOUR), (100, _DAY)),
    "unproved": ((4, _HOUR), (20, _DAY)),
    "claim": ((10, _HOUR),),
    "redeem": ((20, _HOUR), (100, _DAY)),
}
"""From one address of a client. ``unproved`` is what comes without a proof of work."""

_SITE: dict[str, _Windows] = {
    "login": ((1000, 5 * _MINUTE),),
    "signup": ((500, _HOUR),),
    "mail": ((2000, _HOUR),),
    "claim": ((100, _HOUR),),
}


def by_person(action: str, person_id: str) -> Tally:
    """What is counted upon a person, a workspace, or a webhook."""
    return Tally(action, person_id, _PERSON[action])


def by_login(email_key: str) -> Tally:
    """What is counted upon an address at the log-in, known or not."""
    return Tally("login", f"address:{_digest(email_key)}", _PERSON["login"])


def by_address(action: str, email: str) -> Tally:
    """What is counted upon an address that mail goes to."""
    return Tally(action, f"address:{_digest(canonical(email))}", _ADDRESS[action])


def by_client(action: str, address: str) -> Tally:
    """What is counted upon a client."""
    return Tally(action, f"client:{client_of(address)}", _CLIENT[action])


def by_site(action: str) -> Tally:
    """What is counted in all."""
    return Tally(action, "site", _SITE[action])


def admit(connection: Connection, tallies: tuple[Tally, ...], now: float) -> None:
    """Count one more attempt, in the caller's transaction.

    Raises:
        RateLimited: there were too many (code ``too_many_attempts``), with ``retry_after_s``; nothing is counted.
    """
    check_wait(connection, tallies, now)
    note_attempt(connection, tallies, now)


def check_wait(connection: Connection, tallies: tuple[Tally, ...], now: float) -> None:
    """The same without counting: for what costs much before it can be counted.

    Raises:
        RateLimited: as ``admit``.
    """
    wait_s = wait_for(connection, tallies, now)
    if wait_s > 0:
        seconds = max(1, math.ceil(wait_s))
        message = worded("Too many attempts: try again in %(seconds)s seconds.", seconds=seconds)
        raise RateLimited(message, code="too_many_attempts", retry_after_s=seconds)


def _digest(text: str) -> str:
    """Of what was typed, which may be a password in the wrong field, nothing is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
