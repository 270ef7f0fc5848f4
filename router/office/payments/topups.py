"""Top-ups: how one is begun, how it stands, and codes that are redeemed."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace

from peewee import IntegrityError

from router.db.connection import Connection
from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound, RouterError, Unavailable
from router.ledger.balances import read_balance
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.payments.booking import book_facts
from router.office.payments.methods import PaymentMethods
from router.office.payments.rates import charge_for, minor_text, rate_nano
from router.store.accounts import get_account
from router.store.payments import topups as rows
from router.store.payments.topups import OPEN, TopUpRow
from router.store.people.people import find_person_row
from router.store.people.switches import is_off
from router.types.payments import PaymentFact, PaymentOffer, PaymentStarted, TopUp

__all__ = [
    "OPEN",
    "TopUpQuote",
    "TopUpRow",
    "begin_topup",
    "cancel_topup",
    "check_day",
    "check_open",
    "list_topups",
    "look_at",
    "new_topup",
    "quote_topup",
    "redeem_code",
    "show_topup",
    "view_of",
]

_DAY_S = 86_400.0
_ASKED_S = 20.0
"""In which a method answers, or who asked it is gone."""
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class TopUpQuote:
    """What a top-up would cost, before anybody pays.

    Attributes:
        credit_nano: what is credited.
        charge, currency, decimals: what is charged, in minor units.
        fee: the part of that which is the method's fee.
        rate_nano: balance currency for one unit of the other.
    """

    credit_nano: int
    charge: int
    currency: str
    decimals: int
    fee: int
    rate_nano: int


def quote_topup(office: Office, offer: PaymentOffer, credit_nano: int) -> TopUpQuote:
    """What a credit costs by a method.

    Raises:
        BadRequest: it is outside the bounds of the operator, or of the method.
        Unavailable: there is no exchange rate.
    """
    settings, currency = office.settings.payments, office.currency
    least, most = settings.least_nano, settings.most_nano
    if credit_nano < least:
        raise BadRequest(f"The least is {settings.least} {currency}.", code="amount_too_small", param="amount")
    if most is not None and credit_nano > most:
        raise BadRequest(f"The most at once is {settings.most} {currency}.", code="amount_too_large", param="amount")
    rate = rate_nano(office, offer.currency)
    price = charge_for(credit_nano, offer.decimals, rate)
    fees = {"fee_minor": offer.fee_minor, "fee_millionths": offer.fee_millionths}
    charge = charge_for(credit_nano, offer.decimals, rate, **fees)
    if charge < offer.least or (offer.most and charge > offer.most):
        bounds = f"from {minor_text(offer.least, offer.currency, offer.decimals)}"
        bounds += f" to {minor_text(offer.most, offer.currency, offer.decimals)}" if offer.most else " on"
        raise BadRequest(
            f"{offer.title} takes payments {bounds}; this one would be "
            f"{minor_text(charge, offer.currency, offer.decimals)}.",
            code="amount_out_of_bounds",
            param="amount",
        )
    return TopUpQuote(credit_nano, charge, offer.currency, offer.decimals, charge - price, rate)


def check_open(office: Office, account_id: str) -> None:
    """Whether an account may pay in now.

    Raises:
        Unavailable: the operator has turned top-ups off.
        BadRequest: the account is suspended.
    """
    if is_off(office.database, "topup"):
        raise Unavailable("Top-ups are turned off at the moment: try again later.", code="topups_off")
    if get_account(office.database, account_id).status != "active":
        raise BadRequest("This workspace is suspended: ask the operator.", code="account_suspended")


def check_day(office: Office, connection: Connection, account_id: str, credit_nano: int, *, lock: bool = False) -> None:
    """Whether an account may pay in so much yet, after what it began to pay in within 24 hours.

    Args:
        lock: keep others from paying in until the transaction ends: whoever begins a top-up holds the balance.

    Raises:
        BadRequest: it would be more than the operator's bound.
    """
    most = office.settings.payments.most_per_day_nano
    if most is None:
        return
    if lock:
        read_balance(connection, account_id, lock=True)
    begun = rows.topped_up_since(connection, account_id, office.clock() - _DAY_S)
    if begun + credit_nano > most:
        rest = format_nano(max(0, most - begun), 2)
        raise BadRequest(
            f"At most {format_nano(most, 2)} {office.currency} can be paid in within 24 hours: {rest} are left.",
            code="daily_limit",
            param="amount",
        )


def begin_topup(
    office: Office,
    actor: Actor,
    methods: PaymentMethods,
    account_id: str,
    method: str,
    credit_nano: int,
    *,
    form: str,
    return_url: str,
    save_means: bool = False,
    person_id: str = "",
) -> TopUpRow:
    """Begin a top-up by a method that leads elsewhere; its ``url`` is where. The same form begins one alone.

    Args:
        form: made for each form that is shown.
        return_url: the page on which it is waited for; ``{topup}`` in it becomes its ID.

    Raises:
        NotFound: there is no such method.
        BadRequest: the amount is out of bounds, or the account cannot pay in.
        Unavailable: top-ups are turned off, there is no rate, or the method does not answer: it is closed as failed.
    """
    check_open(office, account_id)
    offer = methods.offer(method, account_id)
    if offer.way != "redirect":
        raise NotFound(f"{offer.title} has no page to pay on.", code="method_not_found")
    quote = quote_topup(office, offer, credit_nano)
    made = new_topup(office, account_id, method, quote, form=form, person_id=person_id)
    row = _keep(office, actor, replace(made, save_means=save_means and offer.saves_means))
    if row.id != made.id:
        row = _waited_for(office, row)
    if row.url or row.state not in OPEN:
        return row
    return _started(office, methods, row, return_url.replace("{topup}", row.id))


def show_topup(office: Office, account_id: str, topup_id: str) -> TopUpRow:
    """An account's top-up; of any account where ``account_id`` is empty.

    Raises:
        NotFound: there is none, or it is another's.
    """
    row = office.database.read(lambda connection: rows.find_topup(connection, topup_id))
    if row is None or account_id not in ("", row.account_id):
        raise NotFound(f"There is no top-up {topup_id[:40]!r}.", code="topup_not_found")
    return row


def list_topups(
    office: Office,
    *,
    account_id: str = "",
    method: str = "",
    states: Collection[str] = (),
    before: tuple[float, str] | None = None,
    limit: int = 50,
) -> list[TopUpRow]:
    """The newest top-ups, newest first; as ``router.store.payments.topups.list_topups``."""
    found = {"account_id": account_id, "method": method, "states": states}
    return rows.list_topups(office.database, **found, before=before, limit=limit)  # type: ignore[arg-type]


def look_at(office: Office, methods: PaymentMethods, row: TopUpRow) -> TopUpRow:
    """Ask the method how a top-up stands, book what it says, and give it as it is then.

    A method that does not answer changes nothing: the notice, or the next look, will tell.
    """
    if row.state not in OPEN or not methods.has(row.method, "payment_poll"):
        return row
    try:
        facts = list(methods.ask(row.method, "payment_poll", topups=[view_of(office, row)]))
        book_facts(office, row.method, facts)
    except RouterError:
        return row
    return show_topup(office, "", row.id)


def cancel_topup(office: Office, actor: Actor, topup_id: str) -> TopUpRow:
    """Close a top-up that was not paid; a payment that comes all the same is credited.

    Raises:
        NotFound: there is none such.
        Conflict: it is paid, or closed already.
    """

    def cancel(transaction: Transaction) -> Change[TopUpRow]:
        row = rows.find_topup(transaction.connection, topup_id, lock=True)
        if row is None:
            raise NotFound(f"There is no top-up {topup_id[:40]!r}.", code="topup_not_found")
        if row.state not in OPEN:
            raise Conflict(f"{row.id} is {row.state}: only one that is open can be closed.", code="topup_not_open")
        closed = replace(row, state="expired", note="closed by the operator", changed_at=office.clock())
        rows.update_topup(transaction.connection, row, closed)
        return Change(closed, row.account_id, {"topup": row.id})

    return write(office, actor, "topups close", cancel)


def redeem_code(office: Office, methods: PaymentMethods, account_id: str, method: str, code: str) -> TopUpRow:
    """Credit an account what a code is worth.

    Raises:
        BadRequest: it is none, was used, or is over; or the account cannot pay in.
        NotFound: there is no such method.
        Unavailable: top-ups are turned off.
    """
    check_open(office, account_id)
    if methods.offer(method, account_id).way != "code":
        raise NotFound("There are no codes by this method.", code="method_not_found")
    fact: PaymentFact = methods.ask(method, "payment_redeem", account=account_id, code=code)
    [outcome] = book_facts(office, method, [fact])
    if outcome.state in ("booked", "waiting", "repeated") and outcome.topup:
        row = show_topup(office, "", outcome.topup)
        if row.account_id == account_id:
            return row
    raise BadRequest("This code was used already, or is none.", code="code_refused", param="code")


def view_of(office: Office, row: TopUpRow) -> TopUp:
    """A top-up as methods see it."""
    return TopUp(
        row.id,
        row.method,
        row.account_id,
        row.amount,
        row.currency,
        row.decimals,
        row.state,
        row.reference,
        row.payment,
        _email_of(office, row.person_id),
        f"{format_nano(row.credit_nano, 2)} {office.currency}",
        row.save_means,
        row.created_at,
    )


def _email_of(office: Office, person_id: str) -> str:
    person = find_person_row(office.database, id=person_id) if person_id else None
    return person.email if person is not None else ""


def new_topup(
    office: Office, account_id: str, method: str, quote: TopUpQuote, *, form: str = "", person_id: str = ""
) -> TopUpRow:
    """A top-up that was begun now, for what it costs; it is kept nowhere yet."""
    now = office.clock()
    return TopUpRow(
        new_id("top"),
        method,
        account_id,
        person_id,
        "started",
        quote.charge,
        quote.currency,
        quote.decimals,
        quote.rate_nano,
        quote.credit_nano,
        now,
        now,
        form=form,
    )


def _keep(office: Office, actor: Actor, row: TopUpRow) -> TopUpRow:
    """The new top-up, or the one that the same form began before."""

    def keep(transaction: Transaction) -> Change[TopUpRow]:
        connection = transaction.connection
        earlier = rows.find_form(connection, row.account_id, row.form) if row.form else None
        if earlier is not None:
            return Change(earlier, row.account_id, {}, made=False)
        check_day(office, connection, row.account_id, row.credit_nano, lock=True)
        rows.insert_topup(connection, row)
        detail = {"topup": row.id, "method": row.method, "amount": format_nano(row.credit_nano, 2)}
        return Change(row, row.account_id, detail)

    try:
        return write(office, actor, "topups begin", keep)
    except IntegrityError:  # the same form, at the same moment
        found = office.database.read(lambda connection: rows.find_form(connection, row.account_id, row.form))
        if found is None:
            raise
        return found


def _waited_for(office: Office, row: TopUpRow) -> TopUpRow:
    """The top-up that the same form began a moment ago, once its method has answered: it is asked once. One that was
    cut off is given as it is.
    """
    if office.clock() - row.created_at > _ASKED_S:
        return row
    ends = time.monotonic() + _ASKED_S
    while not row.url and row.state in OPEN and time.monotonic() < ends:
        time.sleep(_LOOK_S)
        row = show_topup(office, "", row.id)
    return row


def _started(office: Office, methods: PaymentMethods, row: TopUpRow, return_url: str) -> TopUpRow:
    try:
        started = methods.ask(row.method, "payment_start", topup=view_of(office, row), return_url=return_url)
        _check_started(row.method, started)
    except RouterError as error:
        _change(office, row, state="failed", note=error.message[:200])
        raise
    return _change(office, row, reference=started.reference, url=started.url, expires_at=started.expires_at or None)


def _check_started(method: str, started: object) -> None:
    if isinstance(started, PaymentStarted) and started.reference and _is_safe(started.url):
        return
    raise Unavailable(
        "This way to pay does not work at the moment: try another one.",
        code="method_failed",
        detail=f"{method} gave no page of use to pay on: {started!r:.200}",
    )


def _is_safe(url: str) -> bool:
    local = ("http://127.0.0.1:", "http://localhost:")
    return url.startswith(("https://", *local)) and url.isascii() and url.isprintable() and " " not in url


def _change(office: Office, row: TopUpRow, **changes: object) -> TopUpRow:
    """The top-up with changes, over what it has become meanwhile."""

    def change(connection: Connection) -> TopUpRow:
        now = rows.find_topup(connection, row.id, lock=True) or row
        if "state" in changes and now.state not in OPEN:
            return now
        after = replace(now, changed_at=office.clock(), **changes)  # type: ignore[arg-type]
        rows.update_topup(connection, now, after)
        return after

    return office.database.write(change)
