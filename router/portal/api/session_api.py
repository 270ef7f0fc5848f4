"""The account API for a profile's own pages: JSON under ``/api``, for whoever is logged in.

What is told is what pages tell, by the same functions. Amounts are exact decimal text in ``currency``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from router.money.amounts import format_nano
from router.office.accounts import show_account
from router.office.customers.standing import ShownLimit, read_standing
from router.office.customers.tiers import TierProgress
from router.office.customers.transactions import Entry, list_entries
from router.office.keys import KeyRow, list_keys, spent_of, status_of
from router.office.limits import shown_limit
from router.office.payments.shown import fee_of, page_of_topups, show_credit
from router.office.payments.topups import TopUpRow
from router.office.usage import last_used
from router.portal.customer.sums import Sums
from router.portal.customer.transactions import KINDS, entry_query
from router.portal.customer.usage import UsageAsked, UsageLine, read_usage
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, json_reply
from router.portal.web.requests import PageRequest
from router.types.keys import Limits
from router.types.periods import iso_time

__all__ = ["PAGES"]

PAGES = PageRoutes(session_api=True)

_LIMIT_MAX = 1000
_LIMIT = 50


@PAGES.get("/api/me", "person", json=True)
def me(request: PageRequest) -> PageReply:
    """Who is logged in, and which workspace is looked at."""
    person = request.person
    workspace = {"id": request.account_id, "name": request.workspace_name, "role": request.role}
    return json_reply(
        {
            "id": person.id,
            "email": person.email,
            "name": person.name,
            "verified": person.verified_at is not None,
            "locale": person.locale,
            "zone": person.zone,
            "second_factor": request.session is not None and request.session.second_factor,
            "workspace": workspace if request.role else None,
        }
    )


@PAGES.get("/api/balance", "viewer", json=True)
def balance(request: PageRequest) -> PageReply:
    """What the workspace has."""
    standing = show_account(request.office, request.account_id)
    money = standing.balance
    amounts = {
        "balance": money.balance,
        "held": money.held,
        "available": money.available,
        "credited": money.credits,
        "used": money.debits,
    }
    kinds = show_credit(request.office, request.account_id).kinds
    amounts |= {"paid": kinds.paid, "granted": kinds.granted, "owed": kinds.owed}
    told: dict[str, Any] = {name: format_nano(nano) for name, nano in amounts.items()}
    told["expiring"] = [
        {"amount": format_nano(lot.left_nano), "expires_at": iso_time(lot.expires_at)} for lot in kinds.expiring
    ]
    return json_reply({**told, "currency": standing.currency, "status": standing.account.status})


@PAGES.get("/api/keys", "viewer", json=True)
def keys(request: PageRequest) -> PageReply:
    """The workspace's keys; never their texts."""
    used = last_used(request.office, request.account_id)
    rows = list_keys(request.office, request.account_id)
    return json_reply({"data": [_key(request, row, used.get(row.id)) for row in rows]})


@PAGES.get("/api/usage", "viewer", json=True)
def usage(request: PageRequest) -> PageReply:
    """As the page with the same query: ``range`` or ``from`` and ``to``, ``per``, ``by``, ``model``, ``key``,
    ``member``.
    """
    found = read_usage(request)
    return json_reply(
        {
            "from": found.span.first.isoformat(),
            "to": found.span.last.isoformat(),
            "zone": "UTC" if found.span.in_utc else request.zone_name,
            "by": _by(found),
            "currency": request.site.brand.currency,
            "data": [{_by(found): _place(found, row), **_sums(row.sums)} for row in found.rows],
            "total": _sums(found.totals),
        }
    )


@PAGES.get("/api/transactions", "viewer", json=True)
def transactions(request: PageRequest) -> PageReply:
    """As the page: ``kind``, ``month``, ``before`` (the ``next`` of the page before), ``limit``."""
    kind = request.query.get("kind", "")
    return _entries(request, (kind,) if kind in KINDS else ())


@PAGES.get("/api/deposits", "viewer", json=True)
def deposits(request: PageRequest) -> PageReply:
    """What was paid in or is under way, the newest first: ``before`` (the ``next`` of the page before), ``limit``."""
    page = page_of_topups(
        request.office,
        account_id=request.account_id,
        before=request.query.get("before", ""),
        limit=max(1, _limit_of(request)),
    )
    told = {"data": [_deposit(row) for row in page.rows], "next": page.next or None}
    return json_reply({**told, "currency": request.site.brand.currency})


