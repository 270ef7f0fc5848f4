"""A third party's guard does what its settings say, on whatever surface a call comes, and when it fails as well."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from third_party_kit import Heard, ask

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, completion, stream

pytestmark = pytest.mark.slow

Opens = Callable[..., Any]


@pytest.fixture(scope="module")
def opens(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, site: Callable[..., dict[str, str]]
) -> Opens:
    env = site("watchman")

    @contextmanager
    def opened(plugin: dict[str, Any], guard: dict[str, Any] | None = None) -> Iterator[Gateway]:
        config = {
            "plugins": {"watchman": plugin, "strict": True},
            "guards": {"order": ["watchman"], "watchman": {"timeout_s": 0.5, **(guard or {})}},
            "prices": {"one/x": {"input": "1", "output": "2"}},
            "limits": {"requests_per_minute": 1000},
        }
        section = {"kind": "compatible", "api_key": "k", "unlisted": True, "base_url": upstream.url}
        folder = tmp_path_factory.mktemp("gateway")
        with Gateway(folder, providers={"one": section}, config=config, env=env) as running:
            yield running

    return opened


@pytest.fixture(scope="module")
def buffering(opens: Opens) -> Iterator[Gateway]:
    with opens({"replies": "buffer"}) as running:
        yield running


@pytest.fixture(scope="module")
def lenient(opens: Opens) -> Iterator[Gateway]:
    with opens({"replies": "buffer", "threaded": True}, {"on_failure": "pass"}) as running:
        yield running


@pytest.fixture(scope="module")
def transforming(opens: Opens) -> Iterator[Gateway]:
    with opens({"replies": "transform"}) as running:
        yield running


BODIES: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "chat": ("/v1/chat/completions", lambda text: {"messages": [{"role": "user", "content": text}]}),
    "responses": ("/v1/responses", lambda text: {"input": text}),
    "messages": ("/v1/messages", lambda text: {"max_tokens": 9, "messages": [{"role": "user", "content": text}]}),
    "completions": ("/v1/completions", lambda text: {"prompt": text}),
    "ollama": ("/api/chat", lambda text: {"stream": False, "messages": [{"role": "user", "content": text}]}),
    "google": ("/v1beta/models/one/x:generateContent", lambda text: {"contents": [{"parts": [{"text": text}]}]}),
}


def call(gateway: Gateway, text: str, surface: str = "chat", **more: Any) -> Heard:
    path, body = BODIES[surface]
    named = {} if surface == "google" else {"model": "one/x"}
    return ask(gateway, path, {**named, **body(text), **more}, secret=gateway.api_key)


def said_in(heard: Heard) -> str:
    """The text of a stream of chat's."""
    data = [line.removeprefix(b"data: ") for line in heard.body.splitlines() if line.startswith(b"data: {")]
    return "".join(
        choice.get("delta", {}).get("content") or "" for one in data for choice in json.loads(one).get("choices", ())
    )


@pytest.mark.parametrize("surface", BODIES)
def test_every_surface_is_guarded_both_ways(buffering: Gateway, upstream: ScriptedUpstream, surface: str) -> None:
    upstream.script(Answer(completion("It is in Berlin")))
    heard = call(buffering, "Is it in London?", surface)
    assert heard.status == 200 and b"It is in Rome" in heard.body, heard
    assert "Paris" in json.dumps(upstream.last.json()) and "London" not in json.dumps(upstream.last.json())
    refused = call(buffering, "stop me", surface)
    assert refused.status == 400
    assert b"'watchman' refused this request by its rule 'no-stopping'. Say something else." in refused.body


def test_inputs_of_embeddings_are_guarded(buffering: Gateway) -> None:
    body = {"model": "one/x", "input": ["Hello", "stop me"]}
    refused = ask(buffering, "/v1/embeddings", body, secret=buffering.api_key)
    assert (refused.status, refused.json["error"]["code"]) == (400, "guard_refused")


