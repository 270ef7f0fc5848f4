"""One module reads what proxies and tracers say of a request: whoever read it elsewhere would believe strangers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import ROOT, python_files

HEADERS = re.compile(
    r"^(http_)?(x_forwarded_\w+|forwarded|x_real_ip|x_client_ip|\w+_connecting_ip|traceparent|tracestate)$"
)
SOCKET = re.compile(r"^remote_addr$")
NAMES = frozenset({"access_route", "remote_addr", "ProxyFix", "proxy_fix"})
"""Of Flask and Werkzeug: who asks, by the socket or by any proxy."""

READER = ROOT / "router/http/peer.py"
MADE_OF_A_SOCKET = {ROOT / "router/http1/environ.py", ROOT / "router/testing/client.py"}
"""What writes the socket's address into an environment."""

FIELDS = {
    (ROOT / path, name)
    for path in ("plugins/webhook/calls.py", "router/office/operations/usage.py", "router/upstream/provider.py")
    for name in ("traceparent", "tracestate")
}
"""Fields of our own records, which hold what was read, where they are named by a text; and a header that is sent."""


def found_in(text: str, path: Path) -> Iterator[str]:
    """Names of headers that a module has as text, and ways around them that it takes."""
    tree = ast.parse(text)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) and id(node) not in documentation:
            value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            name = value.strip().lower().replace("-", "_")
            if (path, name) in FIELDS:
                continue
            if HEADERS.match(name) or (SOCKET.match(name) and path not in MADE_OF_A_SOCKET):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {value!r}"
        used = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        if isinstance(used, str) and used.rpartition(".")[2] in NAMES:
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {used}"


def test_nothing_else_reads_them() -> None:
    paths = [path for path in python_files("router", "plugins", "examples") if path != READER]
    found = [one for path in paths for one in found_in(path.read_text(encoding="utf-8"), path)]
    assert not found, f"ask router.http.peer, whose Peer every request has: {found}"


def test_the_reader_itself_is_found() -> None:
    found = " ".join(found_in(READER.read_text(encoding="utf-8"), ROOT / "router/http/other.py"))
    for name in (
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "'forwarded'",
        "traceparent",
        "tracestate",
        "REMOTE_ADDR",
    ):
        assert name in found


@pytest.mark.parametrize(
    "line",
    [
        "environ['HTTP_X_FORWARDED_FOR']",
        "headers.get('X-Real-IP')",
        "fields[b'Forwarded']",
        "environ.get('REMOTE_ADDR')",
        "request.remote_addr",
        "request.access_route[0]",
        "from werkzeug.middleware.proxy_fix import ProxyFix",
        "headers['traceparent']",
    ],
)
def test_each_way_to_read_them_is_found(line: str) -> None:
    assert list(found_in(line, ROOT / "router/http/other.py"))


@pytest.mark.parametrize("line", ["peer.traceparent", "context.client", "'forwarded to the next'", '"""Forwarded"""'])
def test_what_was_read_may_be_used(line: str) -> None:
    assert not list(found_in(line, ROOT / "router/http/other.py"))
