"""Money that operators give, correct and give back."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.transaction import Transaction
from router.errors import BadRequest
from router.ledger.balances import Balance, balance
from router.ledger.system import is_system
from router.ledger.transfers import Transfer, post_adjustment, post_grant, post_refund
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members
from router.types.periods import iso_time

__all__ = ["Posted", "adjust_credit", "check_currency", "grant_credit", "refund_call"]


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer that was made.

    Attributes:
        account: whose money it is.
        balance: what the account has afterwards.
        currency: of all amounts.
    """

    transfer: Transfer
    account: str
    balance: Balance
    currency: str


def grant_credit(
    office: Office,
    actor: Actor,
    account_id: str,
    amount_nano: int,
    *,
    reason: str,
    reference: str | None = None,
    expires_at: float | None = None,
) -> Posted:
    """Give an account credit, and tell its owners.

    Args:
        amount_nano: above zero, in nano-units of the balance currency.
        reason: why; kept in the ledger and the audit log.
        reference: makes it happen once: a second one with the same text is refused.
        expires_at: when what is left of it is taken back, Unix seconds; None for never.

    Raises:
        NotFound: there is no such account.
        BadRequest: the amount cannot be given, a text is none, or the time is over.
        Conflict: there is a transfer with this reference already.
        ConfigError: the balances are in another currency than the configuration's.
    """
    currency = office.currency
    if expires_at is not None and expires_at <= office.clock():
        raise BadRequest("Credit cannot expire before it is given.", param="expires")

    def grant(transaction: Transaction) -> Change[Posted]:
        given = {"reason": reason, "reference": reference, "expires_at": expires_at}
        made = post_grant(transaction.connection, account_id, amount_nano, **given)  # type: ignore[arg-type]
        told = {"amount_nano": str(amount_nano), "balance_nano": str(balance(transaction, account_id).balance)}
        notify_members(transaction, office, account_id, "topup", made.reference, "", told)
        until = None if expires_at is None else iso_time(expires_at)
        return _posted(transaction, made, currency, {"account": account_id, "reference": reference, "expires": until})

    return write(office, actor, "credits grant", grant)


def adjust_credit(
    office: Office, actor: Actor, account_id: str, amount_nano: int, *, reason: str, reference: str | None = None
) -> Posted:
    """Correct an account's balance by an amount above or below zero, never below what it has available.

    Otherwise as ``grant_credit``.
    """
    currency = office.currency

    def adjust(transaction: Transaction) -> Change[Posted]:
        made = post_adjustment(transaction.connection, account_id, amount_nano, reason=reason, reference=reference)
        return _posted(transaction, made, currency, {"account": account_id, "reference": reference})

    return write(office, actor, "credits adjust", adjust)


def refund_call(
    office: Office, actor: Actor, request_id: str, amount_nano: int | None = None, *, reason: str
) -> Posted:
    """Give back what a call was charged. Budgets and spending limits are not given back: they count what was spent.

    Args:
        amount_nano: a part of it; None for all that was not refunded before.

    Raises:
        NotFound: nothing was charged for such a call.
        BadRequest: the amount is not above zero, or above the charge less earlier refunds.
        ConfigError: the balances are in another currency than the configuration's.
    """
    currency = office.currency

    def refund(transaction: Transaction) -> Change[Posted]:
        made = post_refund(transaction.connection, request_id, amount_nano, reason=reason)
        return _posted(transaction, made, currency, {"request_id": request_id})

    return write(office, actor, "credits refund", refund)


def check_currency(office: Office, currency: str | None) -> None:
    """Refuse amounts that are meant in another currency than ours; None is ours.

    Raises:
        BadRequest: it is another.
        ConfigError: the balances are in another currency than the configuration's.
    """
    ours = office.currency
    if currency is not None and currency != ours:
        raise BadRequest(
            f"{currency!r} is not the currency of this gateway: all balances are in {ours} ([gateway] currency).",
            code="wrong_currency",
        )


def _posted(transaction: Transaction, made: Transfer, currency: str, detail: dict[str, str | None]) -> Change[Posted]:
    account = made.credit if is_system(made.debit) else made.debit
    standing = balance(transaction, account)
    subject = detail.get("request_id") or account
    told = {**detail, "amount": _money_text(made.change_nano(account)), "reason": made.reason, "made": made.reference}
    return Change(Posted(made, account, standing, currency), subject, told)


def _money_text(amount_nano: int) -> str:
    """An amount as bills have it: whole, or with two decimals at least."""
    whole, point, decimals = format_nano(amount_nano).partition(".")
    return whole + point + (decimals.ljust(2, "0") if point else "")
