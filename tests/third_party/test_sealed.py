"""A provider that signs each request over its body, and fetches a new token when the upstream wants one."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from third_party_kit import ask

from router.testing import Answer, Gateway, ReceivedRequest, ScriptedUpstream, completion, stream

pytestmark = pytest.mark.slow

KEY = "a-key-that-never-leaves"
MESSAGES: list[Any] = [{"role": "user", "content": "Hi"}]


class Sealer:
    """The upstream: what it wants, and what it has seen of tokens."""

    def __init__(self) -> None:
        self.fetched = 0
        self.valid = ""
        self.broken = False
        self.nonces: set[str] = set()

    def token(self, _: ReceivedRequest) -> Answer:
        self.fetched += 1
        self.valid = f"token-of-the-day-{self.fetched}"
        return Answer({"token": self.valid})

    def chat(self, request: ReceivedRequest) -> Any:
        headers = request.headers
        nonce = headers.get("x-nonce", "")
        wanted = hmac.new(KEY.encode(), nonce.encode() + request.body, "sha256").hexdigest()
        if headers.get("x-signature") != wanted or nonce in self.nonces or KEY in str(headers):
            return Answer.error(403, "The seal is broken.")
        self.nonces.add(nonce)
        if self.broken or headers.get("authorization") != f"Bearer {self.valid}":
            return Answer.error(401, "Who?", headers={"WWW-Authenticate": 'Bearer error="token"'})
        more = {"X-Sealed-Id": "sealed-7", "X-Sealed-Secret": "no", "X-Router-Provider": "lies", "Set-Cookie": "a=b"}
        if request.json().get("stream"):
            return stream("Hel", "lo", include_usage=True, headers=more)
        return Answer(completion("Hello"), headers=more)


@pytest.fixture(scope="module")
def sealer() -> Sealer:
    return Sealer()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, site: Callable[..., dict[str, str]], sealer: Sealer
) -> Iterator[Gateway]:
    with ScriptedUpstream(api_key=None) as upstream:
        upstream.on("/v1/chat/completions", sealer.chat)
        upstream.on("/token", sealer.token)
        origin = upstream.url.removesuffix("/v1")
        section = {"base_url": upstream.url, "api_key": KEY, "token_url": f"{origin}/token"}
        shown = ["x-sealed-id", "x-router-provider", "set-cookie"]
        config = {"server": {"workers": 1}, "plugins": {"sealed": {"shown": shown}, "strict": True}}
        folder = tmp_path_factory.mktemp("gateway")
        with Gateway(folder, providers={"sealed": section}, config=config, env=site("sealed")) as running:
            yield running


def test_each_request_is_signed_over_its_body_and_the_token_is_fetched_once(gateway: Gateway, sealer: Sealer) -> None:
    create = gateway.client(max_retries=0).chat.completions.create
    for _ in range(3):
        assert create(model="sealed/one", messages=MESSAGES).choices[0].message.content == "Hello"
    words = [
        choice.delta.content
        for chunk in create(model="sealed/one", messages=MESSAGES, stream=True)
        for choice in chunk.choices
    ]
    assert "".join(word or "" for word in words) == "Hello"
    assert sealer.fetched == 1 and len(sealer.nonces) == 4


def test_a_token_that_has_run_out_is_renewed_once(gateway: Gateway, sealer: Sealer) -> None:
    sealer.valid, fetched = "another", sealer.fetched
    body = {"model": "sealed/one", "messages": MESSAGES}
    found = ask(gateway, "/v1/chat/completions", body, secret=gateway.api_key)
    assert found.status == 200 and sealer.fetched == fetched + 1
    assert [part.split(";")[1] for part in found.headers["x-router-attempts"].split(", ")] == ["auth", "ok"]


def test_headers_that_the_plugin_lets_through_are_shown_and_no_others(gateway: Gateway) -> None:
    found = ask(gateway, "/v1/chat/completions", {"model": "sealed/one", "messages": MESSAGES}, secret=gateway.api_key)
    assert found.headers["x-sealed-id"] == "sealed-7" and found.headers["x-router-provider"] == "sealed"
    assert not {"x-sealed-secret", "set-cookie"} & {name.lower() for name in found.headers}
    body = {"model": "sealed/one", "messages": MESSAGES, "stream": True}
    assert ask(gateway, "/v1/chat/completions", body, secret=gateway.api_key).headers["x-sealed-id"] == "sealed-7"


def test_an_upstream_that_goes_on_refusing_is_asked_twice_and_no_more(gateway: Gateway, sealer: Sealer) -> None:
    sealer.broken, before = True, len(sealer.nonces)
    with pytest.raises(openai.APIStatusError):
        gateway.client(max_retries=0).chat.completions.create(model="sealed/one", messages=MESSAGES)
    sealer.broken = False
    assert len(sealer.nonces) == before + 2


def test_neither_key_nor_token_stands_in_the_log(gateway: Gateway) -> None:
    text = gateway.log_path.read_text()
    assert KEY not in text and "token-of-the-day" not in text
