"""Bearer tokens of an identity provider at a running gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cache_room import Heard, ask
from oidc_room import Issuer

from router.testing import Gateway

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    made = Gateway(folder, start=False)
    (key,) = made.router("keys", "list")
    oidc = {"issuer": issuer.url, "audience": "gateway", "claim": "groups", "keys": {"staff": key["id"]}, "retry_s": 1}
    config = {"authentication": {"plugins": "oidc"}, "plugins": {"oidc": oidc, "strict": True}}
    with Gateway(folder, config=config) as running:
        running.api_key = made.api_key
        yield running


def chat(gateway: Gateway, token: str) -> Heard:
    body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hi"}]}
    return ask(gateway, "/v1/chat/completions", body, secret=token)


def refused(heard: Heard) -> Any:
    return heard.status, json.loads(heard.body)["error"]["code"]


def test_staff_is_served_as_the_key_of_staff(gateway: Gateway, issuer: Issuer) -> None:
    (key,) = gateway.router("keys", "list")
    with ThreadPoolExecutor(4) as pool:
        tokens = [
            issuer.token("ec" if number % 2 else "rsa", groups=["staff"], jti=str(number)) for number in range(12)
        ]
        assert {heard.status for heard in pool.map(lambda one: chat(gateway, one), tokens)} == {200}
    assert issuer.asked["/keys"] == 1
    assert gateway.router("usage", "show")[0]["key"] == key["id"]


def test_others_are_not(gateway: Gateway, issuer: Issuer) -> None:
    now = int(time.time())
    for claims in ({"groups": ["guests"]}, {"groups": ["staff"], "aud": "x"}, {"groups": "staff", "exp": now - 99}):
        assert refused(chat(gateway, issuer.token(**claims))) == (401, "invalid_api_key")
    assert chat(gateway, gateway.api_key).status == 200


def test_a_key_that_is_disabled_serves_no_token_either(gateway: Gateway, issuer: Issuer) -> None:
    (key,) = gateway.router("keys", "list")
    gateway.router("keys", "disable", key["id"])
    try:
        assert refused(chat(gateway, issuer.token(groups=["staff"]))) == (401, "api_key_disabled")
    finally:
        gateway.router("keys", "enable", key["id"])


def test_rotated_keys_are_found_by_a_running_gateway(gateway: Gateway, issuer: Issuer) -> None:
    issuer.rotate()
    deadline = time.monotonic() + 30
    while chat(gateway, issuer.token("rsa-2", groups=["staff"], jti=str(time.monotonic()))).status != 200:
        assert time.monotonic() < deadline, "the new key was not found"
        time.sleep(0.2)


def test_it_is_listed(gateway: Gateway) -> None:
    listed = {row["name"]: row["asked"] for row in gateway.router("plugins", "list")}
    assert listed["oidc"] == ["authentication 1"]
