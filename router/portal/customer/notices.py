"""Notices: what happened that one should know of, and which of it is mailed."""

from __future__ import annotations

from marshmallow import ValidationError

from router.office.people.notices import (
    NOTICE_TYPES,
    list_notices,
    mark_read,
    notice_settings,
    set_notice_settings,
)
from router.portal.web.fields import Amount
from router.portal.web.forms import Form, empty_form
from router.portal.web.pages import Pages
from router.portal.web.replies import Reply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = Pages()

_SHOWN = 50


@PAGES.get("/app/notices", "person")
def notices(request: PageRequest) -> Reply:
    """The newest notices, and what is told."""
    return _show(request, empty_form())


@PAGES.post("/app/notices/read", "person")
def read_all(request: PageRequest) -> Reply:
    """Mark all as read."""
    mark_read(request.office, request.person.id)
    return request.redirect("/app/notices", said="notices_read")


@PAGES.post("/app/notices/settings", "person")
def choose(request: PageRequest) -> Reply:
    """Which notices are made, and which are mailed."""
    threshold: int | None = None
    typed = request.form.get("threshold", "").strip()
    if typed:
        try:
            threshold = Amount().deserialize(typed)
        except ValidationError as error:
            form = empty_form(threshold=typed)
            form.errors["threshold"] = [str(one) for one in error.messages]
            return _show(request, form, 422)
    chosen = {name: (f"app-{name}" in request.form, f"mail-{name}" in request.form) for name in NOTICE_TYPES}
    set_notice_settings(request.office, request.actor, request.person.id, chosen, threshold_nano=threshold)
    return request.redirect("/app/notices", said="saved")


def _show(request: PageRequest, form: Form, status: int = 200) -> Reply:
    return request.render(
        "customer/notices.html",
        status=status,
        notices=list_notices(request.office, request.person.id, limit=_SHOWN),
        settings=notice_settings(request.office, request.person.id),
        types=NOTICE_TYPES,
        form=form,
    )
