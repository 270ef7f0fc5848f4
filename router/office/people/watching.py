"""What the gateway tells people by itself, and what an operator has it tell them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from router.charging.limit_rules import limit_rules
from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members, notify_person, roles_of
from router.store.people import due_notices as due
from router.store.people.due_notices import DueNotice
from router.store.people.notices import forget_notices
from router.types.periods import PERIODS, iso_time, window_of

__all__ = ["announce_retirement", "announce_trouble", "tell_what_is_due", "tidy_notices"]

_AT_MOST = 200  # of each kind in one run: the next one goes on
_SOON_S = 7 * 86_400.0
_USED_WITHIN_S = 30 * 86_400.0
_FORGOTTEN_AFTER_S = 180 * 86_400.0
_PAGE = 500


def tell_what_is_due(office: Office) -> int:
    """Tell of low balances, of budgets that are used up, or nearly, and of keys that expire soon; how many were told.

    Each is told once: of a balance until a transfer has raised it above the threshold again, of a budget for its
    period and amount, of a key for the time at which it expires.
    """
    now, database = office.clock(), office.database
    timezone = limit_rules(office.settings).timezone
    starts = [window_of(period, now, timezone).start or 0.0 for period in PERIODS]
    found = {
        "low_balance": due.fallen_balances(database, roles_of("low_balance"), limit=_AT_MOST),
        "budget": due.used_budgets(database, roles_of("budget"), starts, limit=_AT_MOST),
        "key_expires": due.expiring_keys(database, roles_of("key_expires"), now, _SOON_S, limit=_AT_MOST),
    }
    return sum(_tell_one(office, type, one) for type, notices in found.items() for one in notices)


def tidy_notices(office: Office) -> None:
    """Forget notices that are half a year old."""
    before = office.clock() - _FORGOTTEN_AFTER_S
    office.database.write(lambda connection: forget_notices(connection, before))


def announce_retirement(office: Office, actor: Actor, model: str, retires_at: float) -> int:
    """Tell those whose workspaces used a model in the last 30 days that it retires; how many were told.

    Args:
        retires_at: Unix seconds; it is told once for each such time.

    Raises:
        ModelNotFound: the model leads nowhere.
        BadRequest: the time has passed.
    """
    if not math.isfinite(retires_at) or retires_at <= office.clock():
        raise BadRequest("A model retires at a time that is still to come.", param="retires_at")
    values = {"model": office.shelf.target(model), "retires_at": str(retires_at)}
    return _announce(office, actor, "model_retires", str(int(retires_at)), values)


def announce_trouble(office: Office, actor: Actor, model: str) -> int:
    """Tell the same people that calls of a model fail, once a day; how many were told.

    Raises:
        ModelNotFound: the model leads nowhere.
    """
    day = (iso_time(office.clock()) or "").partition("T")[0]
    return _announce(office, actor, "provider_trouble", day, {"model": office.shelf.target(model)})


def _announce(office: Office, actor: Actor, type: str, period: str, values: Mapping[str, str]) -> int:
    model = values["model"]
    write(office, actor, "notices announce", lambda _: Change(None, model, {"type": type, "period": period}))
    since, after, told = office.clock() - _USED_WITHIN_S, "", 0
    while accounts := due.users_of_model(office.database, model, since, after=after, limit=_PAGE):
        for account in accounts:
            told += _tell_members(office, account, type, model, period, values)
        after = accounts[-1]
    return told


def _tell_members(
    office: Office, account_id: str, type: str, subject: str, period: str, values: Mapping[str, str]
) -> int:
    def tell(connection: Connection) -> int:
        transaction = Transaction(connection, office.database.place)
        return notify_members(transaction, office, account_id, type, subject, period, values)

    return office.database.write(tell)


def _tell_one(office: Office, type: str, one: DueNotice) -> bool:
    def tell(connection: Connection) -> bool:
        transaction = Transaction(connection, office.database.place)
        account = one.account_id
        return notify_person(
            transaction, office, one.person_id, type, one.subject, one.period, one.values, account_id=account
        )

    return office.database.write(tell)
