"""Top-ups to be paid in a real ledger, booked by the host as it books them in service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from router.db.connection import Connection
from router.db.database import Database
from router.db.ids import new_id
from router.ledger.balances import balance
from router.ledger.verify import verify
from router.money.amounts import NANO
from router.office.office import Office
from router.office.payments.methods import PaymentMethods
from router.office.payments.notices import take_notice
from router.office.payments.topups import view_of
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider
from router.store.accounts import create_account
from router.store.payments.topups import TopUpRow, insert_topup
from router.testing.conformance.base import expect
from router.testing.conformance.payment.bench import PaymentBench
from router.testing.samples import PaymentSamples
from router.types.dialect import Dialect
from router.types.payments import PaymentNotice, PaymentOffer, TopUp

__all__ = ["CREDIT_NANO", "Killed", "PaymentBooks", "topup_like"]

CREDIT_NANO = 10 * NANO
"""What a top-up of these rules credits."""


class Killed(Exception):
    """The worker died before its transaction was committed."""


class PaymentBooks:
    """An account with one top-up that was begun, seen by two workers.

    Attributes:
        topup: as the method sees it.
    """

    def __init__(self, bench: PaymentBench, samples: PaymentSamples) -> None:
        self._database, self._name = bench.databases[0], bench.plugin.name
        self._methods = PaymentMethods([self._name], Registry([bench.plugin]), lambda _: bench.context)
        self._offices = [_office(bench, database) for database in bench.databases]
        self._dying = _office(bench, cast(Database, _Dying(self._database)))
        wanted = topup_like(bench.offer(), self._name)
        account = create_account(self._database, "conformance").id
        now = self._offices[0].clock()
        row = TopUpRow(
            wanted.id,
            self._name,
            account,
            "",
            "started",
            wanted.amount,
            wanted.currency,
            wanted.decimals,
            NANO,
            CREDIT_NANO,
            now,
            now,
            form=wanted.id,
            reference=samples.reference(wanted),
        )
        self._database.write(lambda connection: insert_topup(connection, row))
        self._account = account
        self.topup: TopUp = view_of(self._offices[0], row)

    def take(self, notice: PaymentNotice, worker: int = 0) -> None:
        """As the gateway takes a request to ``/plugins/NAME/events``. Raises as ``take_notice``."""
        take_notice(self._offices[worker % len(self._offices)], self._methods, self._name, notice)

    def take_and_die(self, notice: PaymentNotice) -> None:
        """The same by a worker that is killed before it has committed.

        Raises:
            Killed: it was.
        """
        take_notice(self._dying, self._methods, self._name, notice)

    def expect_credits(self, number: int, after: str) -> None:
        """The account has been credited so many times, and the ledger agrees with itself.

        Raises:
            Failed: it has not.
        """
        credits, rest = divmod(balance(self._database, self._account).balance, CREDIT_NANO)
        expect(not rest and credits == number, f"after {after}, the account was credited {credits} times, not {number}")
        wrong = [check.name for check in verify(self._database) if not check.ok]
        expect(not wrong, f"after {after}, the ledger's checks fail: {', '.join(wrong)}")


class _Dying:
    """A database of which no transaction is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def write(self, function: Callable[[Connection], Any], **more: Any) -> Any:
        def die(connection: Connection) -> NoReturn:
            function(connection)
            raise Killed

        return self._database.write(die, **more)


def topup_like(offer: PaymentOffer, method: str) -> TopUp:
    """A top-up within the bounds of an offer, and no account's."""
    amount = max(offer.least, 10 * 10**offer.decimals)
    amount = min(amount, offer.most) if offer.most else amount
    return TopUp(new_id("top"), method, "acct_conformance", amount, offer.currency, offer.decimals, created_at=1e9)


def _office(bench: PaymentBench, database: Database) -> Office:
    return Office(bench.file, database, dialect=Dialect, providers=_no_providers, shelf=_no_shelf)


def _no_providers() -> Mapping[str, ConfiguredProvider]:
    return {}


def _no_shelf() -> NoReturn:
    raise LookupError("no models are at hand where payments are booked")
