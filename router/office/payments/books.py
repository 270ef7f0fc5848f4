"""The books of payments against what the methods say: clearing accounts, facts that are missing, and differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.db.connection import Connection
from router.errors import NotFound
from router.ledger.system import clearing
from router.money.amounts import format_nano
from router.office.office import Office
from router.office.payments.booked import kind_of
from router.office.payments.deposits import watch_of
from router.office.payments.methods import PaymentMethods
from router.office.payments.rates import minor_text
from router.store.payments.facts import FactRow, find_fact, list_facts
from router.store.payments.topups import find_topup
from router.store.payments.watches import put_comparison
from router.types.payments import DepositPaid, Dispute, PaymentFact, Refund, TopUpPaid

__all__ = ["MethodBooks", "clearing_nano", "compare_method", "verify_against"]

_ALL = 1_000_000
_LINES_MAX = 100


@dataclass(frozen=True, slots=True)
class MethodBooks:
    """What a comparison with a method found.

    Attributes:
        told: facts that the method told.
        booked: those of them that are booked.
        clearing_nano: what the ledger has on the method's clearing account: what came in, less what went back.
        differences: what does not fit, a line each.
    """

    method: str
    told: int
    booked: int
    clearing_nano: int
    differences: Sequence[str]


def verify_against(office: Office, methods: PaymentMethods, method: str, since: float) -> MethodBooks:
    """Compare the books with everything that a method knows to have moved since a time. Nothing is booked.

    Raises:
        NotFound: there is no such method, or it cannot tell.
        Unavailable: it does not answer.
    """
    if not methods.has(method, "payment_statement"):
        raise NotFound(f"{method[:40]} is no payment method that can tell what it has booked.", code="method_cannot")
    booked = list_facts(office.database, state="booked", method=method, kind="paid", limit=_ALL)
    facts: list[PaymentFact] = list(
        methods.ask(method, "payment_statement", watch=watch_of(office, method, {}), since=since)
    )
    found = office.database.read(lambda connection: [_difference(connection, method, fact) for fact in facts])
    differences = [line for line in found if line]
    agreed = len(facts) - len(differences)
    told = {fact.reference for fact in facts if isinstance(fact, TopUpPaid | DepositPaid)}
    untold = [row for row in booked if row.reference not in told and row.created_at >= since]
    more = office.database.read(lambda connection: [_untold(connection, row, since) for row in untold])
    return MethodBooks(
        method, len(facts), agreed, clearing_nano(office, method), [*differences, *(line for line in more if line)]
    )


def compare_method(office: Office, methods: PaymentMethods, method: str) -> Sequence[str]:
    """Compare what was credited with what the method holds, and keep the differences for operators.

    Raises:
        RouterError: the method or the database failed.
    """
    if methods.state(method).offer is None:
        return ()
    rows = list_facts(office.database, state="booked", method=method, kind="paid", limit=_ALL)
    booked = [DepositPaid(**row.body) for row in rows if "address" in row.body]
    told = methods.ask(method, "payment_differences", watch=watch_of(office, method), booked=booked)
    lines = [str(line)[:300] for line in told][:_LINES_MAX]
    office.database.write(lambda connection: put_comparison(connection, method, lines, office.clock()))
    return lines


def clearing_nano(office: Office, method: str) -> int:
    """What came in by a method and did not go back, by the ledger."""
    name = clearing(method)
    sql = "SELECT CAST(COALESCE(SUM(amount_nano), 0) AS BIGINT) FROM transfers WHERE kind <> 'usage' AND {side} = ?"

    def read(connection: Connection) -> int:
        came, went = (int(connection.tuples(sql.format(side=side), (name,))[0][0]) for side in ("debit", "credit"))
        return came - went

    return office.database.read(read)


def _untold(connection: Connection, fact: FactRow, since: float) -> str:
    """What is to be said of a payment that was credited here and that its method does not know; empty for nothing: it
    may have been made before the time from which on the method was asked.
    """
    topup = find_topup(connection, fact.topup_id)
    if topup is None:
        return ""
    at = (fact.body.get("detail") or {}).get("at")  # a deposit's, which may have been seen long after it was made
    made_at = min(topup.created_at, at) if isinstance(at, int | float) else topup.created_at
    if made_at < since:
        return ""
    credited = f"{format_nano(topup.credit_nano, 2)} credited to {topup.account_id}"
    return f"paid {fact.reference}: {credited} by {topup.id}, and {fact.method} does not tell of it"


def _difference(connection: Connection, method: str, fact: PaymentFact) -> str:
    """What is other in the books; empty for nothing."""
    if not isinstance(fact, TopUpPaid | DepositPaid | Refund | Dispute):
        return ""
    kind = kind_of(fact)
    kept = find_fact(connection, method, kind, fact.reference)
    if kept is None:
        return f"{kind} {fact.reference}: {method} tells it, and it is not in the books"
    if kept.state != "booked":
        return f"{kind} {fact.reference}: {kept.state} ({kept.why})"
    if kept.amount != fact.amount and fact.amount:
        topup = find_topup(connection, kept.topup_id)
        decimals = topup.decimals if topup is not None else 0
        here = minor_text(kept.amount, kept.currency, decimals)
        return f"{kind} {fact.reference}: {here} in the books, {minor_text(fact.amount, fact.currency, decimals)} told"
    return ""
