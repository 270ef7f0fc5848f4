"""The ledger: its verification, running or done, calls that hold money for long, and what a month came to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from router.errors import NotFound
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.console.figures import Figures, figures, old_holds, owed
from router.office.console.finding import known_names
from router.office.console.verification import start_verification, verification
from router.office.ledger import sweep_calls
from router.portal.operator.actions import ConsoleAction, action
from router.portal.operator.frame import show, typed
from router.portal.operator.money import KINDS
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_AGES = {"5m": ("5 minutes", 300), "1h": ("an hour", 3600), "1d": ("a day", 86_400)}
_HOLDS = 100
_MONTHS = 12


@PAGES.get("/ops/ledger", "operator")
def ledger_page(request: PageRequest) -> PageReply:
    """Whether all money is there."""
    name = typed(request, "age")
    name = name if name in _AGES else "5m"
    words, seconds = _AGES[name]
    month = _month(request)
    state = verification(request.office)
    return show(
        request,
        "ledger.html",
        state=state,
        names=known_names(request.office, [state.last.by] if state.last is not None else []),
        holds=old_holds(request.office, seconds, _HOLDS),
        most=_HOLDS,
        age=name,
        words=words,
        ages=_AGES,
        owed=owed(request.office),
        month=month,
        months=_months(request),
        sums=_sums(request, month),
        kinds=KINDS,
    )


@PAGES.get("/ops/ledger/progress", "operator")
def progress(request: PageRequest) -> PageReply:
    """How far a verification is: the part of the page that asks for itself while one runs."""
    state = verification(request.office)
    names = known_names(request.office, [state.last.by] if state.last is not None else [])
    return show(request, "ledger_state.html", state=state, names=names)


@PAGES.get("/ops/ledger/<month>.csv", "operator")
def month_csv(request: PageRequest) -> PageReply:
    """What a month came to, for spreadsheets."""
    month = _read_month(request.params["month"], request)
    if month is None:
        raise NotFound("A month is written as 2026-11.", code="not_found")
    head = ("month", "kind", "count", "given", "taken", "currency")
    return csv_reply(f"ledger-{month:%Y-%m}", head, _cells(request, month, _sums(request, month)))


def _verify(request: PageRequest) -> ConsoleAction:
    says = (
        "Every transfer, balance, hold and hourly sum is held against the others, as of one moment. Calls go on "
        "meanwhile; with millions of rows it takes minutes.",
        "What it finds is kept in the audit log.",
    )
    return ConsoleAction("Verify the ledger", "Begin", "/ops/ledger", says)


@action(PAGES, "/ops/ledger/verify", _verify, said="verify_started")
def begin(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Begin to verify."""
    start_verification(request.office, actor)


def _sweep(request: PageRequest) -> ConsoleAction:
    says = (
        "Calls whose hold has run out are ended, as [billing] expired says. The gateway does so by itself every ten "
        "seconds: this is for one that does not run.",
    )
    return ConsoleAction("End expired calls", "End them", "/ops/ledger", says, bad=True)


@action(PAGES, "/ops/ledger/sweep", _sweep, said="swept")
def sweep(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """End calls that nobody serves any more."""
    sweep_calls(request.office, actor)


def _month(request: PageRequest) -> date:
    """The month that the address asks for; this one where it asks for none."""
    found = _read_month(typed(request, "month"), request)
    return found if found is not None else datetime.fromtimestamp(request.now, UTC).date().replace(day=1)


def _read_month(text: str, request: PageRequest) -> date | None:
    """A month, by its first day; None for what is none, or is to come. Months are those of UTC."""
    try:
        found = datetime.strptime(text[:7], "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return found if found <= datetime.fromtimestamp(request.now, UTC).date() else None


def _months(request: PageRequest) -> list[date]:
    """The last months, the newest first."""
    found = [datetime.fromtimestamp(request.now, UTC).date().replace(day=1)]
    while len(found) < _MONTHS:
        year, month = found[-1].year, found[-1].month
        found.append(date(year - (month == 1), (month - 2) % 12 + 1, 1))
    return found


def _sums(request: PageRequest, month: date) -> Figures:
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return figures(request.office, _midnight(month), _midnight(after))


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _cells(request: PageRequest, month: date, sums: Figures) -> Iterator[tuple[object, ...]]:
    currency, name = request.site.brand.currency, f"{month:%Y-%m}"
    yield name, "usage", sums.calls, "0", format_nano(sums.charged_nano), currency
    for kind, one in sums.kinds.items():
        yield name, kind, one.count, format_nano(one.given_nano), format_nano(one.taken_nano), currency
