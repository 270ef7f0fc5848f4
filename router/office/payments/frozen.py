"""What payments do to an account's standing: disputes freeze it, the first payment takes it out of the new tier, and
what it has earned it is given."""

from __future__ import annotations

from router.charging.tier_ladder import tier_ladder
from router.office.customers.tiers import PROMOTE, promote_account
from router.office.payments.booked import Booking
from router.office.people.notices import notify_members
from router.store.accounts import get_account, set_account_status, set_account_tier
from router.store.payments.refunds import end_freeze, freeze
from router.store.payments.topups import TopUpRow

__all__ = ["freeze_account", "leave_new_tier", "thaw_account"]


def freeze_account(booking: Booking, row: TopUpRow, reference: str) -> None:
    """Suspend the account of a disputed payment, and end its calls; once for a dispute."""
    transaction, account = booking.transaction, get_account(booking.transaction, row.account_id)
    active = account.status == "active"
    if not freeze(booking.connection, account.id, reference, suspended=active, now=booking.now):
        return
    if active:
        set_account_status(transaction, account.id, "suspended", now=True)
    booking.tell("payments freeze", account.id, topup=row.id, dispute=reference, suspended=active)
    values = {"amount_nano": str(row.credit_nano)}
    notify_members(transaction, booking.office, account.id, "dispute", reference, "", values)


def thaw_account(booking: Booking, row: TopUpRow, reference: str) -> None:
    """A dispute is over: the account goes on, where disputes alone had suspended it."""
    if end_freeze(booking.connection, row.account_id, reference, booking.now):
        set_account_status(booking.transaction, row.account_id, "active")
        booking.tell("payments thaw", row.account_id, topup=row.id, dispute=reference)


def leave_new_tier(booking: Booking, account_id: str) -> None:
    """Who has paid is no new account any more, unless a tier follows that of new ones: its conditions decide then.
    What an account has earned by a payment it is given at once.
    """
    office, transaction = booking.office, booking.transaction
    tier = office.settings.portal.new_tier
    if tier and tier not in tier_ladder(office.settings) and get_account(transaction, account_id).tier == tier:
        set_account_tier(transaction, account_id, "")
        booking.tell("payments tier", account_id, before=tier)
    went = promote_account(transaction, office, account_id)
    if went:
        booking.tell(PROMOTE, account_id, **went)
