"""What the gateway tells people by itself, and what an operator has it tell them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping

from router.charging.limit_rules import limit_rules
from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest
from router.money.price_text import show_price
from router.money.prices import Price
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members, notify_person, roles_of
from router.store.accounts import get_account
from router.store.people import due_notices as due
from router.store.people.due_notices import DueNotice
from router.store.people.notices import forget_notices
from router.store.prices import PriceRow, note_told, untold_prices
from router.types.periods import PERIODS, iso_time, window_of

__all__ = ["announce_retirement", "announce_trouble", "tell_planned_prices", "tell_what_is_due", "tidy_notices"]

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


def tell_planned_prices(office: Office, actor: Actor) -> int:
    """Tell those whose workspaces used a model in the last 30 days of each price that is planned for it, once, as their
    price list has it; how many were told. A plan that is replaced by another price is told again.

    Nobody is told where ``[portal] price_notices`` is off.
    """
    if not office.settings.portal.price_notices:
        return 0
    told = 0
    for row in untold_prices(office.database, office.clock()):
        told += _tell_price(office, actor, row)
    return told


def _tell_price(office: Office, actor: Actor, row: PriceRow) -> int:
    snapshot, since, told = office.shelf.snapshot, office.clock() - _USED_WITHIN_S, 0
    for entry in snapshot.entries.values():
        if row.model not in (entry.id, f"{entry.provider}/{entry.card.model}"):
            continue
        for account in _users_of(office, entry.id, since):
            theirs = get_account(office.database, account).price_list
            coming = snapshot.prices.coming(entry.id, entry.provider, entry.card, theirs)
            price = next((one.price for one in coming if one.starts_at == row.starts_at), None)
            if price is not None:
                told += _tell_members(office, account, "price_changes", entry.id, *_price_told(row, entry.id, price))
    detail = {"type": "price_changes", "from": iso_time(row.starts_at), "list": row.price_list, "told": told}

    def note(transaction: Transaction) -> Change[None]:
        note_told(transaction.connection, row, office.clock())
        return Change(None, row.model, detail)

    write(office, actor, "notices announce", note)
    return told


def _price_told(row: PriceRow, model: str, price: Price) -> tuple[str, Mapping[str, str]]:
    """The period of the notice, which is another one for another price, and its values."""
    values = {"model": model, "starts_at": str(row.starts_at)}
    rates = {"input_rate_nano": price.input, "output_rate_nano": price.output}
    values |= {name: str(nano) for name, nano in rates.items() if nano is not None}
    text = json.dumps(show_price(price), sort_keys=True)
    return f"{row.starts_at:.0f}/{hashlib.sha256(text.encode()).hexdigest()[:16]}", values


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
    users = _users_of(office, model, office.clock() - _USED_WITHIN_S)
    return sum(_tell_members(office, account, type, model, period, values) for account in users)


def _users_of(office: Office, model: str, since: float) -> Iterator[str]:
    """The accounts that have used a model since a time."""
    after = ""
    while accounts := due.users_of_model(office.database, model, since, after=after, limit=_PAGE):
        yield from accounts
        after = accounts[-1]


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
