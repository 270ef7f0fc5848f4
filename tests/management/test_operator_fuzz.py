"""What nobody should send to the operators' API is refused at its field, in words; nothing makes the gateway fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from management_wire import Tenant, request, settled

from router.http.management.operators import EXPORT, OPERATORS_BASE
from router.http.management.routes import BODY_MAX
from router.office.forms.fields import ChoiceField, LineField, YesNoField
from router.office.forms.form import OfficeForm
from router.office.forms.usage import ExportForm
from router.office.operations.operation import OfficeOperation
from router.office.operations.table import OPERATIONS
from router.testing import Gateway, Result, ScriptedUpstream

pytestmark = pytest.mark.slow

POSTED = [one for one in OPERATIONS.values() if one.method == "POST"]
READ = [one for one in OPERATIONS.values() if one.method == "GET"]
OTHERS_FAULT = (502, 503)
"""Where a provider is asked that has no key, or that is not there."""

HUGE = 10**40
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    HUGE,
    -0.5,
    1e300,
    "",
    "  ",
    "\x00",
    "\ud800",
    "'; DROP TABLE accounts; --",
    "../../etc/passwd",
    "9" * 400,
    "ж" * 2000,
    "2027-13-45",
    [],
    [None],
    ["x"] * 5000,
    {},
    {"a": {"b": [1]}},
]
TEXTS = [one for one in JUNK if isinstance(one, str) and one != "\ud800"]
BODIES = {
    "no JSON": b"{",
    "no object": b"[]",
    "a number": b"7",
    "not a number": b'{"amount": NaN}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "endless nesting": b"[" * 100_000,
    "a name twice, unknown": b'{"nonsense": 1, "nonsense": 2}',
    "nothing but a zero": b"\x00",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, running_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    """One that may be asked as often as anybody wants."""
    env = {"ROUTER_MASTER_KEY": "m" * 44, "ROUTER__SERVER__API_REQUESTS_PER_MINUTE": "1000000"}
    with Gateway(tmp_path_factory.mktemp("fuzzed"), upstream=running_upstream.url, env=env) as running:
        yield running
    assert "Traceback" not in running.log_path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def filled(gateway: Gateway) -> dict[str, Any]:
    """What is there, by the field that names it."""
    tenant = settled(gateway, "fuzzed")
    spare = gateway.router("keys", "create", "--account", tenant.account, "--name", "spare")
    return {"account": tenant.account, "key": spare["id"], "request_id": tenant.call, "model": "openai/gpt-4o"}


def send(gateway: Gateway, one: OfficeOperation, values: dict[str, Any], key: str) -> Result:
    path = f"{OPERATORS_BASE}{one.path}"
    if one.method == "GET":
        return request(gateway, "GET", path, key=key, query=values)
    return request(gateway, "POST", path, values, key=key)


def good(form: type[OfficeForm], filled: dict[str, Any]) -> dict[str, Any]:
    """Values that a form takes, for what it must have."""
    values: dict[str, Any] = {}
    for name, field in form().fields.items():
        if not field.required:
            continue
        if isinstance(field, ChoiceField):
            values[name] = field.choices[0]
        elif isinstance(field, YesNoField):
            values[name] = False
        else:
            example = getattr(field, "example", None)
            values[name] = filled.get(name, example if example is not None else "a text")
    return values


def check(answer: Result, sent: object) -> None:
    """It went well, or was refused in words."""
    assert answer.status < 500 or answer.status in OTHERS_FAULT, (sent, answer.status, answer.body[:500])
    if answer.headers["content-type"] == "application/x-ndjson":
        last = json.loads(answer.body.splitlines()[-1])
        assert "data" in last or last["error"]["message"], sent
        assert "its log says why" not in str(last), (sent, last)
    elif answer.status != 200:
        error = json.loads(answer.body)["error"]
        assert error["message"].strip() and error["code"], sent
        assert answer.headers["cache-control"] == "no-store", sent


@pytest.mark.parametrize("one", POSTED, ids=lambda one: one.name)
def test_junk_in_a_field_of_a_body(
    gateway: Gateway, operator: str, filled: dict[str, Any], one: OfficeOperation
) -> None:
    for name, field in one.form().fields.items():
        for junk in JUNK:
            values = {**good(one.form, filled), name: junk}
            answer = send(gateway, one, values, operator)
            check(answer, (one.name, name, junk))
            if isinstance(field, LineField) and junk is not None and not isinstance(junk, str):
                error = json.loads(answer.body)["error"]
                assert (answer.status, error["param"]) == (400, name), (one.name, name, junk, error)
                assert f"'{name}' must be text" in error["message"]


@pytest.mark.parametrize("one", READ, ids=lambda one: one.name)
def test_junk_in_a_query(gateway: Gateway, operator: str, filled: dict[str, Any], one: OfficeOperation) -> None:
    for name in one.form().fields:
        for junk in TEXTS:
            values = {**good(one.form, filled), name: junk}
            check(send(gateway, one, values, operator), (one.name, name, junk))
        twice = {**good(one.form, filled), name: ["1", "2"]}
        check(send(gateway, one, twice, operator), (one.name, name, "twice"))


def test_junk_in_the_query_of_the_export(gateway: Gateway, operator: str) -> None:
    for name in ExportForm().fields:
        for junk in TEXTS:
            answer = request(gateway, "GET", EXPORT, key=operator, query={name: junk})
            assert answer.status in (200, 400, 404), (name, junk, answer.body)
    assert request(gateway, "GET", EXPORT, key=operator, query={"nonsense": "1"}).status == 400


def test_a_query_that_is_too_long(gateway: Gateway, operator: str) -> None:
    for one in READ:
        answer = request(gateway, "GET", f"{OPERATORS_BASE}{one.path}", key=operator, query={"x": "y" * 20_000})
        assert answer.status == 414 and json.loads(answer.body)["error"]["message"], one.name


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_is_none(gateway: Gateway, operator: str, what: str) -> None:
    for one in POSTED:
        answer = request(gateway, "POST", f"{OPERATORS_BASE}{one.path}", BODIES[what], key=operator)
        assert answer.status == 400, (one.name, answer.body)
        assert json.loads(answer.body)["error"]["code"] in ("invalid_json", "invalid_value"), one.name


def test_a_body_that_is_too_large(gateway: Gateway, operator: str) -> None:
    body = json.dumps({"reason": "x" * (BODY_MAX + 1)}).encode("ascii")
    for one in POSTED:
        answer = request(gateway, "POST", f"{OPERATORS_BASE}{one.path}", body, key=operator)
        assert answer.status == 413, (one.name, answer.body)
        assert json.loads(answer.body)["error"]["message"]


def test_another_method_is_none(gateway: Gateway, operator: str) -> None:
    for one in OPERATIONS.values():
        other = "GET" if one.method == "POST" else "POST"
        for method in (other, "DELETE", "PUT"):
            answer = request(gateway, method, f"{OPERATORS_BASE}{one.path}", key=operator)
            assert answer.status in (404, 405), (one.name, method, answer.status)


def test_who_may_not_is_refused_before_anything_is_read(gateway: Gateway, ours: Tenant) -> None:
    for one in POSTED:
        path = f"{OPERATORS_BASE}{one.path}"
        for key, status in ((ours.key, 403), (ours.management, 403), ("", 401), ("sk-nobody", 401)):
            for body in (b"{", b"x" * (BODY_MAX + 1)):
                answer = request(gateway, "POST", path, body, key=key)
                assert answer.status in (status, 413), (one.name, answer.status)
                assert answer.status == status or len(body) > BODY_MAX


def test_a_cookie_and_a_key_in_the_query_open_nothing(gateway: Gateway, operator: str) -> None:
    for headers in ({"Cookie": f"session={operator}"}, {"Cookie": f"__Host-session={operator}"}):
        assert request(gateway, "GET", f"{OPERATORS_BASE}/accounts/list", headers=headers).status == 401
    assert request(gateway, "GET", f"{OPERATORS_BASE}/accounts/list", query={"key": operator}).status == 401


def test_what_the_gateway_was_told_still_holds(gateway: Gateway, operator: str) -> None:
    answer = request(gateway, "POST", f"{OPERATORS_BASE}/ledger/verify", key=operator)
    assert json.loads(answer.body.splitlines()[-1])["data"]["ok"] is True
