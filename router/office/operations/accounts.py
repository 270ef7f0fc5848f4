"""Accounts, as operators work on them."""

from __future__ import annotations

from typing import Any

from router.money.amounts import format_nano
from router.office import accounts as office_accounts
from router.office.accounts import Account
from router.office.actor import Actor
from router.office.customers.tiers import show_progress
from router.office.names import account_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.payments.shown import show_credit
from router.types.periods import iso_time

__all__ = [
    "account_value",
    "create_account",
    "list_accounts",
    "rename_account",
    "resume_account",
    "set_price_list",
    "set_tier",
    "show_account",
    "suspend_account",
]


@operation("accounts create", "accounts:AccountForm", writes=True)
def create_account(office: Office, actor: Actor, *, name: str) -> OperationAnswer:
    """Make an account."""
    return OperationAnswer(account_value(office_accounts.create_account(office, actor, name)))


@operation("accounts list", "accounts:AccountListForm")
def list_accounts(office: Office, *, after: str | None = None, limit: int | None = None) -> OperationAnswer:
    """All accounts, oldest first, or a page of them."""
    found = office_accounts.list_accounts(office, after=after, limit=limit)
    return OperationAnswer([account_value(one) for one in found])


@operation("accounts show", "accounts:AccountNameForm")
def show_account(office: Office, *, account: str) -> OperationAnswer:
    """One account, what it has, and what of that its calls under way hold."""
    found = office_accounts.show_account(office, account_id(office.database, account))
    amounts = {name: format_nano(getattr(found.balance, name)) for name in ("balance", "held", "available")}
    credit = show_credit(office, found.account.id)
    kinds = credit.kinds
    by_kind: dict[str, Any] = {name: format_nano(getattr(kinds, name)) for name in ("paid", "granted", "owed")}
    soon = kinds.expiring[0] if kinds.expiring else None
    by_kind["expires_next"] = None if soon is None else f"{format_nano(soon.left_nano)} at {iso_time(soon.expires_at)}"
    by_kind["frozen_by"] = list(credit.disputes)
    by_kind["next_tier"] = show_progress(office, found.account) or None
    told = {"automatic_topup": _automatic(office, found.account.id), "currency": found.currency, "keys": found.keys}
    return OperationAnswer({**account_value(found.account), **amounts, **by_kind, **told})


def _automatic(office: Office, account_id: str) -> str | None:
    """What of an account's is charged by itself, and why it is not; None where nothing is."""
    from router.office.payments.automatic import why_waiting  # and with it the database, which --help needs not
    from router.office.payments.means import show_automatic

    kept = show_automatic(office, account_id)
    if kept is None:
        return None
    rule = f"{format_nano(kept.amount_nano, 2)} below {format_nano(kept.threshold_nano, 2)}"
    if kept.problem:
        return f"{rule}, stopped: {kept.problem}"
    waits = why_waiting(office, office.payments, account_id)
    return rule if waits is None else f"{rule}, waits: {waits.in_full}"


@operation("accounts rename", "accounts:RenameAccountForm", writes=True)
def rename_account(office: Office, actor: Actor, *, account: str, name: str) -> OperationAnswer:
    """Call an account otherwise."""
    found = office_accounts.rename_account(office, actor, account_id(office.database, account), name)
    return OperationAnswer(account_value(found))


@operation("accounts suspend", "accounts:SuspendForm", writes=True)
def suspend_account(office: Office, actor: Actor, *, account: str, now: bool | None = None) -> OperationAnswer:
    """Refuse every key of an account until it is resumed."""
    name = account_id(office.database, account)
    return OperationAnswer(account_value(office_accounts.suspend_account(office, actor, name, now=bool(now))))


@operation("accounts resume", "accounts:AccountNameForm", writes=True)
def resume_account(office: Office, actor: Actor, *, account: str) -> OperationAnswer:
    """Accept the keys of a suspended account again."""
    return OperationAnswer(
        account_value(office_accounts.resume_account(office, actor, account_id(office.database, account)))
    )


@operation("accounts tier", "accounts:TierForm", writes=True)
def set_tier(office: Office, actor: Actor, *, account: str, tier: str | None = None) -> OperationAnswer:
    """Put an account into a tier; null takes it out of its own."""
    found = office_accounts.set_tier(office, actor, account_id(office.database, account), tier or "")
    return OperationAnswer(account_value(found))


@operation("accounts price-list", "accounts:PriceListForm", writes=True)
def set_price_list(office: Office, actor: Actor, *, account: str, price_list: str | None = None) -> OperationAnswer:
    """Charge an account by a price list; null by the prices for everybody."""
    found = office_accounts.set_price_list(office, actor, account_id(office.database, account), price_list or "")
    return OperationAnswer(account_value(found))


def account_value(account: Account) -> dict[str, Any]:
    """An account as JSON."""
    return {
        "id": account.id,
        "name": account.name,
        "status": account.status,
        "created_at": iso_time(account.created_at),
        "tier": account.tier or None,
        "price_list": account.price_list or None,
    }
