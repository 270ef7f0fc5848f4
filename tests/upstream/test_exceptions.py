"""The table of foreign exceptions is complete, and the manager applies it."""

from __future__ import annotations

import socket
import ssl
import zlib
from types import ModuleType

import brotli
import pytest
from httptools.parser import errors as httptools_errors

from router.errors import KINDS, UpstreamError
from router.http_client.exceptions import kind_of, table, translating

MODULES = (brotli, httptools_errors, socket, ssl, zlib)


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    """Those that the module's own package defines, warnings and private ones left out."""
    package = module.__name__.partition(".")[0]
    found = {
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and not issubclass(value, Warning)
        and value.__module__.partition(".")[0] == package
        and not value.__name__.startswith("_")
    }
    return sorted(found, key=lambda value: value.__qualname__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_foreign_exception_is_mapped(module: ModuleType) -> None:
    found = exceptions_of(module)
    unmapped = [error for error in found if error not in table()]
    assert found and unmapped == []


def test_kinds_are_known() -> None:
    assert set(table().values()) <= set(KINDS)
    assert kind_of(brotli.error()) == "malformed"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection", "connection failed: Connection refused"),
        (TimeoutError("no response within 5 s"), "timeout", "no response within 5 s"),
        (ssl.SSLError(1, "[SSL: X] text"), "connection", "TLS failure: SSLError"),
        (
            httptools_errors.HttpParserError("Expected HTTP/"),
            "malformed",
            "its answer is not valid HTTP: Expected HTTP/",
        ),
        (zlib.error("x"), "malformed", "its compressed answer cannot be decoded"),
    ],
)
def test_translation(error: Exception, kind: str, says: str) -> None:
    with pytest.raises(UpstreamError) as caught, translating("api.test"):
        raise error
    assert caught.value.kind == kind
    assert caught.value.message == f"upstream api.test: {says}"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), ValueError("x"), UpstreamError("server", "x")])
def test_others_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, translating("api.test"):
        raise error
    assert caught.value is error
