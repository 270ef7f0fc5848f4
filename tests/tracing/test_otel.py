"""Spans reach a collector by OTLP/HTTP: calls, attempts, refusals, under the client's trace; and upstreams are told."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion, stream

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra [otel] is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """A receiver of OTLP/HTTP.

    Attributes:
        spans: those that came, decoded.
    """

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.tokens: set[str] = set()
        spans, tokens = self.spans, self.tokens

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                tokens.add(self.headers.get("x-token", ""))
                told = ExportTraceServiceRequest.FromString(body)
                for resource in told.resource_spans:
                    for scope in resource.scope_spans:
                        spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def of(self, request_id: str, count: int) -> list[Any]:
        """The spans of a request's trace, once there are so many."""
        deadline = time.monotonic() + 60
        while True:
            own = [one for one in self.spans if attributes(one).get("tollrouter.request_id") == request_id]
            found = [one for one in self.spans if own and (one in own or one.parent_span_id == own[0].span_id)]
            if len(found) >= count:
                return sorted(found, key=lambda one: one.kind)  # the server's first
            assert time.monotonic() < deadline, f"{len(found)} spans came"
            time.sleep(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    found = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    return {
        name: [one.string_value for one in value.values] if hasattr(value, "values") else value
        for name, value in found.items()
    }


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        scripted.on("/v1/chat/completions", Answer(completion("Hello")))
        yield scripted


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, upstream: ScriptedUpstream
) -> Iterator[Gateway]:
    section = {"kind": "compatible", "api_key": "k", "unlisted": True, "base_url": upstream.url}
    config = {
        "plugins": {"otel": {"endpoint": collector.url, "headers": {"x-token": "env:COLLECTOR_TOKEN"}}, "strict": True},
        "prices": {f"{name}/x": {"input": "1", "output": "2"} for name in ("one", "two")},
        "fallback": {"one/x": ["two/x"]},
    }
    folder: Path = tmp_path_factory.mktemp("gateway")
    providers = {"one": section, "two": {**section, "pass_trace": True}}
    with Gateway(folder, providers=providers, config=config, env={"COLLECTOR_TOKEN": "a-token-of-ours"}) as running:
        yield running


