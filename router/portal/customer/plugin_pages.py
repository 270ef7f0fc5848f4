"""PageRoutes of plugins, in the portal's frame: a plugin says what stands there, and the portal writes it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from router.app.plugin_contexts import plugin_routes
from router.errors import NotFound, RouterError, faults
from router.portal.customer.own import nothing_here
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.types.portal_page import Facts, PageForm, PageTable, PortalPage, Text
from router.types.routes import PluginRoute, RouteRequest, RouteResponse

__all__ = ["PAGES", "shown_kind"]

PAGES = PageRoutes()

_log = logging.getLogger("router.portal")
_PART = re.compile(r"\\\{([a-z][a-z0-9_]*)\\\}")
_FORM = "application/x-www-form-urlencoded"


@PAGES.get("/app/plugins/<plugin>/", "viewer")
@PAGES.get("/app/plugins/<plugin>/<path:rest>", "viewer")
def page(request: PageRequest) -> PageReply:
    """What a plugin shows a customer."""
    return _served(request, "session", f"/app/plugins/{request.params['plugin']}", "layout/app.html")


@PAGES.post("/app/plugins/<plugin>/<path:rest>", "viewer")
def send(request: PageRequest) -> PageReply:
    """What a plugin does with a customer's form."""
    return _served(request, "session", f"/app/plugins/{request.params['plugin']}", "layout/app.html")


@PAGES.get("/ops/plugin/<plugin>/", "operator")
@PAGES.get("/ops/plugin/<plugin>/<path:rest>", "operator")
def operators_page(request: PageRequest) -> PageReply:
    """What a plugin shows an operator."""
    return _served(request, "operator", f"/ops/plugin/{request.params['plugin']}", "layout/ops.html")


@PAGES.post("/ops/plugin/<plugin>/<path:rest>", "operator")
def operators_send(request: PageRequest) -> PageReply:
    """What a plugin does with an operator's form."""
    return _served(request, "operator", f"/ops/plugin/{request.params['plugin']}", "layout/ops.html")


def shown_kind(block: object) -> str:
    """What a block is, for the template."""
    return {Text: "text", Facts: "facts", PageTable: "table", PageForm: "form"}.get(type(block), "")


def _served(request: PageRequest, access: str, base: str, layout: str) -> PageReply:
    plugin = request.params["plugin"]
    route, params = _route(request, plugin, access)
    asked = RouteRequest(
        request.method,
        f"/{request.params.get('rest', '')}",
        params,
        dict(request.query),
        {"content-type": _FORM} if request.method == "POST" else {},
        request.body,
        account=request.account_id if access == "session" else "",
        client=request.visit.address,
        request_id=request.request_id,
        person=request.person.id,
        role=request.role if access == "session" else "operator",
    )
    response = _asked(plugin, route, asked)
    if response.go_to:
        return request.redirect(base + response.go_to if response.go_to.startswith("/") else base)
    if not isinstance(response.page, PortalPage):
        raise nothing_here(request)
    shown = {"page": response.page, "base": base, "layout": layout, "kind_of": shown_kind, "plugin": plugin}
    return request.render("plugin_page.html", status=response.status, **shown)


def _route(request: PageRequest, plugin: str, access: str) -> tuple[PluginRoute, Mapping[str, str]]:
    """The plugin's route that the path means, and the parts of it."""
    assembly = request.site.assembly
    path = f"/{request.params.get('rest', '')}"
    for route in plugin_routes(assembly.registry, assembly.contexts, plugin).get(plugin, []):
        if route.access == access and request.method in route.methods:
            found = re.fullmatch(_PART.sub(r"(?P<\1>[^/]+)", re.escape(route.path)), path)
            if found is not None and len(request.body) <= route.max_body_bytes:
                return route, found.groupdict()
    raise nothing_here(request)


def _asked(plugin: str, route: PluginRoute, request: RouteRequest) -> RouteResponse:
    """What the plugin answers. Its faults are for the log.

    Raises:
        RouterError: its own refusal, or that it failed.
    """
    try:
        response = route.handler(request)
    except RouterError:
        raise
    except faults():
        _log.exception("plugin %s failed at its page %s", plugin, route.path)
        raise RouterError(f"The page of {plugin} failed.", code="plugin_failed") from None
    if not isinstance(response, RouteResponse):
        _log.error("plugin %s gave %s at its page %s", plugin, type(response).__name__, route.path)
        raise NotFound("There is no such page.", code="not_found")
    return response
