"""Proof of work: a little arithmetic that a browser does before a form goes out. One visitor does not notice it, a
thousand sign-ups cost somebody a processor. The shape is ALTCHA's, version 2.
"""

from __future__ import annotations

import secrets
from typing import Any

from router.db.connection import Connection
from router.office.office import Office
from router.store.people.attempts import count_attempts
from router.store.people.pepper import keyed_hash, pepper
from router.store.people.proofs import use_proof

__all__ = ["LASTS_S", "challenge", "check_proof"]

LASTS_S = 1200
"""How long a challenge may be answered: a form is filled in meanwhile."""

_COST = 1000  # of each round: about a millisecond of a browser
_ROUNDS, _ROUNDS_MAX = 300, 6000
_CALM = 30  # sign-ups of an hour by which the work grows once more
_HOUR_S = 3600.0
_PAYLOAD_MAX = 8192


def challenge(office: Office) -> dict[str, Any]:
    """What a browser is to work on, as JSON takes it; the more sign-ups there were of late, the longer.

    It derives keys by PBKDF2 of ``nonce`` with a counter of 32 bits behind it, from 0 on, until one begins with
    ``keyPrefix``. The answer is base64 of ``{"challenge": ..., "solution": {"counter": ..., "derivedKey": HEX}}``.
    """
    from altcha import create_challenge

    now = office.clock()
    lately = office.database.read(lambda c: count_attempts(c, "signup", "site", now - _HOUR_S), whole=False)
    rounds = min(_ROUNDS * (1 + lately // _CALM), _ROUNDS_MAX)
    signing, checking = _secrets(office)
    made = create_challenge(
        "PBKDF2/SHA-256",
        _COST,
        counter=rounds // 2 + secrets.randbelow(rounds),
        data={"until": int(now) + LASTS_S},
        hmac_secret=signing,
        hmac_key_secret=checking,
    )
    found: dict[str, Any] = made.to_dict()
    return found


def check_proof(office: Office, payload: str) -> bool:
    """Whether a browser has done the work, which counts once; where none is asked for, always."""
    if not office.settings.portal.proof_of_work:
        return True
    if not payload or len(payload) > _PAYLOAD_MAX:
        return False
    from altcha import Payload, verify_solution

    signing, checking = _secrets(office)
    try:
        given = Payload.from_base64(payload)
        until = int((given.challenge.parameters.data or {})["until"])
        signature = str(given.challenge.signature)
        good = verify_solution(given, signing, hmac_key_secret=checking).verified
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    if not good or until <= office.clock():
        return False

    def use(connection: Connection) -> bool:
        return use_proof(connection, signature, float(until))

    return office.database.write(use, behind=True)


def _secrets(office: Office) -> tuple[str, str]:
    """What challenges are signed with, and what their answers are checked with."""
    key = pepper(office.database)
    return keyed_hash(key, "proof", "challenge"), keyed_hash(key, "proof", "answer")
