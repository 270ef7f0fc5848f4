"""Accounts: the list, found by what an operator has at hand, and the tabs of one."""

from __future__ import annotations

from typing import Any

from router.errors import NotFound
from router.office.accounts import show_account
from router.office.audit import list_audit
from router.office.console.finding import AccountLine, find_accounts, known_names, list_notes, price_lists
from router.office.customers.tiers import show_progress
from router.office.keys import list_keys, spent_of, status_of
from router.office.limits import MONEY, limits_in_force, list_tiers
from router.office.payments.automatic import why_waiting
from router.office.payments.means import show_automatic
from router.office.payments.shown import show_credit
from router.office.people.members import list_invitations, list_members
from router.office.statements import read_statement
from router.office.usage import last_used, list_calls, sum_keys
from router.portal.operator.frame import list_page, seq_of, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "TABS", "account_of"]

PAGES = PageRoutes()

TABS = ("overview", "members", "keys", "calls", "transactions", "limits", "notes", "audit")
"""Of one account; the first is at its address."""

_STATUSES = ("active", "suspended")
_DAY_S = 86_400
_SHOWN_DAYS = 30


@PAGES.get("/ops/accounts", "operator")
def accounts_page(request: PageRequest) -> PageReply:
    """Accounts that match."""
    text, status, tier = typed(request, "q"), typed(request, "status"), typed(request, "tier")
    status = status if status in _STATUSES else ""

    def read(limit: int) -> list[AccountLine]:
        before = typed(request, "before")
        return find_accounts(request.office, text, status=status, tier=tier, before=before, limit=limit)

    return show(
        request,
        "accounts.html",
        found=list_page(read, lambda one: one.account.id),
        filtered=bool(text or status or tier),
        tiers=[(one, one) for one in sorted({one.written.subject.name for one in list_tiers(request.office)})],
        call=text if text.startswith("req_") else "",
    )


@PAGES.get("/ops/accounts/<account_id>", "operator")
def overview(request: PageRequest) -> PageReply:
    """What an account is and has, and what can be done with it."""
    office, account_id = request.office, request.params["account_id"]
    shown = account_of(request)
    since = request.now - _SHOWN_DAYS * _DAY_S
    return _tab(
        request,
        shown,
        "overview",
        spent=sum(sum_keys(office, account_id, since).values()),
        members=list_members(office, account_id),
        calls=list_calls(office, account=account_id, limit=5),
        notes=list_notes(office, account_id, limit=3),
        lists=price_lists(office),
        credit=show_credit(office, account_id),
        automatic=show_automatic(office, account_id),
        waits=why_waiting(office, office.payments, account_id),
        next_tier=show_progress(office, shown.account),
    )


@PAGES.get("/ops/accounts/<account_id>/members", "operator")
def members(request: PageRequest) -> PageReply:
    """Who belongs to it."""
    shown, account_id = account_of(request), request.params["account_id"]
    people, open_ones = list_members(request.office, account_id), list_invitations(request.office, account_id)
    return _tab(request, shown, "members", members=people, invitations=open_ones)


@PAGES.get("/ops/accounts/<account_id>/keys", "operator")
def keys(request: PageRequest) -> PageReply:
    """Its keys, and what can be done with each."""
    shown, account_id = account_of(request), request.params["account_id"]
    rows = list_keys(request.office, account_id)
    live = [row for row in rows if row.status != "revoked"]
    since = request.now - _SHOWN_DAYS * _DAY_S
    told = []
    for row in rows if request.query.get("show") == "all" else live:
        spent = spent_of(request.office, row)
        used = None if spent is None else spent.used_nano + spent.held_nano
        told.append({"row": row, "status": status_of(row), "used_nano": used})
    return _tab(
        request,
        shown,
        "keys",
        keys=told,
        ended=len(rows) - len(live),
        spent=sum_keys(request.office, account_id, since),
        used=last_used(request.office, account_id),
        made_by=known_names(request.office, (row.made_by for row in rows)),
    )


@PAGES.get("/ops/accounts/<account_id>/calls", "operator")
def calls(request: PageRequest) -> PageReply:
    """Its calls, with what they cost us."""
    shown, account_id = account_of(request), request.params["account_id"]
    key, model, failed = typed(request, "key"), typed(request, "model"), typed(request, "failed") == "true"

    def read(limit: int) -> Any:
        before = typed(request, "before") or None
        try:
            return list_calls(
                request.office,
                account=account_id,
                key=key or None,
                model=model or None,
                failed=failed,
                before=before,
                limit=limit,
            )
        except NotFound:  # a key, or a row to go on from, that is not there
            return []

    found = list_page(read, lambda one: one.record.request_id)
    return _tab(request, shown, "calls", found=found, filtered=bool(key or model or failed))


@PAGES.get("/ops/accounts/<account_id>/transactions", "operator")
def transactions(request: PageRequest) -> PageReply:
    """Its transfers, each as the ledger has it."""
    shown, account_id = account_of(request), request.params["account_id"]
    start = seq_of(request)
    found = list_page(
        lambda limit: read_statement(request.office, account_id, before=start, limit=limit), lambda one: one.seq
    )
    return _tab(request, shown, "transactions", found=found)


@PAGES.get("/ops/accounts/<account_id>/limits", "operator")
def limits(request: PageRequest) -> PageReply:
    """What holds for it, and why."""
    shown = account_of(request)
    held = limits_in_force(request.office, account=request.params["account_id"])
    return _tab(request, shown, "limits", limits=held, money=MONEY, enforced=request.office.settings.gateway.limits)


@PAGES.get("/ops/accounts/<account_id>/notes", "operator")
def notes(request: PageRequest) -> PageReply:
    """What operators noted."""
    shown, account_id, before = account_of(request), request.params["account_id"], typed(request, "before")
    found = list_page(
        lambda limit: list_notes(request.office, account_id, before=before, limit=limit), lambda one: one.id
    )
    names = known_names(request.office, (one.made_by for one in found.rows))
    return _tab(request, shown, "notes", found=found, names=names)


@PAGES.get("/ops/accounts/<account_id>/audit", "operator")
def audit(request: PageRequest) -> PageReply:
    """What was done to it and its keys, and by whom."""
    shown, account_id = account_of(request), request.params["account_id"]
    start = seq_of(request)
    found = list_page(
        lambda limit: list_audit(request.office, subject=account_id, before=start, limit=limit), lambda one: one.seq
    )
    names = known_names(request.office, (one.actor for one in found.rows))
    return _tab(request, shown, "audit", found=found, names=names)


def account_of(request: PageRequest) -> Any:
    """The account that the path names, and what it has.

    Raises:
        NotFound: there is none.
    """
    return show_account(request.office, request.params["account_id"])


def _tab(request: PageRequest, shown: Any, tab: str, **values: Any) -> PageReply:
    path = f"/ops/accounts/{shown.account.id}"
    return show(
        request, f"account_{tab}.html", shown=shown, account=shown.account, path=path, tab=tab, tabs=TABS, **values
    )
