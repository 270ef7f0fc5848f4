"""The kit with the real gateway: as a process, and in this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.http.app import create_application
from router.testing import Client, CommandFailed, Gateway, GatewayFailed, ScriptedUpstream, Stream, chunks

pytestmark = pytest.mark.slow

ASK = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(api_key="sk-upstream") as running:
        yield running


def test_two_workers_serve_and_log(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Gateway(tmp_path, upstream=upstream.url, workers=2) as gateway:
        reply = gateway.client().chat.completions.create(
            model="openai/gpt-4o", messages=[{"role": "user", "content": "Hello there"}]
        )
        assert reply.choices[0].message.content == "Hello there"
        assert gateway.router("accounts", "show", gateway.account)["id"] == gateway.account
        with pytest.raises(CommandFailed) as caught:
            gateway.router("accounts", "show", "acc_none")
        assert caught.value.exit_code == 1
        assert gateway.stop() == 0
        assert gateway.log, "the server logs in JSON lines"


def test_a_configuration_that_the_server_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(GatewayFailed, match="grace_z"):
        Gateway(tmp_path, config="[server]\ngrace_z = 1")


def test_in_process(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    gateway = Gateway(tmp_path, upstream=upstream.url, start=False)
    application = create_application(str(gateway.config_path))
    try:
        client = Client(application.wsgi, gateway.api_key)
        assert client.chat(ASK).json()["choices"][0]["message"]["content"] == "Hello there"
        assert client.embeddings({"model": "openai/text-embedding-3-small", "input": "x"}).status == 200
        assert client.get("/v1/models").json()["data"]
        upstream.script(Stream(chunks("a", "b")))
        stream = client.stream(ASK)
        contents = [chunk["choices"][0]["delta"].get("content") for chunk in stream]
        assert (stream.status, stream.done, contents) == (200, True, ["", "a", "b", None])
        assert Client(application.wsgi, "sk-wrong").chat(ASK).status == 401
    finally:
        application.close()
