"""What a key may use, by whatever name it asks; and models and keys that an operator sets while the gateway runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from routing_wire import Routing, at, routing

from router.testing import Answer, Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

SCOPE = ("mine/*", "other/shared", "nick", "shelf")


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routing]:
    with ScriptedUpstream() as upstream:
        providers = {
            "mine": at(upstream, "mine", models=["m", "spare"]),
            "other": at(upstream, "other", models=["shared", "closed", "behind"]),
            "open": at(upstream, "open", models=[], unlisted=True),
        }
        config = {
            "aliases": {"nick": "other/behind", "secret": "other/closed", "dear": "mine/m"},
            "fallback": {"mine/m": ["other/closed", "open/x", "other/shared"], "mine/spare": ["other/closed"]},
        }
        with routing(tmp_path_factory.mktemp("scope"), upstream, providers, config) as running:
            running.gateway.router("models", "add", "shelf", "--provider", "other", "--model", "closed-too")
            deadline = time.monotonic() + 5  # a worker looks for changes once a second
            while "shelf" not in {model.id for model in running.gateway.client().models.list()}:
                assert time.monotonic() < deadline
            yield running


@pytest.fixture(scope="module")
def key(wire: Routing) -> str:
    scopes = [part for one in SCOPE for part in ("--scope", one)]
    return str(wire.gateway.router("keys", "create", "--account", wire.gateway.account, *scopes)["api_key"])


@pytest.fixture(scope="module")
def client(wire: Routing, key: str) -> openai.OpenAI:
    return wire.gateway.client(key)


def ask(client: openai.OpenAI, model: str) -> Any:
    return client.chat.completions.with_raw_response.create(model=model, messages=[{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize(
    "model", ["mine/m", "m", "dear", "spare", "other/shared", "shared", "nick", "shelf", "other/closed-too"]
)
def test_what_is_in_scope_is_served_by_every_name(client: openai.OpenAI, model: str) -> None:
    assert ask(client, model).parse().model == model


@pytest.mark.row("NX-4")
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    "model", ["other/closed", "closed", "secret", "other/behind", "behind", "open/x", "open/mine/m"]
)
def test_what_is_not_is_refused_by_every_name(wire: Routing, client: openai.OpenAI, model: str, streamed: bool) -> None:
    before = len(wire.upstream.requests)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}], stream=streamed)
    assert (caught.value.code, caught.value.param) == ("model_not_allowed", "model")
    with pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model=model, input="Hi")
    assert len(wire.upstream.requests) == before
    assert ask(wire.gateway.client(), model).parse().model == model


@pytest.mark.row("NX-4")
def test_a_fallback_out_of_scope_is_left_out(wire: Routing, client: openai.OpenAI) -> None:
    wire.script("mine", Answer.error(500))
    found = ask(client, "mine/m").headers["x-router-attempts"]
    assert [one.rpartition(";")[0] for one in found.split(", ")] == ["mine/m;server", "other/shared;ok"]
    wire.script("mine", Answer.error(500))
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, "mine/spare")
    assert caught.value.response.headers["x-router-provider"] == "mine"


@pytest.mark.row("NX-4")
def test_the_list_shows_what_the_key_may_use(wire: Routing, client: openai.OpenAI) -> None:
    shown = [model.id for model in client.models.list()]
    assert shown == ["dear", "mine/m", "mine/spare", "nick", "other/shared", "shelf"]
    everything = {model.id for model in wire.gateway.client().models.list()}
    assert everything >= {*shown, "other/closed", "other/behind", "secret", "echo/echo"}
    for model in shown:
        assert client.models.retrieve(model).id == model
    for model in ("other/closed", "secret", "open/x"):
        with pytest.raises(openai.PermissionDeniedError):
            client.models.retrieve(model)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("mine/gone")


def test_fallbacks_that_are_set_and_cleared_while_the_gateway_runs(wire: Routing) -> None:
    wire.gateway.router("fallbacks", "set", "shared", "open/any")
    wire.always("other", Answer.error(500))
    client = wire.gateway.client()
    served = ""
    deadline = time.monotonic() + 60
    while served != "open":
        assert time.monotonic() < deadline
        try:
            served = ask(client, "other/shared").headers["x-router-provider"]
        except openai.InternalServerError:
            served = ""
    assert [row["model"] for row in wire.gateway.router("fallbacks", "list")] == [
        "mine/m",
        "mine/spare",
        "other/shared",
    ]
    wire.gateway.router("fallbacks", "clear", "other/shared")
    deadline = time.monotonic() + 60
    with pytest.raises(openai.InternalServerError):
        while time.monotonic() < deadline:
            ask(client, "other/shared")


def test_a_stored_key_serves_after_sighup_and_shows_nowhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret, master = "sk-canary-4711-vault", "a master key of some length"
    with ScriptedUpstream(api_key=secret) as upstream:
        sections = {name: at(upstream, name, api_key=f"env:{name.upper()}_KEY") for name in ("vault", "idle")}
        env = {"ROUTER_MASTER_KEY": master}
        with Gateway(tmp_path_factory.mktemp("vault"), providers=sections, env=env, billing=False) as gateway:
            client = gateway.client()
            with pytest.raises(openai.InternalServerError, match="not set up completely"):
                ask(client, "vault/m")
            store(gateway, "vault", secret, master)
            assert gateway.pid is not None
            os.kill(gateway.pid, signal.SIGHUP)
            deadline = time.monotonic() + 20
            while True:
                try:
                    assert ask(client, "vault/m").parse().model == "vault/m"
                    break
                except openai.InternalServerError:
                    assert time.monotonic() < deadline
            gateway.stop()
            files = b"".join(path.read_bytes() for path in gateway.folder.iterdir() if path.is_file())
            assert secret.encode() not in files and master.encode() not in files


def store(gateway: Gateway, provider: str, secret: str, master: str) -> None:
    """As an operator does it: the key comes by standard input."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "router", "providers", "set-key", provider, "--config", str(gateway.config_path)],
        input=f"{secret}\n",
        env={**os.environ, "ROUTER_MASTER_KEY": master},
        capture_output=True,
        text=True,
        check=True,
    )
    assert secret not in done.stdout + done.stderr


def test_another_master_key_leaves_the_other_providers_serving(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ScriptedUpstream() as upstream:
        sections = {"vault": at(upstream, "vault", api_key="env:VAULT_KEY"), "good": at(upstream, "good")}
        env = {"ROUTER_MASTER_KEY": "another master key than that"}
        folder = tmp_path_factory.mktemp("locked")
        gateway = Gateway(folder, providers=sections, env=env, billing=False, start=False)
        store(gateway, "vault", "sk-canary-4711", "a master key of some length")
        with gateway:
            gateway.start()
            client = gateway.client()
            assert ask(client, "good/m").parse().model == "good/m"
            with pytest.raises(openai.InternalServerError, match="not set up completely"):
                ask(client, "vault/m")
        logged = gateway.log_path.read_text(encoding="utf-8")
        assert "provider vault is not active" in logged and "ROUTER_MASTER_KEY is not the master key" in logged
