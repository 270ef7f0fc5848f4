"""Pages that the gateway's own workers serve: which requests are theirs, and what stays the gateway's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.app.start import assemble
from router.http.app import Application
from router.http.pages import Pages
from router.testing.gateway import Gateway

pytestmark = pytest.mark.slow

PREFIXES = ("/app", "/ops")


@pytest.fixture
def application(tmp_path: Path) -> Iterator[tuple[Application, list[str]]]:
    """A gateway with pages that say where they were asked, and what they were told."""
    gateway = Gateway(tmp_path, start=False)
    told: list[str] = []

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert environ["router.request_id"].startswith("req_") and "HTTP_UPGRADE" not in environ
        start_response("200 OK", [("Content-Type", "text/html")])
        return [f"page {environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]

    pages = Pages(wsgi, PREFIXES, frozenset({"/", "/models"}), lambda: told.append("closed"))
    made = Application(assemble(gateway.config_path, gateway._env), pages)
    yield made, told
    made.close()
    assert told == ["closed"]


HTML = "text/html,application/xhtml+xml"


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/app", ""),
        ("GET", "/app/", ""),
        ("POST", "/app/keys/new", ""),
        ("POST", "/app/v1/chat/completions", ""),
        ("GET", "/ops/accounts", ""),
        ("DELETE", "/ops/x", ""),
        ("GET", "/", HTML),
        ("GET", "/models", HTML),
    ],
)
def test_theirs(application: Any, method: str, path: str, accept: str) -> None:
    client = application[0].flask.test_client()
    answer = client.open(path, method=method, headers={"Accept": accept, "Upgrade": "websocket"})
    assert answer.get_data(as_text=True) == f"page {method} {path}"


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/", "application/json"),
        ("POST", "/", HTML),
        ("GET", "/application", HTML),
        ("GET", "/opsx/y", HTML),
        ("GET", "/v1/app", HTML),
        ("GET", "/healthz", HTML),
        ("GET", "/v1/models", HTML),
        ("POST", "/v1/chat/completions", HTML),
    ],
)
def test_the_gateways(application: Any, method: str, path: str, accept: str) -> None:
    client = application[0].flask.test_client()
    answer = client.open(path, method=method, headers={"Accept": accept})
    assert answer.content_type == "application/json" and "page" not in answer.get_data(as_text=True)[:4]