@PAGES.get("/api/limits", "viewer", json=True)
def limits(request: PageRequest) -> PageReply:
    """What calls of the workspace may be refused for."""
    standing = read_standing(request.office, request.account_id)
    return json_reply(
        {
            "tier": standing.tier or None,
            "next_tier": None if standing.progress is None else _next_tier(standing.progress),
            "currency": request.site.brand.currency,
            "account": [_limit(one) for one in standing.account],
            "each_key": [_limit(one) for one in standing.each_key],
            "keys": [{"id": one.key.id, "limits": [_limit(each) for each in one.limits]} for one in standing.keys],
            "tiers": [
                {"name": one.name, "key": _limits(one.key), "account": _limits(one.account)} for one in standing.tiers
            ],
        }
    )


def _next_tier(found: TierProgress) -> dict[str, Any]:
    """What was reached of what the tier needs; null where it needs none of that."""
    days = {"reached": found.days, "needed": found.days_needed}
    paid = {"reached": format_nano(found.paid_nano), "needed": format_nano(found.paid_needed_nano)}
    return {
        "name": found.tier,
        "days": days if found.days_needed else None,
        "paid": paid if found.paid_needed_nano else None,
    }


def _entries(request: PageRequest, kinds: tuple[str, ...]) -> PageReply:
    query = entry_query(request, kinds, request.query.get("month", ""))
    before = request.query.get("before", "")
    page = list_entries(request.office, request.account_id, query, before=before, limit=_limit_of(request))
    told = {"data": [_entry(one) for one in page.entries], "next": page.next or None}
    return json_reply({**told, "currency": request.site.brand.currency})


def _limit_of(request: PageRequest) -> int:
    asked = request.query.get("limit", "")
    return min(int(asked), _LIMIT_MAX) if asked.isascii() and asked.isdigit() and len(asked) < 9 else _LIMIT


def _deposit(row: TopUpRow) -> dict[str, Any]:
    """``amount`` is what was sent, in ``amount_currency``; ``credited`` is in the balance's currency."""
    return {
        "id": row.id,
        "method": row.method,
        "status": row.state,
        "amount": format_nano(row.amount, places=row.decimals),
        "fee": format_nano(fee_of(row), places=row.decimals),
        "amount_currency": row.currency,
        "credited": format_nano(row.credit_nano) if row.is_paid else None,
        "refunded": format_nano(row.refunded, places=row.decimals),
        "reference": row.reference or None,
        "address": row.address or None,
        "confirmations": row.confirmations if row.wanted else None,
        "confirmations_wanted": row.wanted or None,
        "created_at": iso_time(row.created_at),
        "paid_at": iso_time(row.paid_at),
    }


def _entry(one: Entry) -> dict[str, Any]:
    usage = one.kind == "usage"
    return {
        "kind": one.kind,
        "day": one.day.isoformat(),
        "time": None if usage else iso_time(one.at),
        "amount": format_nano(one.change_nano),
        "balance_after": format_nano(one.balance_nano),
        "reference": one.reference or None,
        "calls": one.calls if usage else None,
    }


def _key(request: PageRequest, row: KeyRow, used: float | None) -> dict[str, Any]:
    spent = spent_of(request.office, row)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "hint": row.hint,
        "status": status_of(row),
        "created_at": iso_time(row.created_at),
        "expires_at": iso_time(row.expires_at),
        "last_used_at": iso_time(used),
        "models": list(row.scope) or None,
        "budget": None if row.budget_nano is None else format_nano(row.budget_nano),
        "budget_period": row.budget_period or None,
        "budget_used": None if spent is None else format_nano(spent.used_nano + spent.held_nano),
    }


def _by(usage: UsageAsked) -> str:
    if usage.group != "time":
        return usage.group
    return "hour" if usage.hourly else "day"


def _place(usage: UsageAsked, row: UsageLine) -> object:
    if usage.group in ("key", "member"):
        return {"id": row.id, "name": row.name}
    if usage.group == "model":
        return row.id
    return datetime.fromtimestamp(row.start, usage.span.zone).isoformat() if usage.hourly else row.day


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "calls": sums.calls,
        "failed": sums.errors,
        "tokens_in": sums.prompt_tokens,
        "tokens_cached": sums.cached_tokens,
        "tokens_out": sums.completion_tokens,
        "tokens_reasoning": sums.reasoning_tokens,
        "price": format_nano(sums.charge_nano),
    }


def _limit(one: ShownLimit) -> dict[str, Any]:
    return {
        "name": one.name,
        "value": shown_limit(one.name, one.value),
        "source": one.source,
        "used": None if one.used_nano is None else format_nano(one.used_nano),
        "resets_at": iso_time(one.resets_at),
    }


def _limits(found: Limits) -> dict[str, Any]:
    names = ("requests_per_minute", "tokens_per_minute", "concurrent", "spend_per_day", "spend_per_month")
    return {name: shown_limit(name, getattr(found, name)) for name in names}
