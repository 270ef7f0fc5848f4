"""The methods by which customers pay, whether they work, and what they told, as operators look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.errors import Unavailable
from router.money.amounts import format_nano
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, Progress, operation
from router.office.payments import told
from router.office.payments.books import clearing_nano, compare_method
from router.office.payments.deposits import ADDRESSES_MAX, HeldRow, find_watch, holdings_of
from router.office.payments.methods import MethodState
from router.types.payments import HealthLine
from router.types.periods import iso_time

__all__ = ["check_methods", "list_addresses", "list_events", "list_facts", "list_methods"]

_LIMIT = 50


@operation("payments list", "form:NothingForm")
def list_methods(office: Office) -> OperationAnswer:
    """The payment methods that are on, what they offer, and what hinders one."""
    return OperationAnswer([_method(office, state) for state in office.payments.states()])


@operation("payments check", "payments:CheckMethodForm", long=True)
def check_methods(
    office: Office, *, method: str | None = None, compare: bool | None = None, progress: Progress
) -> OperationAnswer:
    """Ask a payment method, or all that are on, whether they work: keys, secrets, addresses."""
    rows: list[dict[str, Any]] = []
    for name in [method] if method else office.payments.names:
        progress(f"asking {name}")
        lines = [*told.health_of(office, office.payments, name), *(_books(office, name) if compare else ())]
        rows += [{"method": name, "what": line.what, "ok": line.ok, "found": line.text} for line in lines]
    return OperationAnswer({"ok": all(row["ok"] for row in rows), "checks": rows})


@operation("payments addresses", "payments:AddressesForm")
def list_addresses(
    office: Office, *, method: str, least: int | None = None, limit: int | None = None, after: int | None = None
) -> OperationAnswer:
    """What lies on the deposit addresses of a payment method, to be collected by the wallet that has the keys."""
    bounds = {"after": -1 if after is None else after, "limit": limit or ADDRESSES_MAX, "least_nano": least}
    page = holdings_of(office, office.payments, method, **bounds)  # type: ignore[arg-type]
    return OperationAnswer({"addresses": [_held(one) for one in page.rows], "asked": page.asked, "next": page.next})


@operation("payments facts", "payments:FactsForm")
def list_facts(
    office: Office, *, method: str | None = None, state: str | None = None, limit: int | None = None
) -> OperationAnswer:
    """What payment methods told, newest first; what was refused credited nothing."""
    found = told.list_facts(office, method=method or "", state=state or "", limit=limit or _LIMIT)
    rows = [
        {
            "created_at": iso_time(one.created_at),
            "method": one.method,
            "kind": one.kind,
            "reference": one.reference,
            "topup": one.topup_id or None,
            "state": one.state,
            "why": one.why or None,
            "transfer": one.made or None,
        }
        for one in found
    ]
    return OperationAnswer(rows)


@operation("payments events", "payments:NoticesForm")
def list_events(office: Office, *, method: str | None = None, limit: int | None = None) -> OperationAnswer:
    """The notices that payment methods sent, newest first, and what came of each."""
    rows = [
        {
            "created_at": iso_time(one.created_at),
            "method": one.method,
            "id": one.id,
            "kind": one.kind,
            "outcome": one.outcome,
        }
        for one in told.list_events(office, method=method or "", limit=limit or _LIMIT)
    ]
    return OperationAnswer(rows)


def _held(row: HeldRow) -> dict[str, Any]:
    one = row.holding
    return {
        "number": row.given.number,
        "address": one.address,
        "path": one.path or None,
        "account": row.given.account,
        "network": one.network,
        "currency": one.currency,
        "held": format_nano(one.held, places=one.decimals),
        "credited": format_nano(one.credited, places=one.decimals),
        "enough": row.enough,
    }


def _method(office: Office, state: MethodState) -> dict[str, Any]:
    offer, watch = state.offer, find_watch(office, state.name)
    return {
        "method": state.name,
        "state": "on" if offer is not None else "not set up",
        "title": offer.title if offer is not None else None,
        "currency": offer.currency if offer is not None else None,
        "test": bool(offer is not None and offer.test),
        "clearing": format_nano(clearing_nano(office, state.name), 2),
        "delayed": watch.delayed or None,
        "differences": len(watch.differences),
        "problem": state.problem or None,
    }


def _books(office: Office, name: str) -> Iterator[HealthLine]:
    """What was credited against what the method holds; nothing where it cannot tell."""
    if not office.payments.has(name, "payment_differences"):
        return
    try:
        found = compare_method(office, office.payments, name)
    except Unavailable as error:
        yield HealthLine("books", False, error.in_full)
    else:
        yield HealthLine("books", not found, "; ".join(found) or "credited is what it holds")
