"""Accounts: what owns keys, and pays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from router.db.transaction import Runner, Transaction
from router.errors import NotFound
from router.ledger.balances import Balance, balance
from router.ledger.transfers import post_grant
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, check_held, write
from router.office.office import Office
from router.plugin_host.validate import nearest
from router.store import accounts as table
from router.store.accounts import Account
from router.store.keys import create_key, list_keys
from router.store.limits import list_limits
from router.store.payments.refunds import keep_suspended

__all__ = [
    "Account",
    "AccountStanding",
    "FirstAccount",
    "available_nano",
    "create_account",
    "create_first_account",
    "get_account",
    "list_accounts",
    "rename_account",
    "resume_account",
    "set_price_list",
    "set_tier",
    "show_account",
    "suspend_account",
]


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """An account and what it has.

    Attributes:
        balance: its money, in nano-units of ``currency``.
        keys: how many it has, whatever their status.
    """

    account: Account
    balance: Balance
    currency: str
    keys: int


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What was made.

    Attributes:
        account, key: their IDs.
        api_key: the key's text, which is kept nowhere.
    """

    account: str
    key: str
    api_key: str
    currency: str


def create_account(office: Office, actor: Actor, name: str) -> Account:
    """Make an active account with a balance of zero.

    Raises:
        BadRequest: the name is empty, too long or holds control characters.
    """

    def create(transaction: Transaction) -> Change[Account]:
        made = table.create_account(transaction, name)
        return Change(made, made.id, {"name": made.name})

    return write(office, actor, "accounts create", create)


def create_first_account(office: Office, actor: Actor, credit_nano: int) -> FirstAccount:
    """Make an account called ``default``, give it credit, and make it a key: all of it, or nothing.

    Raises:
        ConfigError: the balances in the database are in another currency than the configuration's.
    """
    currency, prefix, length = office.currency, office.key_prefix, office.key_length

    def make(transaction: Transaction) -> Change[FirstAccount]:
        account = table.create_account(transaction, "default").id
        reference = f"init:{account}"
        post_grant(transaction.connection, account, credit_nano, reason="starting credit", reference=reference)
        key, text = create_key(transaction, account, "first key", prefix=prefix, length=length)
        detail = {"amount": format_nano(credit_nano), "made": [f"grant:{reference}", key.id]}
        return Change(FirstAccount(account, key.id, text, currency), account, detail)

    return write(office, actor, "init", make)


def list_accounts(office: Office, *, after: str | None = None, limit: int | None = None) -> list[Account]:
    """Accounts, oldest first.

    Args:
        after: the ID of the last one of the page before; None for the first page.
        limit: how many at most; None for all.

    Raises:
        NotFound: there is no account ``after``.
    """
    return table.list_accounts(office.database, after=after, limit=limit)


def get_account(office: Office, account_id: str) -> Account:
    """Raises:
    NotFound: there is no such account.
    """
    return table.get_account(office.database, account_id)


def show_account(office: Office, account_id: str) -> AccountStanding:
    """An account, what it has, and what of that its calls under way hold.

    Raises:
        NotFound: there is no such account.
        ConfigError: the balances are in another currency than the configuration's.
    """
    account = table.get_account(office.database, account_id)
    money = balance(office.database, account.id)
    return AccountStanding(account, money, office.currency, len(list_keys(office.database, account.id)))


def available_nano(office: Office, account_id: str) -> int:
    """What an account can spend now, in nano-units: its balance without what calls under way hold."""
    return balance(office.database, account_id).available


def rename_account(office: Office, actor: Actor, account_id: str, name: str) -> Account:
    """Call an account otherwise.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is empty, too long or holds control characters.
    """

    def rename(transaction: Transaction) -> Change[Account]:
        before = table.get_account(transaction, account_id)
        table.rename_account(transaction, account_id, name)
        after = table.get_account(transaction, account_id)
        return Change(after, account_id, {"name": after.name, "before": before.name})

    return write(office, actor, "accounts rename", rename)


def suspend_account(office: Office, actor: Actor, account_id: str, *, now: bool = False) -> Account:
    """Refuse all keys of an account until it is resumed.

    Args:
        now: whether its calls that are under way end, too.

    Raises:
        NotFound: there is no such account.
    """
    return _set_status(office, actor, account_id, "suspended", "accounts suspend", now=now)


def resume_account(office: Office, actor: Actor, account_id: str) -> Account:
    """Accept the keys of a suspended account again. Raises as ``suspend_account``."""
    return _set_status(office, actor, account_id, "active", "accounts resume")


def set_tier(office: Office, actor: Actor, account_id: str, tier: str, *, expected: str | None = None) -> Account:
    """Put an account into a tier, whose limits hold from the next call on; empty takes it out of its own.

    Args:
        expected: the tier before, as ``router.office.audit.state_of`` has it; None for any.

    Raises:
        NotFound: there is no such account or tier; names the nearest.
        Conflict: it is in another tier than was expected.
    """

    def change(transaction: Transaction) -> Change[Account]:
        _check_known(tier, _tiers(office, transaction), "tier", "router limits set --tier NAME")
        before = table.get_account(transaction, account_id)
        check_held(expected, before.tier)
        table.set_account_tier(transaction, account_id, tier)
        return Change(replace(before, tier=tier), account_id, {"tier": tier or "none", "before": before.tier})

    return write(office, actor, "accounts tier", change)


def set_price_list(
    office: Office, actor: Actor, account_id: str, price_list: str, *, expected: str | None = None
) -> Account:
    """Charge an account by a price list from the next call on; empty by the prices for everybody.

    Args:
        expected: the list before, as ``router.office.audit.state_of`` has it; None for any.

    Raises:
        NotFound: there is no such account or price list; names the nearest.
        Conflict: it has another list than was expected.
    """

    def change(transaction: Transaction) -> Change[Account]:
        known = table.list_price_lists(transaction)
        _check_known(price_list, known, "price list", "router models price MODEL --list NAME")
        before = table.get_account(transaction, account_id)
        check_held(expected, before.price_list)
        table.set_account_price_list(transaction, account_id, price_list)
        detail = {"price_list": price_list or "none", "before": before.price_list}
        return Change(replace(before, price_list=price_list), account_id, detail)

    return write(office, actor, "accounts price-list", change)


def _set_status(
    office: Office, actor: Actor, account_id: str, status: str, action: str, *, now: bool = False
) -> Account:
    def change(transaction: Transaction) -> Change[Account]:
        table.set_account_status(transaction, account_id, status, now=now)
        if status == "suspended":
            keep_suspended(transaction.connection, account_id)
        return Change(table.get_account(transaction, account_id), account_id, {"now": now})

    return write(office, actor, action, change)


def _tiers(office: Office, transaction: Runner) -> set[str]:
    stored = {subject.name for subject in list_limits(transaction) if subject.kind.startswith("tier")}
    return {*office.settings.limits.tiers, *stored}


def _check_known(name: str, known: Collection[str], what: str, remedy: str) -> None:
    if name and name not in known:
        raise NotFound(f"There is no {what} {name[:100]!r}{nearest(name, known)} (`{remedy}` makes it).")
