"""The portal as a worker serves it: all pages of one site, its files, and its jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response

from router.app.assembly import Assembly
from router.app.plugin_contexts import menu_entries
from router.app.start import assemble
from router.config.file import Settings
from router.config.tls import portal_tls
from router.db.ids import new_request_id
from router.errors import RouterError
from router.http.peer import PeerReader
from router.portal.all_pages import ALL_PAGES
from router.portal.portal_jobs import portal_jobs
from router.portal.web.brand import brand_of
from router.portal.web.cookies import Cookies
from router.portal.web.files import register_files
from router.portal.web.guard import origin_of
from router.portal.web.rendering import Renderer
from router.portal.web.serving import Serving
from router.portal.web.site import PortalParts

__all__ = ["Portal", "PortalApplication", "create_portal"]

_PREFIXES = ("/app", "/ops")
"""Below these are the pages of every profile."""
_CALL_MAX_S = 60.0
StartResponse = Callable[..., Callable[[bytes], object]]


class Portal:
    """All pages in front of one assembly.

    Args:
        keyed: whether that has providers' secrets, as a worker of the gateway has.

    Attributes:
        wsgi: serves them.
        serving: knows them.
        close: releases what they hold.
        prefixes: paths that are theirs, with all below them, where the gateway's own workers serve them.
    """

    def __init__(self, assembly: Assembly, *, keyed: bool = False) -> None:
        settings = assembly.settings
        brand = brand_of(settings, assembly.dialect)
        site = PortalParts(
            assembly,
            brand,
            Renderer(brand),
            Cookies(secure=not settings.portal.insecure_http),
            origin_of(settings.portal.public_url) if settings.portal.public_url else "",
            tuple(_menu(assembly)),
            keyed,
        )
        pages = [page for page in ALL_PAGES if not page.session_api or assembly.dialect.session_api]
        self.prefixes = (*_PREFIXES, *(page.path for page in pages if page.path.startswith("/api/")))
        self.serving = Serving(site, pages, PeerReader(settings.server.trusted_proxies))
        app = Flask("router.portal", static_folder=None)
        app.url_map.merge_slashes = app.url_map.strict_slashes = False
        register_files(app, brand)
        self.serving.register(app)
        app.add_url_rule("/", "root", _to_overview, methods=["GET"])
        self.flask = app
        self.wsgi = app.wsgi_app
        self.close = site.close


class PortalApplication:
    """What a worker of the portal's own runs; as ``router.server.worker.WorkerApplication``.

    Attributes:
        calls: none: nothing here is a model's call.
        tls: the certificate that it is served with; None for HTTP.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.settings: Settings = assembly.settings
        self.tls = portal_tls(assembly.settings)
        self.calls = None
        self.call_max_s = _CALL_MAX_S
        self.plugins: Mapping[str, str] = {}
        self.leaving = False
        self.metrics = assembly.metrics
        self.asked_at: float | None = None
        self._assembly = assembly
        self._portal = Portal(assembly)
        self._jobs = assembly.worker_of(portal_jobs(assembly))
        self._jobs.start()

    def wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI callable."""
        environ["router.request_id"] = new_request_id()
        if environ["PATH_INFO"] in ("/healthz", "/readyz"):
            return self._health(environ, start_response)
        return self._portal.wsgi(environ, start_response)

    def render_error(self, error: RouterError, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of an error that never became a page's."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("x-request-id", request_id)]
        return error.status, headers, error.message.encode("utf-8")

    def busy(self) -> int:
        """No page leaves anything behind."""
        return 0

    def close(self) -> None:
        """Give leases back, and close the database."""
        self._jobs.close()
        self._portal.close()
        self._assembly.close()

    def _health(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        ready = environ["PATH_INFO"] == "/readyz"
        if ready:
            self.asked_at = time.monotonic()
        well = not ready or not (self.leaving or self._jobs.failing)
        start_response("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok\n" if well else b"unavailable\n"]


def create_portal(config_path: str, content: bytes | None = None) -> PortalApplication:
    """Build what a worker of the portal needs from the configuration, without any provider's secret.

    Args:
        content: what to take for the file's content; None reads the file.

    Raises:
        ConfigError: what is wrong, where, and the remedy.
    """
    return PortalApplication(assemble(Path(config_path), content=content, without_keys=True))


def _menu(assembly: Assembly) -> Iterable[tuple[str, str, str]]:
    for entries in menu_entries(assembly.registry, assembly.contexts).values():
        for one in entries:
            base = "/app/plugins" if one.audience == "customer" else "/ops/plugin"
            yield one.title, base + one.path.removeprefix("/plugins"), one.audience


def _to_overview() -> Response:
    return Response("", 303, {"Location": "/app/"})
