"""Credits by kind: what was given and taken besides calls."""

from __future__ import annotations

from router.office.audit import list_audit
from router.office.console.figures import moved, owed
from router.office.console.finding import known_names
from router.office.people.rules.credit import free_credit_of
from router.portal.operator.frame import list_page, seq_of, show
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["KINDS", "PAGES", "PAID_KINDS"]

PAGES = PageRoutes()

KINDS = {
    "grant": "Given by operators",
    "free": "Free credit of sign-ups",
    "adjustment": "Corrections",
    "refund": "Charges given back",
    "return": "Charges given back by the gateway itself",
    "shortfall": "Used beyond balances",
}
"""The kinds of transfers that are the host's own, in words."""

PAID_KINDS = {
    "topup": "Top-ups",
    "topup_refund": "Payments refunded",
    "refund_cover": "Refunds of spent credit, borne here",
    "dispute": "Disputed payments",
    "dispute_return": "Disputes won",
    "debt": "Lent after disputes",
    "debt_paid": "Lent, and paid back",
    "expiry": "Expired credit",
}
"""The kinds of transfers that payments make, in words."""


@PAGES.get("/ops/credits", "operator")
def credits_page(request: PageRequest) -> PageReply:
    """What was given and taken besides calls, by kind, and the newest of it."""
    chosen = range_of(request.query, request.zone, request.now)
    start = seq_of(request)
    found = list_page(
        lambda limit: list_audit(request.office, action="credits", before=start, limit=limit), lambda one: one.seq
    )
    portal = request.office.settings.portal
    return show(
        request,
        "credits.html",
        kinds=KINDS,
        paid_kinds=PAID_KINDS,
        sums=moved(request.office, chosen.since, chosen.until),
        ever=moved(request.office, 0.0, request.now + 1),
        owed=owed(request.office),
        chosen=chosen,
        found=found,
        names=known_names(request.office, (one.actor for one in found.rows)),
        free=free_credit_of(request.office),
        per_network=portal.free_credit_per_network,
        per_day=portal.free_credit_per_day,
    )
