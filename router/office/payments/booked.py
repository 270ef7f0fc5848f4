"""What is shared by all that books facts: the transaction under way, and what is kept of a fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text
from router.db.transaction import Transaction
from router.office.actor import Actor
from router.office.entries import entry_of
from router.office.office import Office
from router.store.audit import insert_audit
from router.store.payments.facts import FactRow, find_fact, put_fact
from router.store.payments.topups import TopUpRow, find_topup, find_topup_by, update_topup
from router.types.payments import DepositPaid, Dispute, PaymentFact, Refund, TopUpPaid

__all__ = ["AuditLine", "Booking", "FactOutcome", "kind_of"]

_TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class FactOutcome:
    """What came of a fact.

    Attributes:
        state: ``booked``, ``noted`` (no money moves), ``waiting``, ``refused`` or ``repeated``.
        kind, reference: of the fact.
        topup, account: which it was about; empty where that is not known.
        why: it was refused, or waits.
    """

    state: str
    kind: str
    reference: str
    topup: str = ""
    account: str = ""
    why: str = ""

    def __str__(self) -> str:
        about = f" ({self.topup})" if self.topup else ""
        return f"{self.kind} {self.reference}{about}: {self.state}{f', {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line for the audit log."""

    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass
class Booking:
    """One transaction that books what a method told.

    Attributes:
        now: Unix seconds.
        entries: what the audit log is told at its end.
    """

    office: Office
    transaction: Transaction
    method: str
    now: float
    entries: list[AuditLine] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The transaction's."""
        return self.transaction.connection

    def topup(self, topup_id: str = "", *references: str) -> TopUpRow | None:
        """The method's top-up of an ID, or of one of its own references; kept from others from now on."""
        if topup_id:
            found = find_topup(self.connection, topup_id, lock=True)
            return found if found is not None and found.method == self.method else None
        for reference in filter(None, references):
            found = find_topup_by(self.connection, self.method, reference, lock=True)
            if found is not None:
                return found
        return None

    def change(self, before: TopUpRow, **changes: Any) -> TopUpRow:
        """The top-up with these changes, written."""
        after = replace(before, changed_at=self.now, **changes)
        update_topup(self.connection, before, after)
        return after

    def known(self, kind: str, reference: str) -> FactRow | None:
        """What became of a fact that was told before."""
        return find_fact(self.connection, self.method, kind, reference)

    def keep(
        self, fact: PaymentFact, state: str, *, topup: TopUpRow | None = None, why: str = "", made: str = ""
    ) -> FactOutcome:
        """Keep a fact, and what became of it."""
        kind, reference = kind_of(fact), getattr(fact, "reference", "")
        found = self.known(kind, reference)
        row = FactRow(
            self.method,
            kind,
            reference[:_TEXT_MAX],
            topup.id if topup is not None else "",
            str(getattr(fact, "payment", ""))[:_TEXT_MAX],
            int(getattr(fact, "amount", 0)),
            str(getattr(fact, "currency", ""))[:20],
            _plain(asdict(fact)),
            state,
            why[:500],
            made,
            self.now if found is None else found.created_at,
        )
        put_fact(self.connection, row)
        account = topup.account_id if topup is not None else ""
        return FactOutcome(state, kind, reference, row.topup_id, account, why)

    def refuse(self, fact: PaymentFact, why: str, topup: TopUpRow | None = None) -> FactOutcome:
        """Keep a fact that cannot be booked, for an operator to look at."""
        if not isinstance(fact, TopUpPaid | DepositPaid | Refund | Dispute):
            return FactOutcome("refused", type(fact).__name__, getattr(fact, "reference", ""), why=why)
        return self.keep(fact, "refused", topup=topup, why=why)

    def tell(self, action: str, account_id: str, **detail: Any) -> None:
        """A line for the audit log."""
        self.entries.append(AuditLine(action, account_id, {"method": self.method, **detail}))

    def write_entries(self, actor: Actor) -> None:
        """Write these lines, in the transaction."""
        prefix = self.office.masked_prefix
        for one in self.entries:
            insert_audit(self.connection, entry_of(actor, one.action, one.subject, one.detail, prefix))


def kind_of(fact: PaymentFact) -> str:
    """Under which kind a fact is kept: two stages of a dispute are two facts."""
    if isinstance(fact, Refund):
        return "refund_failed" if fact.failed else "refund"
    if isinstance(fact, Dispute):
        return f"dispute_{fact.stage}"
    return "paid" if isinstance(fact, TopUpPaid | DepositPaid) else type(fact).__name__


def _plain(body: Any) -> Any:
    """As JSON and both databases can keep it."""
    if isinstance(body, Mapping):
        return {str(name): _plain(value) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [_plain(value) for value in body]
    if isinstance(body, str):
        return clean_text(body)
    return body
