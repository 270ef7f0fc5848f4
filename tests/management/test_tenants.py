"""Two tenants, every route, read and write: what is the other's is what is not there, to the byte.

Made from the table of routes, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from management_wire import Tenant, exact, request

from router.http.key_api import key_api_paths
from router.http.management.own import OWN_ROUTES
from router.http.management.own_route import OwnRoute
from router.testing import Gateway
from router.types.dialect import Dialect

pytestmark = pytest.mark.slow

NAMES_NOTHING = {
    "GET": {"model", "error_code", "group_by", "user_id"},
    "POST": {"name", "models", "url", "about", "events", "low"},
    "PATCH": {"name", "models", "url", "about", "events", "low"},
}
"""Fields of text that name nothing of a tenant's; a person belongs to several."""

OF_TENANTS = {
    "key": "hash",
    "api_key_hash": "hash",
    "after": "call",
    "request_id": "call",
    "hash": "hash",
    "id": "call",
    "webhook": "hook",
    "delivery": "delivery",
    "before": "delivery",
}
"""Fields and places that do -> what of a tenant's they name."""

HOOKS = "/api/v1/webhooks"
UNKNOWN = {
    "hash": "0" * 64,
    "call": "req_1a22e43f90900000000000000",
    "hook": "hook_aaaaaaaaaaaaaaaa",
    "delivery": "whd_aaaaaaaaaaaaaaaa",
}
BODIES = {"POST": {"name": "x"}, "PATCH": {"name": "taken"}}
BODIES_OF_HOOKS = {"POST": {}, "PATCH": {"about": "taken"}}


class Try(NamedTuple):
    """One way to name what is another's."""

    method: str
    path: str
    field: str
    in_path: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.field}"


def tries() -> Iterator[Try]:
    for route in OWN_ROUTES:
        for place in re.findall(r"<(\w+)>", route.path):
            yield Try(route.method, route.path, place, True)
        for name in texts_of(route):
            if name in OF_TENANTS:
                yield Try(route.method, route.path, name, False)
    for path, what in key_api_paths(Dialect()).items():
        if what == "generation":
            yield Try("GET", path, "id", False)


def texts_of(route: OwnRoute) -> list[str]:
    """The fields of a route that take any text."""
    if route.form is None:
        return []
    fields = {field.data_key or name: type(field).__name__ for name, field in route.form().fields.items()}
    return [name for name, kind in fields.items() if kind in ("LineField", "LinesField")]


def test_every_field_of_text_is_known_here() -> None:
    for route in OWN_ROUTES:
        unknown = set(texts_of(route)) - NAMES_NOTHING.get(route.method, set()) - set(OF_TENANTS)
        assert not unknown, f"{route.method} {route.path}: say whether {unknown} name what is a tenant's"
    assert len([*tries()]) >= 8


def named(tenant: Tenant, gateway: Gateway) -> dict[str, str]:
    key = exact(request(gateway, "GET", "/v1/key", key=tenant.key))["data"]
    made = exact(request(gateway, "GET", HOOKS, key=tenant.management))["data"]
    if not made:
        body = {"url": "https://example.invalid/hook"}
        made = [exact(request(gateway, "POST", HOOKS, body, key=tenant.management), 201)["data"]]
    sent = exact(request(gateway, "GET", f"{HOOKS}/{made[0]['id']}/deliveries", key=tenant.management))["data"]
    if not sent:
        sent = [exact(request(gateway, "POST", f"{HOOKS}/{made[0]['id']}/test", key=tenant.management), 202)["data"]]
    return {"hash": key["hash"], "call": tenant.call, "hook": made[0]["id"], "delivery": sent[-1]["id"]}


def ask(gateway: Gateway, one: Try, value: str, key: str, hook: str) -> Any:
    """Args: hook: the webhook of whoever asks, where something below it is named."""
    path = one.path.replace(f"<{one.field}>", value).replace("<webhook>", hook).replace("<delivery>", "whd_b")
    query = None if one.in_path else {one.field: value}
    bodies = BODIES_OF_HOOKS if path.startswith(HOOKS) else BODIES
    return request(gateway, one.method, path, bodies.get(one.method), key=key, query=query)


@pytest.mark.parametrize("one", [*tries()], ids=str)
def test_what_is_anothers_is_not_there(gateway: Gateway, ours: Tenant, theirs: Tenant, one: Try) -> None:
    what = OF_TENANTS[one.field]
    before = exact(request(gateway, "GET", f"/api/v1/keys/{named(theirs, gateway)['hash']}", key=theirs.management))
    hook = named(ours, gateway)["hook"]
    for key in (ours.management, ours.key):
        foreign = ask(gateway, one, named(theirs, gateway)[what], key, hook)
        unknown = ask(gateway, one, UNKNOWN[what], key, hook)
        assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
        if key == ours.management:
            assert foreign.status == (200 if one.field == "request_id" else 404), foreign.body
    own_id = gateway.router("keys", "show", theirs.key_id)["id"]
    own, none = (ask(gateway, one, id, ours.management, hook) for id in (own_id, "key_0"))
    assert own.status == none.status
    after = exact(request(gateway, "GET", f"/api/v1/keys/{named(theirs, gateway)['hash']}", key=theirs.management))
    assert after == before


def test_what_is_ones_own_is_there(gateway: Gateway, ours: Tenant) -> None:
    """The tries above could find it: they fail for whose it is."""
    for one in tries():
        if one.method == "GET":
            place = named(ours, gateway)
            assert ask(gateway, one, place[OF_TENANTS[one.field]], ours.management, place["hook"]).status == 200, one


def test_no_list_shows_what_is_anothers(gateway: Gateway, ours: Tenant, theirs: Tenant) -> None:
    foreign = [*named(theirs, gateway).values(), theirs.account, theirs.key_id, "theirs-app", "theirs-ops"]
    for route in OWN_ROUTES:
        if route.method == "GET" and "<" not in route.path:
            for query in ({}, {"group_by": "key"}, {"group_by": "member"}) if "activity" in route.path else ({},):
                told = request(gateway, "GET", route.path, key=ours.management, query=query)
                assert told.status == 200
                assert not [one for one in foreign if one.encode() in told.body], route.path
