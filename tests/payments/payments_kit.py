"""A payment method that does what a test says, and an office on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from router import (
    BadRequest,
    DepositAddress,
    PaymentFact,
    PaymentNotice,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    TopUp,
    TopUpPaid,
    Unavailable,
    VerifiedNotice,
    Watched,
    hookimpl,
)
from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.ledger.verify import verify
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.booked import FactOutcome
from router.office.payments.booking import book_facts
from router.office.payments.methods import PaymentMethods
from router.office.payments.topups import begin_topup
from router.store.payments.topups import TopUpRow

ADA = Actor("person", "pers_ada")
OPERATOR = Actor("operator", "cli")
CARD = PaymentOffer("Card", "redirect", "USD", least=100, most=100_000_00, saves_means=True)
RETURN = "https://portal.example.com/app/topup/{topup}"


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Scripted:
    """A method whose answers are set; what it was asked is kept."""

    offer: PaymentOffer | None = CARD
    asked: list[tuple[str, Any]] = field(default_factory=list)
    start: Callable[[TopUp], PaymentStarted] | None = None
    poll: Sequence[PaymentFact] = ()
    refund: Callable[[TopUp, int, str], Iterable[PaymentFact]] | None = None
    charge: Callable[[TopUp, str], Iterable[PaymentFact]] | None = None
    forget: Exception | None = None
    watch: Callable[[PaymentWatch], Watched] | None = None
    statement: Sequence[PaymentFact] = ()
    differences: Sequence[str] = ()

    @hookimpl
    def payment_offer(self, account: str) -> PaymentOffer | None:
        return self.offer

    @hookimpl
    def payment_start(self, topup: TopUp, return_url: str) -> PaymentStarted:
        self.asked.append(("start", (topup, return_url)))
        if self.start is not None:
            return self.start(topup)
        return PaymentStarted(f"cs_{topup.id}", f"https://pay.example.com/{topup.id}")

    @hookimpl
    def payment_address(self, account: str, number: int) -> DepositAddress:
        return DepositAddress(f"0xaddress{number}", [("Test", ["USDT"])])

    @hookimpl
    def payment_redeem(self, account: str, code: str) -> PaymentFact:
        raise BadRequest("This is no code.", param="code")

    @hookimpl
    def payment_event(self, notice: PaymentNotice) -> VerifiedNotice:
        if notice.headers.get("x-signature") != "good":
            raise BadRequest("The signature is not ours.")
        kind, _, topup = notice.body.decode().partition(" ")
        return VerifiedNotice(f"evt_{topup}", kind, [TopUpPaid(f"cs_{topup}", topup, 1000, "USD")])

    @hookimpl
    def payment_poll(self, topups: Sequence[TopUp]) -> Iterable[PaymentFact]:
        self.asked.append(("poll", [one.id for one in topups]))
        return self.poll

    @hookimpl
    def payment_watch(self, watch: PaymentWatch) -> Watched:
        return self.watch(watch) if self.watch else Watched((), watch.cursor)

    @hookimpl
    def payment_refund(self, topup: TopUp, amount: int, asked: str) -> Iterable[PaymentFact]:
        self.asked.append(("refund", (topup.id, amount, asked)))
        if self.refund is None:
            raise Unavailable("not now")
        return self.refund(topup, amount, asked)

    @hookimpl
    def payment_charge(self, topup: TopUp, token: str) -> Iterable[PaymentFact]:
        self.asked.append(("charge", (topup.id, token)))
        return self.charge(topup, token) if self.charge else ()

    @hookimpl
    def payment_forget(self, token: str) -> None:
        self.asked.append(("forget", token))
        if self.forget is not None:
            raise self.forget

    @hookimpl
    def payment_statement(self, since: float) -> Iterable[PaymentFact]:
        return self.statement

    @hookimpl
    def payment_differences(self) -> Iterable[str]:
        return self.differences


class Till:
    """An office with one method, ``card``, and an account that pays by it."""

    def __init__(self, office: Office, methods: PaymentMethods, method: Scripted, clock: Clock) -> None:
        self.office = office
        self.methods = methods
        self.method = method
        self.clock = clock
        self.account = accounts.create_account(office, OPERATOR, "Ada's").id
        self._forms = 0

    def begin(self, credit_nano: int = 10 * NANO, *, form: str = "", **more: Any) -> TopUpRow:
        """A top-up that was begun by a form of its own."""
        self._forms += 1
        form = form or f"form-{self._forms}"
        account = more.pop("account", self.account)
        return begin_topup(
            self.office, ADA, self.methods, account, "card", credit_nano, form=form, return_url=RETURN, **more
        )

    def paid(self, credit_nano: int = 10 * NANO) -> TopUpRow:
        """A top-up that was paid."""
        row = self.begin(credit_nano)
        [outcome] = self.tell(TopUpPaid(row.reference, row.id, row.amount, row.currency, f"pi_{row.id}"))
        assert outcome.state == "booked", outcome
        return self.row(row.id)

    def tell(self, *facts: PaymentFact, **more: Any) -> list[FactOutcome]:
        """What came of facts of the method's."""
        return book_facts(self.office, "card", facts, **more)

    def row(self, topup_id: str) -> TopUpRow:
        from router.office.payments.topups import show_topup

        return show_topup(self.office, "", topup_id)

    def balance(self, account: str = "") -> int:
        """In whole units and nano, what the account has and owes."""
        account = account or self.account
        return balance(self.office.database, account).balance - credit_kinds(self.office.database, account).owed

    def spend(self, nano: int, account: str = "", reference: str = "") -> None:
        """As calls do: a transfer to the revenue, behind the lots' back."""
        spend(self.office, account or self.account, nano, reference)

    def check(self) -> None:
        """The ledger holds together."""
        assert [str(check) for check in verify(self.office.database) if not check.ok] == []


_SPENT = [0]


def spend(office: Office, account: str, nano: int, reference: str = "") -> None:
    """A call's charge, posted as the ledger's batches post it; with the reference ``req:ID`` it can be refunded."""
    from router.ledger.chain import link
    from router.ledger.system import REVENUE

    def charge(connection: Any) -> None:
        row = connection.row("SELECT credits, debits, head FROM balances WHERE account_id = ?", (account,))
        _SPENT[0] += 1
        now = office.clock()
        left = row["credits"] - row["debits"] - nano
        assert left >= 0
        name, kind = reference or f"test:{_SPENT[0]}:{account}", "usage" if reference else "plugin"
        values = (name, kind, account, REVENUE, nano, left, None, "spent", now)
        head = link(row["head"], *values)
        connection.execute(
            "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, about, reason, "
            "created_at, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, head),
        )
        sql = "UPDATE balances SET debits = debits + ?, head = ? WHERE account_id = ?"
        connection.execute(sql, (nano, head, account))

    office.database.write(charge)
