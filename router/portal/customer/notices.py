"""Notices: what happened that one should know of, and which of it is mailed."""

from __future__ import annotations

from marshmallow import ValidationError

from router.office.people.notices import list_notice_settings, list_notices, mark_read, set_notice_setting
from router.portal.web.fields import Amount
from router.portal.web.forms import Form, empty_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_SHOWN = 50


@PAGES.get("/app/notices", "person")
def notices(request: PageRequest) -> PageReply:
    """The newest notices, and what is told."""
    return _show(request, empty_form())


@PAGES.post("/app/notices/read", "person")
def read_all(request: PageRequest) -> PageReply:
    """Mark all as read."""
    mark_read(request.office, request.person.id)
    return request.redirect("/app/notices", said="notices_read")


@PAGES.post("/app/notices/settings", "person")
def choose(request: PageRequest) -> PageReply:
    """Which notices are made, and which are mailed."""
    typed = request.form.get("threshold", "").strip()
    try:
        threshold = Amount().deserialize(typed) if typed else 0
    except ValidationError as error:
        form = empty_form(threshold=typed)
        form.errors["threshold"] = [str(one) for one in error.messages]
        return _show(request, form, 422)
    for one in list_notice_settings(request.office, request.person.id):
        if one.fixed:
            continue
        in_app, mail = f"app-{one.type}" in request.form, f"mail-{one.type}" in request.form
        low = threshold if one.type == "low_balance" else None
        set_notice_setting(
            request.office, request.actor, request.person.id, one.type, in_app=in_app, mail=mail, threshold_nano=low
        )
    return request.redirect("/app/notices", said="saved")


def _show(request: PageRequest, form: Form, status: int = 200) -> PageReply:
    office, person = request.office, request.person
    return request.render(
        "customer/notices.html",
        status=status,
        notices=list_notices(office, person.id, language=request.language.code, zone=request.zone_name, limit=_SHOWN),
        settings=list_notice_settings(office, person.id),
        form=form,
    )