def chat(gateway: Gateway, model: str, trace: str = "", state: str = "", **more: Any) -> tuple[int, str]:
    body = {"model": model, "messages": [{"role": "user", "content": "a word that is private"}], **more}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {gateway.api_key}"}
    headers |= {"traceparent": trace} if trace else {}
    headers |= {"tracestate": state} if state else {}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()
            return response.status, response.headers["x-request-id"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["x-request-id"]


def test_a_call_and_its_attempts_are_spans_of_the_clients_trace_and_upstreams_are_told(
    gateway: Gateway, collector: Collector, upstream: ScriptedUpstream
) -> None:
    upstream.script(Answer.error(503), stream("Hel", "lo"))
    status, request_id = chat(gateway, "one/x", f"00-{TRACE}-{PARENT}-01", stream=True)
    call, *attempts = collector.of(request_id, 3)
    assert status == 200 and (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, PARENT)
    told = attributes(call)
    assert call.name == "chat one/x" and told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "two" and told["gen_ai.request.model"] == "one/x"
    assert told["gen_ai.usage.output_tokens"] > 0 and told["http.response.status_code"] == 200
    assert [event.name for event in call.events] == ["first_output"]
    first, second = sorted(attempts, key=lambda one: one.start_time_unix_nano)
    assert attributes(first)["error.type"] == "overloaded" and attributes(first)["gen_ai.provider.name"] == "one"
    assert "error.type" not in attributes(second) and attributes(second)["gen_ai.request.model"] == "x"
    assert first.end_time_unix_nano <= second.start_time_unix_nano + 5_000_000
    assert call.start_time_unix_nano <= first.start_time_unix_nano + 5_000_000
    assert "traceparent" not in upstream.requests[-2].headers
    assert upstream.last.headers["traceparent"] == f"00-{TRACE}-{call.span_id.hex()}-01"
    assert "private" not in str(collector.spans) and collector.tokens == {"a-token-of-ours"}


def test_what_tracers_say_besides_is_passed_on_beside_the_trace(
    gateway: Gateway, collector: Collector, upstream: ScriptedUpstream
) -> None:
    _, request_id = chat(gateway, "two/x", f"00-{TRACE}-{PARENT}-01", "ours=t61rcWkgMzE, b@vendor=1")
    (call, *_) = collector.of(request_id, 2)
    assert call.trace_state == "ours=t61rcWkgMzE,b@vendor=1"
    assert upstream.last.headers["tracestate"] == "ours=t61rcWkgMzE,b@vendor=1"
    for trace, state, model in (
        (f"00-{TRACE}-{PARENT}-01", "ours=1", "one/x"),  # whose section does not pass it
        (f"00-{TRACE}-{PARENT}-01", "no member", "two/x"),
        ("", "ours=1", "two/x"),
    ):
        chat(gateway, model, trace, state)
        assert "tracestate" not in upstream.last.headers
    _, refused = chat(gateway, "none/such", f"00-{TRACE}-{PARENT}-01", "ours=1")
    assert collector.of(refused, 1)[0].trace_state == "ours=1"


def test_why_answers_ended_is_told_as_their_provider_says_it(
    gateway: Gateway, collector: Collector, upstream: ScriptedUpstream
) -> None:
    def reasons(answer: Answer | Stream, **more: Any) -> Any:
        upstream.script(answer)
        _, request_id = chat(gateway, more.pop("model", "one/x"), **more)
        return attributes(collector.of(request_id, 2)[0]).get("gen_ai.response.finish_reasons")

    assert reasons(Answer(completion("Hello"))) == ["stop"]
    assert reasons(Answer(completion("Hel", finish_reason="length"))) == ["length"]
    assert reasons(Answer(completion("Hel", finish_reason="x" * 300)), model="two/x") == ["x" * 40]
    assert reasons(Stream(chunks("Hel", "lo", finish_reason="length")), stream=True) == ["length"]
    odd = completion("Hello", service_tier="scale")  # is looked at, as what is billed otherwise
    assert reasons(Answer(odd)) == ["stop"]
    both = completion("Hello")
    both["choices"] = [
        {**both["choices"][0], "index": n, "finish_reason": why} for n, why in enumerate(("stop", "length"))
    ]
    assert reasons(Answer(both), n=2) == ["stop", "length"]
    both["choices"][1]["finish_reason"] = None
    assert reasons(Answer(both), n=2) == ["stop"]


def test_a_client_that_is_not_sampled_has_no_span_and_a_refusal_has_one(gateway: Gateway, collector: Collector) -> None:
    _, hidden = chat(gateway, "two/x", f"00-{TRACE}-{PARENT}-00")
    status, refused = chat(gateway, "none/such", f"00-{TRACE}-{PARENT}-01")
    (span,) = collector.of(refused, 1)
    told = attributes(span)
    assert status == 404 and told["error.type"] == "model_not_found" and told["gen_ai.request.model"] == "none/such"
    assert span.trace_id.hex() == TRACE
    assert not [one for one in collector.spans if attributes(one).get("tollrouter.request_id") == hidden]


def test_a_collector_that_is_not_there_holds_up_nobody(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    section = {"kind": "compatible", "api_key": "k", "unlisted": True, "base_url": upstream.url}
    config = {
        "plugins": {"otel": {"endpoint": "http://127.0.0.1:9/v1/traces"}},
        "prices": {"two/x": {"input": "1", "output": "2"}},
    }
    with Gateway(tmp_path, providers={"two": section}, config=config) as gateway:
        assert [chat(gateway, "two/x")[0] for _ in range(5)] == [200] * 5
        began = time.monotonic()
        gateway.stop()
        assert time.monotonic() - began < 30
