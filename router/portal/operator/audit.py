"""The audit log: who did what to whom, why, and from where. It is only ever added to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from router.office.audit import list_audit
from router.office.console.finding import known_names
from router.portal.operator.frame import list_page, seq_of, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest
from router.types.periods import iso_time

__all__ = ["PAGES"]

PAGES = PageRoutes()

_CHUNK = 1000
_CSV = ("seq", "created_at", "kind", "actor", "session", "address", "action", "subject", "detail")


@PAGES.get("/ops/audit", "operator")
def audit_page(request: PageRequest) -> PageReply:
    """Entries that match, the newest first."""
    filters, start = _filters(request), seq_of(request)
    found = list_page(
        lambda limit: list_audit(request.office, before=start, limit=limit, **filters), lambda one: one.seq
    )
    names = known_names(request.office, (name for one in found.rows for name in (one.actor, one.subject)))
    return show(request, "audit.html", found=found, names=names, filtered=any(filters.values()))


@PAGES.get("/ops/audit.csv", "operator")
def audit_csv(request: PageRequest) -> PageReply:
    """All entries that match, however many."""
    return csv_reply("audit", _CSV, _rows(request, _filters(request)))


def _filters(request: PageRequest) -> dict[str, Any]:
    return {name: typed(request, name) or None for name in ("action", "subject", "actor")}


def _rows(request: PageRequest, filters: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    before = None
    while entries := list_audit(request.office, before=before, limit=_CHUNK, **filters):
        for one in entries:
            detail = json.dumps(dict(one.detail), ensure_ascii=False)
            who = (one.kind, one.actor, one.session, one.address)
            yield (one.seq, iso_time(one.created_at), *who, one.action, one.subject, detail)
        before = entries[-1].seq
