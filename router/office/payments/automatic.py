"""Automatic top-ups: saved means are charged when a balance falls below its threshold, once for each fall."""

from __future__ import annotations

import logging
from dataclasses import replace

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, NotFound, RouterError, StoreError
from router.ledger.balances import balance, read_balance
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.payments.booking import book_facts
from router.office.payments.means import token_of
from router.office.payments.methods import PaymentMethods
from router.office.payments.topups import TopUpQuote, check_day, check_open, new_topup, quote_topup, view_of
from router.store.payments.means import (
    AutomaticRow,
    MeansRow,
    find_automatic,
    find_means,
    list_automatic,
    put_automatic,
)
from router.store.payments.topups import TopUpRow, find_automatic_open, insert_topup
from router.types.payments import TopUpClosed

__all__ = ["charge_automatic", "why_waiting"]

_DAY_S = 86_400.0
_log = logging.getLogger("router.payments")


def charge_automatic(office: Office, actor: Actor, methods: PaymentMethods) -> int:
    """Begin what has fallen due, and go on with what was begun; how many were charged or tried.

    Of one fall there is one top-up: it is noted in the transaction that makes it, and a crash after that goes on with
    the same one, under the same ID.
    """
    tried = 0
    for automatic in list_automatic(office.database):
        row = _under_way(office, automatic.account_id) or _begin(office, actor, methods, automatic)
        if row is not None:
            tried += 1
            _charge(office, methods, row)
    return tried


def why_waiting(office: Office, methods: PaymentMethods, account_id: str) -> RouterError | None:
    """What keeps an account's automatic top-up from being begun just now, though the balance is below its threshold;
    None where nothing does, none is due, or it was stopped.

    Raises:
        NotFound: there is no such account.
        StoreError: the database does not answer.
    """
    automatic = office.database.read(lambda connection: find_automatic(connection, account_id))
    if automatic is None or automatic.problem or automatic.below:
        return None
    if balance(office.database, account_id).available >= automatic.threshold_nano:
        return None
    try:
        _quoted(office, methods, automatic)
        office.database.read(lambda connection: _check_day(office, connection, automatic))
    except StoreError:
        raise
    except RouterError as error:
        return error
    return None


def _under_way(office: Office, account_id: str) -> TopUpRow | None:
    return office.database.read(lambda connection: find_automatic_open(connection, account_id))


def _begin(office: Office, actor: Actor, methods: PaymentMethods, automatic: AutomaticRow) -> TopUpRow | None:
    """The top-up of a fall that has none yet; None where there is no fall, or something keeps it from being begun."""
    try:
        means, quote = _quoted(office, methods, automatic)
    except RouterError as error:
        _waits(automatic, error)
        return None

    def begin(transaction: Transaction) -> Change[TopUpRow | None]:
        connection = transaction.connection
        has = read_balance(connection, automatic.account_id, lock=True)
        kept = find_automatic(connection, automatic.account_id)
        if kept is None or kept.problem or kept.means_id != automatic.means_id:
            return Change(None, automatic.account_id, {}, made=False)
        if has.available >= kept.threshold_nano:
            if kept.below:
                put_automatic(connection, replace(kept, below=False))
            return Change(None, automatic.account_id, {}, made=False)
        if kept.below or find_automatic_open(connection, kept.account_id) is not None:
            return Change(None, automatic.account_id, {}, made=False)
        _check_day(office, connection, replace(kept, amount_nano=quote.credit_nano))
        row = replace(new_topup(office, kept.account_id, means.method, quote), means_id=means.id)
        insert_topup(connection, row)
        put_automatic(connection, replace(kept, below=True))
        return Change(row, kept.account_id, {"topup": row.id, "means": means.id})

    try:
        return write(office, actor, "topups automatic", begin)
    except BadRequest as error:  # the day is full
        _waits(automatic, error)
        return None


def _quoted(office: Office, methods: PaymentMethods, automatic: AutomaticRow) -> tuple[MeansRow, TopUpQuote]:
    """What would be charged, and what it would cost now.

    Raises:
        RouterError: it cannot be charged now: why.
    """
    means = _means(office, automatic.means_id)
    offer = methods.offer(means.method, automatic.account_id)
    quote = quote_topup(office, offer, automatic.amount_nano)
    check_open(office, automatic.account_id)
    return means, quote


def _check_day(office: Office, connection: Connection, automatic: AutomaticRow) -> None:
    """Whether a day has room for one more: by what its owner allows, and by what the operator does.

    Raises:
        BadRequest: it has none.
    """
    if _charged_since(connection, automatic.account_id, office.clock() - _DAY_S) >= automatic.per_day:
        raise BadRequest(
            f"It was charged {automatic.per_day} times in 24 hours, and may not be more often.",
            code="automatic_per_day",
        )
    check_day(office, connection, automatic.account_id, automatic.amount_nano)


def _waits(automatic: AutomaticRow, error: RouterError) -> None:
    _log.info("The automatic top-up of %s waits: %s", automatic.account_id, error.in_full)


def _charge(office: Office, methods: PaymentMethods, row: TopUpRow) -> None:
    try:
        token = token_of(office, _means(office, row.means_id))
        facts = methods.ask(row.method, "payment_charge", topup=view_of(office, row), token=token)
        book_facts(office, row.method, list(facts))
    except (BadRequest, NotFound, ConfigError) as error:
        book_facts(office, row.method, [TopUpClosed(row.id, "failed", error.message[:200])])  # and no further one
    except RouterError as error:
        _log.warning("The automatic top-up %s could not be asked for: %s", row.id, error.in_full)


def _means(office: Office, means_id: str) -> MeansRow:
    """Raises:
    NotFound: they were taken back.
    """
    found = office.database.read(lambda connection: find_means(connection, means_id))
    if found is None or found.forgotten_at is not None:
        raise NotFound("The saved means were taken back.", code="means_not_found")
    return found


def _charged_since(connection: Connection, account_id: str, since: float) -> int:
    sql = "SELECT COUNT(*) FROM topups WHERE account_id = ? AND created_at > ? AND means_id <> ''"
    return int(connection.tuples(sql, (account_id, since))[0][0])
