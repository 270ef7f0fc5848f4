"""A request for a page, as its handler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from werkzeug.datastructures import MultiDict

from router.calls.request import ClientConnection
from router.i18n.language import Language, zone_of
from router.office.accounts import available_nano, get_account
from router.office.actor import Actor
from router.office.people.notices import unread_notices
from router.office.people.records import Person, Visit, WebSession, may
from router.portal.web.replies import PageReply
from router.portal.web.said import SAID

if TYPE_CHECKING:
    from router.office.office import Office
    from router.portal.web.site import PortalParts

__all__ = ["PageRequest"]


@dataclass
class PageRequest:
    """One request.

    Attributes:
        site: the portal.
        method, path: of the request; the path without its query.
        params: what stood in the path's ``<names>``.
        query, form: decoded.
        session: the log-in; None for a visitor.
        session_text: the cookie's text; empty for a visitor.
        visit: where the request comes from.
        language: in which it is answered.
        theme: ``system``, ``light`` or ``dark``.
        htmx: whether a page asks for a part of itself.
        request_id: ours.
        host: what the browser calls us: good for telling it about itself, never for a link.
        scheme: ``http`` or ``https``, as the browser speaks it.
        headers: what the answer has besides: cookies.
        body: of a form, as it was sent.
        client: the browser's connection; None where there is none to watch.
        came_from: the page of ours on which the link, form or part stands that asks, with its query; empty where a
            browser does not say.
    """

    site: PortalParts
    method: str
    path: str
    params: Mapping[str, str]
    query: MultiDict[str, str]
    form: MultiDict[str, str]
    session: WebSession | None
    session_text: str
    visit: Visit
    language: Language
    theme: str
    htmx: bool
    request_id: str
    host: str = ""
    scheme: str = "http"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    client: ClientConnection | None = None
    came_from: str = ""

    @property
    def office(self) -> Office:
        """What all pages go through."""
        return self.site.office

    @property
    def person(self) -> Person:
        """Who is logged in; of pages that ask for it."""
        assert self.session is not None
        return self.session.person

    @property
    def account_id(self) -> str:
        """The workspace that is looked at; empty for none."""
        return self.session.account_id if self.session is not None else ""

    @property
    def role(self) -> str:
        """What the person may do there."""
        return self.session.role if self.session is not None else ""

    def may(self, least: str) -> bool:
        """Whether the person's role includes another."""
        return may(self.role, least)

    @property
    def is_member(self) -> bool:
        """Whether who asks is logged in, and looks at a workspace of theirs."""
        session = self.session
        verified = session is not None and session.complete and session.person.verified_at is not None
        return verified and bool(self.role)

    @property
    def actor(self) -> Actor:
        """Who does what is done."""
        if self.session is None:
            return Actor("person", "visitor", address=self.visit.address)
        kind = "operator" if self.session.person.operator and self.path.startswith("/ops") else "person"
        return Actor(kind, self.session.person.id, self.session.id, self.visit.address)

    @property
    def zone(self) -> tzinfo:
        """In which times are shown."""
        return zone_of(self.session.person.zone if self.session is not None else "")

    @property
    def zone_name(self) -> str:
        """Its name."""
        return (self.session.person.zone if self.session is not None else "") or "UTC"

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.office.clock()

    @cached_property
    def balance_nano(self) -> int:
        """What the workspace has available, for the head of each page."""
        return available_nano(self.office, self.account_id) if self.account_id else 0

    @cached_property
    def unread(self) -> int:
        """How many notices are new."""
        return unread_notices(self.office, self.person.id) if self.session is not None else 0

    @cached_property
    def workspace_name(self) -> str:
        """How the workspace is called."""
        return get_account(self.office, self.account_id).name if self.account_id else ""

    def text(self, message: str, **values: Any) -> str:
        """A text in the request's language; ``values`` fill its ``%(names)s``."""
        translated = self.language.gettext(message)
        return translated % values if values else translated

    def render(self, template: str, *, status: int = 200, **values: Any) -> PageReply:
        """A page of a template, which sees the request as ``request``."""
        message = SAID.get(self.query.get("said", ""), "")
        shown = {"request": self, "said": self.text(message) if message else "", **values}
        body = self.site.renderer.render(template, self.language, shown)
        return PageReply(body, status, [("Content-Type", "text/html; charset=utf-8")])

    def redirect(self, path: str, *, said: str = "", **query: str) -> PageReply:
        """Lead on to a page of ours, which shows a message.

        Args:
            said: its name in ``router.portal.web.said``.
        """
        asked = {**query, **({"said": said} if said else {})}
        target = path + (("&" if "?" in path else "?") + urlencode(asked) if asked else "")
        if self.htmx:
            return PageReply("", 204, [("HX-Redirect", target)])
        return PageReply("", 303, [("Location", target)])

    @property
    def page(self) -> str:
        """The whole page that one is on, good for opening it anew: of a form or a part, the page that it stands on."""
        if self.method in ("GET", "HEAD") and not self.htmx:
            return self.here()
        return self.came_from or "/app/"

    def here(self, **changed: str | None) -> str:
        """This page's address with other values in its query; None takes one out."""
        pairs = {name: value for name, value in self.query.items() if name != "said"}
        pairs.update({name: value for name, value in changed.items() if value is not None})
        for name, value in changed.items():
            if value is None:
                pairs.pop(name, None)
        return quote(self.path) + (f"?{urlencode(pairs)}" if pairs else "")
