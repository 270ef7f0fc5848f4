"""Codes that people type: how often is limited, by account and by where they come from, before a method is asked."""

from __future__ import annotations

from router.errors import BadRequest
from router.office.office import Office
from router.office.payments.methods import PaymentMethods
from router.office.payments.topups import TopUpRow, check_open, redeem_code
from router.office.people.rules.attempts import admit, by_client, by_person

__all__ = ["try_code"]

_CODE_MAX = 200


def try_code(
    office: Office, methods: PaymentMethods, account_id: str, method: str, code: str, *, address: str
) -> TopUpRow:
    """Credit an account what a code is worth.

    Args:
        address: the client's.

    Raises:
        RateLimited: too many were tried.
        BadRequest: it is none, was used, or is over; or the account cannot pay in.
        NotFound: there is no such method.
        Unavailable: top-ups are turned off.
    """
    code = code.strip()
    if not code or len(code) > _CODE_MAX or not code.isprintable():
        raise BadRequest("Type the code as it was given to you.", code="code_refused", param="code")
    check_open(office, account_id)
    methods.offer(method, account_id)
    tallies = (by_person("redeem", account_id), by_client("redeem", address))
    office.database.write(lambda connection: admit(connection, tallies, office.clock()))
    return redeem_code(office, methods, account_id, method, code)
