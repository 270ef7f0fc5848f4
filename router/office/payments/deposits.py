"""Addresses that accounts send to, and the steps of those who watch them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.errors import NotFound, Unavailable
from router.money.amounts import NANO
from router.office.office import Office
from router.office.payments.booking import book_facts
from router.office.payments.methods import PaymentMethods
from router.office.payments.topups import check_open
from router.store.payments import watches as rows
from router.store.payments.topups import deposits_between, open_topups
from router.store.payments.watches import WatchRow
from router.types.payments import (
    AddressHolding,
    DepositAddress,
    DepositPaid,
    DepositSeen,
    PaymentWatch,
    Watched,
    WatchedAddress,
)

__all__ = [
    "ADDRESSES_MAX",
    "HeldRow",
    "HoldingsPage",
    "WatchRow",
    "address_of",
    "find_watch",
    "holdings_of",
    "step_watch",
    "watch_of",
]

ADDRESSES_MAX = 500
"""How many addresses a method is asked about at once."""

_SEEN_MAX = 10_000
_SEEN_S = 30 * 86_400.0


def address_of(office: Office, methods: PaymentMethods, account_id: str, method: str) -> DepositAddress:
    """The address of an account by a method: made when it is asked for first, and the same for good.

    Raises:
        NotFound: there is no such method.
        BadRequest, Unavailable: the account cannot pay in, or the method gives none.
    """
    check_open(office, account_id)
    methods.offer(method, account_id)
    given = office.database.read(lambda connection: rows.find_address(connection, method, account_id=account_id))
    if given is None:
        given = _give(office, methods, account_id, method)
    shown = _ask(methods, account_id, method, given.number)
    if shown.address != given.address:
        raise Unavailable(
            "This way to pay does not work at the moment.",
            code="address_changed",
            detail=f"{method} derives {shown.address[:100]} for {account_id}, which was given {given.address}: its "
            "xpub was changed. Put the old one back; nothing is credited wrongly meanwhile.",
        )
    return shown


def _give(office: Office, methods: PaymentMethods, account_id: str, method: str) -> WatchedAddress:
    """The address of the next number, or the one that somebody else gave the account meanwhile."""
    number = office.database.write(lambda connection: rows.next_number(connection, method))
    made = WatchedAddress(_ask(methods, account_id, method, number).address, account_id, number)
    return office.database.write(lambda connection: rows.insert_address(connection, method, made, office.clock()))


def _ask(methods: PaymentMethods, account_id: str, method: str, number: int) -> DepositAddress:
    shown = methods.ask(method, "payment_address", account=account_id, number=number)
    if not isinstance(shown, DepositAddress) or not 0 < len(shown.address) <= 200:
        detail = f"{method} gave no address of use: {shown!r:.100}"
        raise Unavailable("This way to pay does not work at the moment.", code="method_failed", detail=detail)
    return shown


def find_watch(office: Office, method: str) -> WatchRow:
    """How far the watcher of a method is."""
    return rows.find_watch(office.database, method)


def watch_of(office: Office, method: str, cursor: Mapping[str, object] | None = None) -> PaymentWatch:
    """What a step of a method's watcher goes on from.

    Args:
        cursor: another place to go on from.
    """
    now = office.clock()
    seen = [
        DepositSeen(
            row.reference,
            row.address,
            row.amount,
            row.currency,
            row.decimals,
            row.confirmations,
            row.wanted,
            json.loads(row.detail),
        )
        for row in open_topups(office.database, method, since=now - _SEEN_S, limit=_SEEN_MAX)
        if row.reference and row.address
    ]
    kept = rows.find_watch(office.database, method).cursor if cursor is None else cursor
    return PaymentWatch(kept, rows.addresses_of(office.database, method), seen, now)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """What one address holds of one currency, and whether that is worth collecting."""

    given: WatchedAddress
    holding: AddressHolding
    enough: bool


@dataclass(frozen=True, slots=True)
class HoldingsPage:
    """What some addresses hold.

    Attributes:
        rows: those that hold anything, or were credited anything.
        asked: how many addresses were asked about.
        next: the number behind which the next page begins; None where there is none.
    """

    rows: Sequence[HeldRow]
    asked: int
    next: int | None


def holdings_of(
    office: Office,
    methods: PaymentMethods,
    method: str,
    *,
    after: int = -1,
    limit: int = ADDRESSES_MAX,
    least_nano: int | None = None,
) -> HoldingsPage:
    """What lies on a method's addresses, in the order of their numbers. Nothing is collected, and nothing booked.

    Args:
        after: the number behind which the page begins.
        least_nano: from how much on it is enough, billionths of the currency; None for the least deposit.

    Raises:
        NotFound: there is no such method, or it has no addresses.
        Unavailable: it does not answer.
    """
    if not methods.has(method, "payment_holdings"):
        raise NotFound(f"{method[:40]} is no payment method whose addresses hold anything.", code="method_cannot")
    found = rows.addresses_after(office.database, method, after, min(limit, ADDRESSES_MAX) + 1)
    given = {one.address: one for one in found[: min(limit, ADDRESSES_MAX)]}
    more = list(given.values())[-1].number if len(found) > len(given) else None
    if not given:
        return HoldingsPage((), 0, None)
    numbers = [one.number for one in given.values()]
    deposits = deposits_between(office.database, method, min(numbers), max(numbers))
    booked = [DepositPaid(one.reference, one.address, one.amount, one.currency, one.decimals) for one in deposits]
    told = methods.ask(method, "payment_holdings", addresses=list(given.values()), booked=booked)
    held = [one for one in told if isinstance(one, AddressHolding) and one.address in given]
    held.sort(key=lambda one: given[one.address].number)
    lines = [HeldRow(given[one.address], one, _is_enough(one, least_nano)) for one in held]
    return HoldingsPage(lines, len(given), more)


def _is_enough(holding: AddressHolding, least_nano: int | None) -> bool:
    if least_nano is None:
        return holding.held >= max(holding.least, 1)
    return holding.held * NANO >= max(least_nano, 1) * int(10**holding.decimals)


def step_watch(office: Office, methods: PaymentMethods, method: str) -> float:
    """One step of a method's watcher; in how many seconds the next one is to be.

    Raises:
        RouterError: the method or the database failed; nothing of the step is kept.
    """
    watched = methods.ask(method, "payment_watch", watch=watch_of(office, method))
    if not isinstance(watched, Watched):
        raise Unavailable(f"{method} gave {watched!r:.80} for a step of its watcher", code="method_failed")
    book_facts(office, method, watched.facts, watched=watched)
    return max(0.0, float(watched.again_s))