def test_a_reply_that_is_refused_is_charged_all_the_same(buffering: Gateway, upstream: ScriptedUpstream) -> None:
    for streams, script in ((False, Answer(completion("How rude"))), (True, stream("How ", "rude"))):
        upstream.script(script)
        refused = call(buffering, "Hi", stream=streams)
        assert (refused.status, refused.json["error"]["code"]) == (400, "guard_refused")
        assert "rude" not in refused.body.decode()
        row = buffering.router("usage", "show")[0]
        assert (row["status"], row["error_code"]) == (400, "guard_refused")
        assert row["completion_tokens"] > 0 and row["charge"] not in ("0", "0.00")


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize(
    ("text", "status", "code"),
    [("break it", 500, "guard_failed"), ("hang", 500, "guard_failed"), ("give nonsense", 500, "guard_failed")],
)
def test_a_guard_that_fails_or_hangs_does_what_its_setting_says(
    buffering: Gateway, lenient: Gateway, text: str, status: int, code: str, threaded: bool
) -> None:
    """The lenient one runs in a thread."""
    began = time.monotonic()
    heard = call(lenient if threaded else buffering, text)
    assert heard.status == 200 if threaded else (heard.status, heard.json["error"]["code"]) == (status, code)
    assert time.monotonic() - began < 10
    assert "watchman" in (lenient if threaded else buffering).log_path.read_text()


def test_a_slow_guard_is_waited_for_and_a_failing_one_of_replies_does_what_it_is_set_to(
    buffering: Gateway, lenient: Gateway, upstream: ScriptedUpstream
) -> None:
    assert call(buffering, "dawdle").status == 200
    upstream.script(Answer(completion("faulty")), Answer(completion("faulty")))
    assert call(lenient, "Hi").json["choices"][0]["message"]["content"] == "faulty"
    assert call(buffering, "Hi").json["error"]["code"] == "guard_failed"


def test_a_stream_that_is_held_back_comes_whole_and_changed(buffering: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(stream("It is ", "in Ber", "lin"), stream("It is ", "here"))
    changed = call(buffering, "Hi", stream=True, stream_options={"include_usage": True})
    assert said_in(changed) == "It is in Rome" and changed.body.endswith(b"data: [DONE]\n\n")
    assert said_in(call(buffering, "Hi", stream=True)) == "It is here"


def test_a_filter_sees_texts_as_they_come_and_keeps_what_it_wants(
    transforming: Gateway, upstream: ScriptedUpstream
) -> None:
    upstream.script(stream("Hel", "lo ", "you"), Answer(completion("plain too")))
    assert said_in(call(transforming, "Hi", stream=True)) == "HELLO YOU"
    assert call(transforming, "Hi").json["choices"][0]["message"]["content"] == "PLAIN TOO"
    upstream.script(stream("You ", "are ", "ru", "de", " to me"))
    broken = call(transforming, "Hi", stream=True)
    assert b"guard_refused" in broken.body and said_in(broken).startswith("YOU")
    row = transforming.router("usage", "show")[0]
    assert (row["ending"], row["error_code"]) == ("cut", "guard_refused")


def test_arguments_of_calls_stay_json_and_only_their_strings_pass(
    transforming: Gateway, upstream: ScriptedUpstream
) -> None:
    arguments = '{"place": "a \\"quoted\\" town", "days": 3}'
    pieces = [arguments[place : place + 4] for place in range(0, len(arguments), 4)]
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "go", "arguments": ""}}
    deltas = [{"tool_calls": [first]}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "x"}
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    upstream.script(Stream(events))
    heard = call(transforming, "Hi", stream=True)
    data = [json.loads(line[6:]) for line in heard.body.splitlines() if line.startswith(b"data: {")]
    calls = [one for chunk in data for choice in chunk["choices"] for one in choice["delta"].get("tool_calls", ())]
    given = json.loads("".join(one["function"]["arguments"] for one in calls))
    assert given == {"PLACE": 'A "QUOTED" TOWN', "DAYS": 3}


def test_one_that_observes_hears_all_and_changes_nothing(
    opens: Opens, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    with opens({"replies": "observe", "heard": str(heard)}, {"keys": ["key_of_nobody"]}) as gateway:
        assert call(gateway, "stop me").status == 200
        (key,) = gateway.router("keys", "list")
        whom = f'keys = ["{key["id"]}"]'
        gateway.stop()
        gateway.config_path.write_text(gateway.config_path.read_text().replace('keys = ["key_of_nobody"]', whom))
        gateway.start()
        upstream.script(stream("It is ", "in Berlin"), Answer(completion("How rude")))
        assert said_in(call(gateway, "Hi", stream=True)) == "It is in Berlin"
        assert call(gateway, "Hi", "messages").status == 200
        deadline = time.monotonic() + 30
        while not heard.exists() or heard.read_text().count("\n") < 2:
            assert time.monotonic() < deadline, "it heard nothing"
            time.sleep(0.05)
        (account,) = gateway.router("accounts", "list")
        assert f"{account['id']} " in heard.read_text() and "chat: It is in Berlin\n" in heard.read_text()
