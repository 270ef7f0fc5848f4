"""Payments on the console: top-ups, what methods told of them, and whether methods work."""

from __future__ import annotations

from router.errors import NotFound, RouterError
from router.office.accounts import get_account
from router.office.console.figures import moved
from router.office.console.finding import known_names
from router.office.payments.books import clearing_nano
from router.office.payments.deposits import find_watch
from router.office.payments.refunds import MANUAL, list_refunds, refundable
from router.office.payments.shown import OPEN, STATES, fee_of, find_payment, page_of_topups
from router.office.payments.told import count_refused, facts_of_topup, list_events, list_facts
from router.office.payments.topups import TopUpRow, show_topup
from router.portal.operator.frame import nothing_there, show, typed
from router.portal.operator.money import PAID_KINDS
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.types.payments import HealthLine

__all__ = ["PAGES", "topup_of"]

PAGES = PageRoutes()

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
        health=_health(request, name),
        watch=find_watch(request.office, name),
        clearing=clearing_nano(request.office, name),
        events=list_events(request.office, method=name, limit=20),
    )


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


def _method_of(request: PageRequest) -> str:
    name = request.params["method"]
    if name not in request.office.payments.names:
        raise nothing_there("such payment method: [payments] methods names those that are on")
    return name


def _health(request: PageRequest, name: str) -> list[HealthLine]:
    """What the method says of itself; that it does not answer is one of those lines."""
    methods = request.office.payments
    state = methods.state(name)
    if state.offer is None:
        return [HealthLine("set-up", ok=False, text=state.problem or "it offers nothing")]
    if not methods.has(name, "payment_health"):
        return [HealthLine("set-up", ok=True, text="it has nothing to look at")]
    try:
        return list(methods.ask(name, "payment_health"))
    except RouterError as error:
        return [HealthLine("answer", ok=False, text=error.in_full)]
