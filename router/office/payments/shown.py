"""What pages and APIs show of payments: top-ups page by page, and an account's credit by kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from router.db.connection import Connection
from router.errors import BadRequest
from router.ledger.paid.lots import CreditKinds, credit_kinds
from router.money.amounts import parse_nano
from router.office.office import Office
from router.office.payments.rates import charge_for
from router.store.payments import topups as rows
from router.store.payments.refunds import frozen_by
from router.store.payments.topups import OPEN, TopUpRow
from router.store.payments.watches import find_address

__all__ = [
    "OPEN",
    "STATES",
    "Credit",
    "CreditKinds",
    "TopUpPage",
    "fee_of",
    "find_payment",
    "has_address",
    "offered_presets",
    "open_first",
    "page_of_topups",
    "show_credit",
]

STATES: Sequence[str] = (
    *("started", "pending", "paid", "part_refunded", "refunded"),
    *("disputed", "expired", "failed"),
)
"""Every state of a top-up."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What an account has by kind, and what stops it.

    Attributes:
        disputes: references of the disputes that keep it frozen.
    """

    kinds: CreditKinds
    disputes: Sequence[str]


@dataclass(frozen=True, slots=True)
class TopUpPage:
    """Some top-ups, the newest first.

    Attributes:
        next: the page after is asked by it; empty where there is none.
    """

    rows: Sequence[TopUpRow]
    next: str = ""


def show_credit(office: Office, account_id: str) -> Credit:
    """An account's credit by kind.

    Raises:
        NotFound: there is no such account.
    """
    return Credit(credit_kinds(office.database, account_id), frozen_by(office.database, account_id))


def page_of_topups(
    office: Office,
    *,
    account_id: str = "",
    method: str = "",
    states: Collection[str] = (),
    before: str = "",
    limit: int = 50,
) -> TopUpPage:
    """A page of top-ups.

    Args:
        account_id, method, states: only those; empty for all.
        before: the ``next`` of the page before: the ID of its last one.

    Raises:
        BadRequest: ``before`` is none of the account's.
    """
    place = None
    if before:
        last = office.database.read(lambda connection: rows.find_topup(connection, before))
        if last is None or account_id not in ("", last.account_id):
            raise BadRequest(f"There is no top-up {before[:40]!r} to go on from.", param="before")
        place = (last.created_at, last.id)
    found = rows.list_topups(
        office.database, account_id=account_id, method=method, states=states, before=place, limit=limit + 1
    )
    return TopUpPage(found[:limit], found[limit - 1].id if len(found) > limit else "")


def open_first(office: Office, account_id: str, method: str, limit: int) -> list[TopUpRow]:
    """An account's top-ups by a method: those under way first, so that no number of later ones hides them; each the
    newest first.
    """
    found = {"account_id": account_id, "method": method, "limit": limit}
    return rows.list_topups(office.database, **found, open_first=True)  # type: ignore[arg-type]


def find_payment(office: Office, methods: Collection[str], text: str) -> TopUpRow | None:
    """The top-up of an ID, or of one of a method's own references, such as a session's or a transaction's."""

    def find(connection: Connection) -> TopUpRow | None:
        named = rows.find_topup(connection, text)
        found = (rows.find_topup_by(connection, method, text) for method in methods)
        return named or next((row for row in found if row is not None), None)

    return office.database.read(find) if text else None


def fee_of(row: TopUpRow) -> int:
    """What of a charge was the method's fee, in minor units; of deposits none: nobody asked for an amount."""
    if not (row.form or row.means_id) or not row.rate_nano:
        return 0
    return max(0, row.amount - charge_for(row.credit_nano, row.decimals, row.rate_nano))


def has_address(office: Office, account_id: str, method: str) -> bool:
    """Whether an account was given its address by a method already."""
    found = office.database.read(lambda connection: find_address(connection, method, account_id=account_id))
    return found is not None


def offered_presets(office: Office) -> Sequence[int]:
    """The amounts that pages offer, in nano-units: those of the operator's that are within the bounds."""
    settings = office.settings.payments
    most = settings.most_at_once_nano
    found = [parse_nano(text) for text in settings.presets]
    return [nano for nano in found if nano >= settings.least_nano and (most is None or nano <= most)]
