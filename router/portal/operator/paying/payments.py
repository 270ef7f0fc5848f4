"""Payments on the console: top-ups, what methods told of them, and whether methods work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.errors import BadRequest, NotFound, Unavailable
from router.money.amounts import format_nano, parse_nano
from router.office.accounts import get_account
from router.office.console.figures import moved
from router.office.console.finding import known_names
from router.office.payments.books import clearing_nano
from router.office.payments.deposits import HoldingsPage, find_watch, holdings_of
from router.office.payments.refunds import MANUAL, list_refunds, refundable
from router.office.payments.shown import OPEN, STATES, fee_of, find_payment, page_of_topups
from router.office.payments.told import count_refused, facts_of_topup, health_of, list_events, list_facts
from router.office.payments.topups import TopUpRow, show_topup
from router.portal.operator.frame import nothing_there, seq_of, show, typed
from router.portal.operator.money import PAID_KINDS
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import range_of
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "topup_of"]

PAGES = PageRoutes()

_ADDRESS_HEAD = ("number", "address", "path", "account", "network", "currency", "held", "credited", "enough")
_FACTS = ("refused", "waiting", "booked")
_SHOWN = 100


@PAGES.get("/ops/payments", "operator")
def payments(request: PageRequest) -> PageReply:
    """Top-ups that match, what they brought, and the methods."""
    office, methods = request.office, request.office.payments
    names = (*methods.names, MANUAL)
    text = typed(request, "q")
    found = find_payment(office, names, text)
    if found is not None:
        return request.redirect(f"/ops/payments/{found.id}")
    chosen = range_of(request.query, request.zone, request.now)
    state, method, account = typed(request, "state"), typed(request, "method"), typed(request, "account")
    page = page_of_topups(
        office,
        account_id=account,
        method=method,
        states=(state,) if state in STATES else (),
        before=typed(request, "before"),
    )
    return show(
        request,
        "payments.html",
        page=page,
        filtered=bool(state or method or account or text),
        missed=text,
        states=[(one, one.replace("_", " ")) for one in STATES],
        names=[(one, one) for one in names],
        methods=[(one, find_watch(office, one.name), clearing_nano(office, one.name)) for one in methods.states()],
        refused=count_refused(office),
        sums=moved(office, chosen.since, chosen.until),
        kinds=PAID_KINDS,
        chosen=chosen,
    )


@PAGES.get("/ops/payments/facts", "operator")
def facts(request: PageRequest) -> PageReply:
    """What methods told: what was refused first, since nobody was credited for it."""
    state, method = typed(request, "state"), typed(request, "method")
    state = state if state in _FACTS else "refused"
    methods = request.office.payments
    return show(
        request,
        "payment_facts.html",
        facts=list_facts(request.office, state=state, method=method, limit=_SHOWN),
        events=list_events(request.office, method=method, limit=_SHOWN),
        state=state,
        states=_FACTS,
        names=[(one, one) for one in (*methods.names, MANUAL)],
        shown=_SHOWN,
    )


@PAGES.get("/ops/payments/methods/<method>", "operator")
def one_method(request: PageRequest) -> PageReply:
    """One method: whether it works, as it says itself, and what the last comparison found."""
    name = _method_of(request)
    return show(
        request,
        "payment_method.html",
        state=request.office.payments.state(name),
        health=health_of(request.office, request.office.payments, name),
        watch=find_watch(request.office, name),
        clearing=clearing_nano(request.office, name),
        events=list_events(request.office, method=name, limit=20),
    )


@PAGES.get("/ops/payments/methods/<method>/addresses", "operator")
def addresses(request: PageRequest) -> PageReply:
    """What lies on a method's deposit addresses, to be collected."""
    name, after, text = _method_of(request), seq_of(request, "after"), typed(request, "min")
    page, problem = HoldingsPage((), 0, None), ""
    try:
        page = _held(request, name, -1 if after is None else after)
    except (BadRequest, Unavailable) as error:
        problem = error.in_full
    return show(request, "payment_addresses.html", name=name, page=page, problem=problem, least=text)


@PAGES.get("/ops/payments/methods/<method>/addresses.csv", "operator")
def addresses_csv(request: PageRequest) -> PageReply:
    """All of them, however many."""
    name = _method_of(request)
    first = _held(request, name, -1)  # or what is wrong would be said in the midst of the rows
    return csv_reply(f"{name}-addresses", _ADDRESS_HEAD, _cells(request, name, first))


@PAGES.get("/ops/payments/<topup_id>", "operator")
def one_topup(request: PageRequest) -> PageReply:
    """One top-up, all that was told of it, and what can be done."""
    row = topup_of(request)
    methods = request.office.payments
    return show(
        request,
        "payment.html",
        row=row,
        fee=fee_of(row),
        account=get_account(request.office, row.account_id),
        person=known_names(request.office, [row.person_id]).get(row.person_id, "") if row.person_id else "",
        facts=facts_of_topup(request.office, row.id),
        refunds=list_refunds(request.office, row.id),
        left=refundable(row),
        gives_back=row.method == MANUAL or methods.has(row.method, "payment_refund"),
        open=row.state in OPEN,
    )


def topup_of(request: PageRequest) -> TopUpRow:
    """The top-up that the path names.

    Raises:
        NotFound: there is none.
    """
    try:
        return show_topup(request.office, "", request.params["topup_id"])
    except NotFound:
        raise nothing_there("such top-up") from None


def _held(request: PageRequest, name: str, after: int) -> HoldingsPage:
    """Raises:
    NotFound: the method's addresses hold nothing.
    BadRequest: the amount above which it is worth it is none.
    Unavailable: a network cannot be asked.
    """
    methods, text = request.office.payments, typed(request, "min").replace(",", ".", 1)
    if not methods.has(name, "payment_holdings"):
        raise nothing_there("method of this name with deposit addresses")
    try:
        least = parse_nano(text) if text else None
    except ValueError as error:
        raise BadRequest(str(error), param="min") from None
    return holdings_of(request.office, methods, name, after=after, least_nano=least)


def _cells(request: PageRequest, name: str, page: HoldingsPage) -> Iterator[Sequence[object]]:
    while True:
        for row in page.rows:
            one = row.holding
            amounts = (format_nano(one.held, places=one.decimals), format_nano(one.credited, places=one.decimals))
            about = (row.given.number, one.address, one.path, row.given.account, one.network, one.currency)
            yield (*about, *amounts, "yes" if row.enough else "no")
        if page.next is None:
            return
        page = _held(request, name, page.next)


def _method_of(request: PageRequest) -> str:
    name = request.params["method"]
    if name not in request.office.payments.names:
        raise nothing_there("such payment method: [payments] methods names those that are on")
    return name
