"""All top-ups of a workspace: a list, and a table for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.money.amounts import format_nano
from router.office.payments.shown import STATES, fee_of, page_of_topups
from router.portal.customer.paying.words import titles_of
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest
from router.types.periods import iso_time

__all__ = ["PAGES"]

PAGES = PageRoutes()

_AT_ONCE = 500
_HEAD = (
    *("id", "begun", "paid", "method", "state", "charged", "fee", "charge_currency"),
    *("credited", "currency", "refunded", "reference"),
)


@PAGES.get("/app/topups", "owner")
def topups(request: PageRequest) -> PageReply:
    """The newest ones, of all states or of one."""
    state = request.query.get("state", "")
    state = state if state in STATES else ""
    page = page_of_topups(
        request.office,
        account_id=request.account_id,
        states=(state,) if state else (),
        before=request.query.get("before", ""),
    )
    return request.render("customer/topups.html", page=page, state=state, states=STATES, titles=titles_of(request))


@PAGES.get("/app/topups.csv", "owner")
def topups_csv(request: PageRequest) -> PageReply:
    """All of them, however many."""
    state = request.query.get("state", "")
    return csv_reply("top-ups", _HEAD, _lines(request, (state,) if state in STATES else ()))


def _lines(request: PageRequest, states: Sequence[str]) -> Iterator[Sequence[object]]:
    before, currency = "", request.site.brand.currency
    while True:
        page = page_of_topups(
            request.office, account_id=request.account_id, states=states, before=before, limit=_AT_ONCE
        )
        for row in page.rows:
            yield (
                row.id,
                iso_time(row.created_at),
                iso_time(row.paid_at),
                row.method,
                row.state,
                format_nano(row.amount, places=row.decimals),
                format_nano(fee_of(row), places=row.decimals),
                row.currency,
                format_nano(row.credit_nano) if row.is_paid else "0",
                currency,
                format_nano(row.refunded, places=row.decimals),
                row.reference,
            )
        before = page.next
        if not before:
            return
