"""From a WSGI request to a page's answer: who asks, whether they may, and what is told where something goes wrong."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.datastructures import MultiDict

from router.db.ids import new_request_id
from router.errors import RouterError, StoreError, faults
from router.http.peer import PeerReader
from router.i18n.language import CODES, PSEUDO, best_language, language_of
from router.office.people.records import Visit, WebSession
from router.office.people.sessions import find_session
from router.portal.web.guard import API_HEADERS, HSTS, PAGE_HEADERS, SAFE, check_origin, is_local
from router.portal.web.pages import PageRoute
from router.portal.web.refusing import as_ours, failure_page, next_path, refusal
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.portal.web.site import PortalParts
from router.portal.web.stepping import is_stepped_up, lost_form, step_up_page
from router.types.masking import one_line

__all__ = ["FORM_MAX", "Serving", "new_visitor"]

FORM_MAX = 256 * 1024
"""The most bytes of a form."""

_log = logging.getLogger("router.portal")
_AGENT_MAX = 200
_SERVER_FAULT = 500
_THEMES = ("system", "light", "dark")
_VISITOR_BYTES = 16


class Serving:
    """Serves the pages of one site.

    Args:
        pages: all of them.
        peers: tells whose a request is.
    """

    def __init__(self, site: PortalParts, pages: Iterable[PageRoute], peers: PeerReader) -> None:
        self._site = site
        self._peers = peers
        self.pages = tuple(pages)

    def register(self, app: Flask) -> None:
        """Put all pages into a Flask application."""
        for page in self.pages:
            name, methods = f"{page.method} {page.path}", [page.method]
            app.add_url_rule(page.path, name, self._view(page), methods=methods, provide_automatic_options=False)
        app.register_error_handler(Exception, self._unknown)

    def _view(self, page: PageRoute) -> Callable[..., Response]:
        def view(**params: str) -> Response:
            asked = self._request(params)
            try:
                reply = self._answer(page, asked)
            except faults() as error:  # whatever it is, a browser is answered
                reply = self._failed(asked, error, json=page.json)
            return self._response(asked, reply, json=page.json)

        return view

    def _unknown(self, error: Exception) -> Response:
        """The answer to what is no page of ours."""
        asked = self._request({})
        json = asked.path.startswith("/api/")
        if not json:
            with suppress(StoreError):  # that there is no such page can be told without knowing who asks
                self._find_session(asked)
        return self._response(asked, self._failed(asked, error, json=json), json=json)

    def _failed(self, asked: PageRequest, error: BaseException, *, json: bool) -> PageReply:
        """What is told of a fault: the person's words on the page, the operator's in the log."""
        known = as_ours(error, asked)
        if known.status >= _SERVER_FAULT:
            shown = None if isinstance(error, RouterError) else error
            _log.error("%s %s [%s]: %s", asked.method, asked.path, asked.request_id, error, exc_info=shown)
        return failure_page(asked, known, json=json)

    def _answer(self, page: PageRoute, asked: PageRequest) -> PageReply:
        if page.method not in SAFE:
            self._check_form()
            request.max_content_length = request.max_form_memory_size = FORM_MAX
            asked.body = request.get_data(parse_form_data=False, cache=True)
            asked.form = request.form
        self._find_session(asked)
        lost = lost_form(asked) if page.access != "public" and not page.json else None
        if lost is not None:
            return lost
        refused = refusal(page, asked)
        if refused is not None:
            return refused
        if page.step_up and not is_stepped_up(asked):
            return step_up_page(asked)
        return page.handler(asked)

    def _check_form(self) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        local = f"{request.scheme}://{request.host}" if is_local(request.host) else ""
        check_origin(request.method, headers, self._site.origin or local)

    def _find_session(self, asked: PageRequest) -> None:
        """Who asks, and so in which language they are answered."""
        if not asked.session_text:
            return
        session = asked.session = find_session(self._site.office, asked.session_text)
        if session is not None:
            asked.language = language_of(self._language(session))
            asked.theme = self._theme(session)

    def _request(self, params: Mapping[str, str]) -> PageRequest:
        peer = self._peers.of_environ(request.environ)
        code = self._language(None)
        cookies = self._site.cookies
        agent = one_line(request.headers.get("User-Agent", ""), _AGENT_MAX)
        return PageRequest(
            site=self._site,
            method=request.method,
            path=request.path,
            params=params,
            query=request.args,
            form=MultiDict(),
            session=None,
            session_text=request.cookies.get(cookies.session, ""),
            visit=Visit(peer.address, agent, code, request.cookies.get(cookies.visitor, "")),
            language=language_of(code),
            theme=self._theme(None),
            htmx=request.headers.get("HX-Request") == "true",
            request_id=request.environ.setdefault("router.request_id", new_request_id()),
            host=request.host,
            scheme=peer.scheme,
            client=request.environ.get("router.client"),
            came_from=self._came_from(),
        )

    def _came_from(self) -> str:
        """The page that a form or a part stands on, as the browser says; of a form that was shown again at an address
        that opens no page, and where nothing is said, the nearest above.
        """
        said = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
        try:
            parts = urlsplit(said)
        except ValueError:
            parts = urlsplit("")
        ours = said.startswith((f"{self._site.origin}/", f"{request.scheme}://{request.host}/"))
        own = "" if "HX-Request" in request.headers else request.path  # a part is no page
        path, query = (parts.path, parts.query) if ours else (own, "")
        adapter = current_app.create_url_adapter(request)
        while adapter is not None and path.count("/") > 1:
            if adapter.test(path, "GET"):
                return next_path(quote(path) + (f"?{query}" if query else ""))
            path, query = path.rpartition("/")[0], ""
        return ""

    def _language(self, session: WebSession | None) -> str:
        """The code of the setting, the cookie, the browser's wish, or the default: the first that there is."""
        chosen = (session.person.locale if session is not None else "") or request.cookies.get("lang", "")
        if chosen in CODES or chosen == PSEUDO:
            return chosen
        return best_language(request.headers.get("Accept-Language", ""), default=self._site.settings.language)

    def _theme(self, session: WebSession | None) -> str:
        chosen = request.cookies.get("theme", "") or (session.person.theme if session is not None else "")
        return chosen if chosen in _THEMES else "system"

    def _response(self, asked: PageRequest, reply: PageReply, *, json: bool) -> Response:
        body: Any = reply.body
        answer = Response(body, reply.status)
        answer.headers.clear()
        for name, value in (*(API_HEADERS if json else PAGE_HEADERS), *reply.headers, *asked.headers):
            answer.headers.add(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        if self._site.brand.public_url.startswith("https://"):
            answer.headers.add(*HSTS)
        answer.headers["Vary"] = "Cookie, HX-Request, Sec-Fetch-Site, Accept-Language"
        answer.headers["x-request-id"] = asked.request_id
        return answer


def new_visitor() -> str:
    """The text of a cookie that tells a visitor's browser from others."""
    return secrets.token_urlsafe(_VISITOR_BYTES)
