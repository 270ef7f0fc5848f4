"""``router chat``: a client over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from router.testing import Answer, Raw, ScriptedUpstream, Stream, chunks, free_port, stream

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[ScriptedUpstream]:
    """Stands in for a gateway: both speak the same wire."""
    with ScriptedUpstream(api_key="sk-right") as upstream:
        yield upstream


def chat(router, server: ScriptedUpstream, *args: str, **options):
    return router("chat", *args, "--url", server.url.removesuffix("/v1"), "--api-key", "sk-right", **options)


def test_a_plain_answer(router, server: ScriptedUpstream) -> None:
    run = chat(router, server, "echo/echo", "hello there")
    assert (run.status, run.out) == (0, "hello there\n")
    body = server.last.json()
    assert body == {"model": "echo/echo", "messages": [{"role": "user", "content": "hello there"}]}


def test_a_streamed_answer(router, server: ScriptedUpstream) -> None:
    run = chat(router, server, "echo/echo", "hello there", "--stream")
    assert (run.status, run.out) == (0, "hello there\n")
    assert server.last.json()["stream"] is True


@pytest.mark.parametrize("options", [[], ["--stream"]])
def test_one_json_document(router, server: ScriptedUpstream, options: list[str]) -> None:
    value = chat(router, server, "echo/echo", "hello there", "--json", *options).value
    assert value["text"] == "hello there"
    assert value["finish_reason"] == "stop"
    assert value["usage"]["completion_tokens"] == 2


def test_the_prompt_comes_from_stdin(router, server: ScriptedUpstream) -> None:
    assert chat(router, server, "echo/echo", stdin="from a pipe\n").status == 0
    assert server.last.json()["messages"][0]["content"] == "from a pipe\n"
    run = chat(router, server, "echo/echo", stdin="  \n")
    assert run.status == 2
    assert "the prompt is empty" in run.err


def test_key_from_the_environment_and_url_from_the_configuration(router, server: ScriptedUpstream) -> None:
    router("config", "set", "server.port", str(server.port))
    router("config", "set", "server.host", "0.0.0.0")
    assert router("chat", "m", "hi", env={"ROUTER_API_KEY": "sk-right"}).out == "hi\n"
    run = router("chat", "m", "hi")
    assert run.status == 2
    assert "give --api-key or set ROUTER_API_KEY" in run.err


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(router, server: ScriptedUpstream) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    assert chat(router, server, "m", "hi", env={"HTTP_PROXY": proxy, "http_proxy": proxy}).status == 0


@pytest.mark.parametrize("options", [[], ["--stream"]])
def test_an_error_of_the_gateway_is_told_with_status_and_code(
    router, server: ScriptedUpstream, options: list[str]
) -> None:
    server.script(*[Answer.error(404, "There is no model 'x'.", code="model_not_found")] * 2)
    run = chat(router, server, "x", "hi", *options)
    assert (run.status, run.out) == (1, "")
    assert run.err == "error: the gateway answered 404 model_not_found: There is no model 'x'.\n"
    assert chat(router, server, "x", "hi", "--json", *options).value["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (stream("one", " two", cut_after=2), "error: "),
        (Stream([*chunks("one"), {"error": {"message": "the upstream broke", "code": "server"}}], done=False), "broke"),
        (Stream(chunks("one"), done=False), "the stream ended without [DONE]"),
        (Answer(b"<html>hello</html>"), "does not speak OpenAI's API"),
        (Answer(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "does not speak OpenAI's API"),
        (Raw(), "no answer from the gateway"),
    ],
)
def test_a_broken_answer_is_an_error(router, server: ScriptedUpstream, script: object, said: str) -> None:
    server.script(script)
    run = chat(router, server, "m", "hi", "--stream")
    assert run.status == 1
    assert said in run.err


def test_no_gateway_there(router) -> None:
    port = free_port()
    said = router.refused("chat", "m", "hi", "--url", f"http://127.0.0.1:{port}", "--api-key", "sk-secret")
    assert f"no answer from the gateway at 127.0.0.1:{port}" in said
    assert "sk-secret" not in said


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://x", "http://[::1", "http://x:0", "http://x:99999"])
def test_what_is_no_url_is_wrong_usage(router, url: str) -> None:
    said = router.refused("chat", "m", "hi", "--url", url, "--api-key", "sk-secret", status=2)
    assert "is not a URL: write http://HOST:PORT" in said


def test_control_sequences_do_not_reach_the_terminal(router, server: ScriptedUpstream) -> None:
    assert chat(router, server, "m", "a\x1b[31mb\nc").out == "a?[31mb\nc\n"


@pytest.mark.parametrize("key", ["sk-\n", "sk-\u00e9", "\x1b"])
def test_a_key_that_can_be_no_key_is_wrong_usage(router, server: ScriptedUpstream, key: str) -> None:
    said = router.refused("chat", "m", "hi", "--url", server.url, "--api-key", key, status=2)
    assert "characters that no key has" in said
    assert server.requests == []
