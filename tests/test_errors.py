"""The tree of errors: what a client is shown of each."""

from __future__ import annotations

import re

import pytest

import router.errors
from router.errors import KINDS, ConfigError, RouterError, UpstreamError

CLASSES = [
    value for value in vars(router.errors).values() if isinstance(value, type) and issubclass(value, RouterError)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_the_tree(kind: type[RouterError]) -> None:
    row = re.search(rf"\b{kind.__name__} +(.+)$", router.errors.__doc__ or "", re.MULTILINE)
    assert row is not None, f"{kind.__name__} is missing from the drawing"
    if re.match(r"\d{3}", row.group(1)):
        status, type_, code = row.group(1).split(maxsplit=2)
        assert (int(status), type_) == (kind.status, kind.type)
        assert code in (kind.code, "(by cause)")


def test_a_message_a_code_and_a_field() -> None:
    error = router.errors.BadRequest("'n' must be positive.", code="invalid_value", param="n", headers={"A": "b"})
    assert (str(error), error.code, error.param, error.headers) == (
        "'n' must be positive.",
        "invalid_value",
        "n",
        {"A": "b"},
    )
    assert router.errors.BadRequest("x").code == "invalid_request"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_upstream_failure(kind: str) -> None:
    error = UpstreamError(kind, "x", provider="acme", upstream_status=500)
    row = KINDS[kind]
    assert (error.status, error.type, error.code, error.kind) == (row.status, row.type, row.code, kind)
    assert 400 <= error.status < 600 and error.provider == "acme"


@pytest.mark.parametrize("kind", ["auth", "billing"])
def test_a_clients_retry_cannot_cure_our_key_or_bill(kind: str) -> None:
    assert UpstreamError(kind, "x").headers == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("asked_s", "header"),
    [
        (0.2, "1"),
        (0, "1"),
        (-5, "1"),
        (1.2, "2"),
        (30, "30"),
        (1e12, "86400"),
        (float("inf"), None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_retry_after_is_a_sensible_number_of_seconds(asked_s: float | None, header: str | None) -> None:
    assert UpstreamError("rate_limit", "x", retry_after_s=asked_s).headers.get("Retry-After") == header


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no kind of failure 'ratelimit'; the kinds are connection, timeout"):
        UpstreamError("ratelimit", "x")


def test_what_differs_from_the_kind() -> None:
    error = UpstreamError("bad_request", "x", status=413, type="t", code="c", param="p")
    assert (error.status, error.type, error.code, error.param) == (413, "t", "c", "p")


def test_a_configuration_error_is_its_message() -> None:
    assert str(ConfigError("router.toml, line 3: no")) == "router.toml, line 3: no"
