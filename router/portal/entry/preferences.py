"""What a visitor prefers, kept in a cookie: the language, and light or dark."""

from __future__ import annotations

from router.i18n.language import CODES, PSEUDO
from router.office.people.people import change_profile
from router.portal.web.pages import PageRoutes
from router.portal.web.refusing import next_path
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_THEMES = ("system", "light", "dark")


@PAGES.post("/app/language", "public")
def choose_language(request: PageRequest) -> PageReply:
    """Answer in another language from now on."""
    chosen = request.form.get("language", "")
    reply = request.redirect(_back(request))
    if chosen in (*CODES, PSEUDO):
        reply.headers.append(request.site.cookies.prefer("lang", chosen))
        if request.session is not None and chosen in CODES:
            change_profile(request.office, request.actor, request.session.person.id, locale=chosen)
    return reply


@PAGES.post("/app/theme", "public")
def choose_theme(request: PageRequest) -> PageReply:
    """Light, dark, or as the system has it."""
    chosen = request.form.get("theme", "")
    reply = request.redirect(_back(request))
    if chosen in _THEMES:
        reply.headers.append(request.site.cookies.prefer("theme", chosen))
        if request.session is not None:
            change_profile(request.office, request.actor, request.session.person.id, theme=chosen)
    return reply


def _back(request: PageRequest) -> str:
    """The page on which the form stood; those before the log-in, too."""
    target = request.form.get("back", "")
    return target if target.startswith("/app/login") and "//" not in target else next_path(target)
