"""Secrets, prompts and answers with a mark of their own, sent through every ending of a call, and then looked for."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_wire import CHAT, EMBEDDINGS, get, post, send

from router.testing import (
    Answer,
    Gateway,
    Raw,
    Result,
    Script,
    ScriptedUpstream,
    Stream,
    chunks,
    completion,
    error,
    stream,
)

pytestmark = pytest.mark.slow

UPSTREAM_KEY = "sk-upstream-CANARYKEY1"
HEADER_VALUE = "org-CANARYHEADER2"
PROMPT = "prompt-CANARYPROMPT3"
ANSWER = "answer-CANARY-SAID4"
TELLTALE = f"{UPSTREAM_KEY} {HEADER_VALUE} {PROMPT}"
"""What an upstream says of a failure. Its words are shown to operators, without our secrets and the client's words."""

LEAKY = '''
from router import Item, Reply, hookimpl

LAST_WORDS = "SECRETS"

class Leaky:
    """Breaks where it is told to, with everything that it knows in its last words."""

    @hookimpl
    def chat(self, call, context):
        place = context.model
        words = f"{call.body} {context.settings.api_key.reveal()} {dict(context.settings.headers)}"

        def leak(*_):
            raise ValueError(words)

        def batches():
            if place == "iteration":
                leak()
            yield [Item.of({"choices": [{"message": {"content": "ANSWER"}}], "usage": {"prompt_tokens": 1}})]

        if place == "hook":
            leak()
        if place == "chain":
            try:
                leak()
            except ValueError as error:
                raise KeyError(words) from error
        return Reply(batches(), read_usage=leak if place == "usage" else lambda value: None, read_error=leak)

    @hookimpl
    def request_finished(self, record):
        if record.upstream_model == "observer":
            raise ValueError(LAST_WORDS)

plugin = Leaky()
'''.replace("ANSWER", ANSWER).replace("SECRETS", f"{UPSTREAM_KEY} {HEADER_VALUE}")

STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 451, 500, 502, 503, 529)
FAILURES: dict[str, Script | Raw] = {
    **{str(status): Answer.error(status, TELLTALE) for status in STATUSES},
    "redirect": Answer(status=302, headers={"Location": f"http://127.0.0.1:1/{UPSTREAM_KEY}"}, body=TELLTALE),
    "html": Answer(f"<h1>{TELLTALE}</h1>", status=502, headers={"Content-Type": "text/html"}),
    "html in a 200": Answer(f"<h1>{TELLTALE}</h1>", headers={"Content-Type": "text/html"}),
    "broken json": Answer(f'{{"choices": [{{"{TELLTALE}'),
    "list": Answer(json.dumps([TELLTALE])),
    "error in a 200": Answer(error(400, TELLTALE)),
    "no choices": Answer({"text": TELLTALE}),
    "nothing": Raw(),
    "no http": Raw(TELLTALE.encode()),
    "bad header": Raw(f"HTTP/1.1 200 OK\r\n{TELLTALE}\r\n\r\n".encode()),
    "bad coding": Answer(TELLTALE, headers={"Content-Encoding": "gzip"}),
    "cut": Answer(completion(ANSWER), cut_after_bytes=40),
    "reset": Answer(completion(ANSWER), cut_after_bytes=40, reset=True),
    "cut stream": Stream(chunks(ANSWER, ANSWER), cut_after=2),
    "error in a stream": Stream([*chunks(ANSWER)[:2], error(400, TELLTALE)], done=False),
    "garbage in a stream": Stream([*chunks(ANSWER)[:2], f"data: {{{TELLTALE}\n\n".encode()]),
    "success": Answer(completion(ANSWER)),
    "successful stream": stream(ANSWER),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with the leaky plugin in it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "leaky.py").write_text(LEAKY)
    metadata = folder / "leaky-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[router]\nleaky = leaky:plugin\n")
    return folder


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[tuple[Gateway, ScriptedUpstream]]:
    """A gateway with a provider for each failure, since one that has failed is left alone for a while."""
    root = Path(__file__).parents[2]
    search = os.pathsep.join([str(site), str(root), os.environ.get("PYTHONPATH", "")])
    with ScriptedUpstream() as upstream:
        common = {"api_key": "env:CANARY", "headers": {"X-Operator": HEADER_VALUE}}
        section = {"kind": "compatible", "base_url": upstream.url, "unlisted": True, **common}
        providers = {f"p{number}": section for number in range(2 * len(FAILURES))}
        places = ("hook", "chain", "iteration", "usage", "observer")
        providers |= {f"leaky{place}": {"kind": "leaky", "models": [place], **common} for place in places}
        folder = tmp_path_factory.mktemp("canary")
        env = {"PYTHONPATH": search, "CANARY": UPSTREAM_KEY}
        with Gateway(folder, providers=providers, env=env, billing=False) as gateway:
            yield gateway, upstream


def ask(gateway: Gateway, model: str, *, streamed: bool) -> Result:
    messages = [{"role": "user", "content": PROMPT}]
    return post(gateway, CHAT, {"model": model, "messages": messages, "user": PROMPT, "stream": streamed})


def secrets_of(gateway: Gateway) -> list[str]:
    return [UPSTREAM_KEY, HEADER_VALUE, gateway.api_key, gateway.operator_secret]


def assert_tells_nothing(answer: Result, secrets: list[str]) -> None:
    seen = answer.body.decode("utf-8", "replace") + repr(answer.headers)
    assert [secret for secret in secrets if secret in seen] == []


def test_no_secret_in_any_answer_and_no_prompt_in_log_or_database(marked: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = marked
    secrets = secrets_of(gateway)
    provider = iter(range(2 * len(FAILURES)))
    for script in FAILURES.values():
        for streamed in (False, True):
            upstream.reset()
            upstream.on(CHAT, script)
            assert_tells_nothing(ask(gateway, f"p{next(provider)}/any", streamed=streamed), secrets)
    for place in ("hook", "chain", "iteration", "usage", "observer"):
        for streamed in (False, True):
            answer = ask(gateway, f"leaky{place}/{place}", streamed=streamed)
            assert_tells_nothing(answer, secrets)
            assert answer.status == 200 or "Traceback" not in answer.body.decode()
    assert_tells_nothing(post(gateway, EMBEDDINGS, {"model": "p0/any", "input": PROMPT}), secrets)
    for path in ("/healthz", "/readyz", "/v1/models", f"/{PROMPT}?{PROMPT}", "/metrics"):
        assert_tells_nothing(get(gateway, path), secrets)
    wrong = {"Authorization": f"Bearer {gateway.api_key}x", "X-API-Key": f"{gateway.api_key}x"}
    assert_tells_nothing(get(gateway, "/v1/models", wrong, key=""), secrets)
    both = {"Authorization": f"Bearer {gateway.api_key}", "X-API-Key": UPSTREAM_KEY}
    assert_tells_nothing(get(gateway, "/v1/models", both, key=""), secrets)
    for body in (f'{{"model": "{PROMPT}"'.encode(), {"model": "p0/any", "messages": [PROMPT]}, {PROMPT: PROMPT}):
        assert_tells_nothing(post(gateway, CHAT, body), secrets)
    send(
        gateway.port,
        f"GET /{PROMPT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gateway.api_key}\r\nBad\r\n".encode(),
    )
    hang_up(gateway, upstream)
    assert gateway.stop() == 0

    log = gateway.log_path.read_text(encoding="utf-8", errors="replace")
    assert log.count("Traceback") >= 5, "the leaky plugin's failures are in the log"
    assert "leaky.py" in log
    files = [path for path in gateway.folder.rglob("*") if path.is_file() and path != gateway.config_path]
    assert {"stderr.log", "router.db"} <= {path.name for path in files}
    marks = [*secrets, PROMPT, ANSWER, "CANARY"]
    found = [(path.name, mark) for path in files for mark in marks if mark.encode() in path.read_bytes()]
    assert found == [], [line for line in log.splitlines() if "CANARY" in line]
    assert gateway.api_key not in gateway.config_path.read_text()


def hang_up(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    """A client that leaves in the middle of a stream."""
    hold = threading.Event()
    upstream.reset()
    upstream.on(CHAT, Stream([*chunks(ANSWER)[:2], hold, *chunks(ANSWER)[2:]]))
    model = f"p{2 * len(FAILURES) - 1}/any"  # the last one, which has not failed
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": PROMPT}], "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gateway.api_key}\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as leaver:
        leaver.sendall(f"{head}\r\n\r\n".encode() + body)
        assert leaver.recv(100).startswith(b"HTTP/1.1 200 ")
    hold.set()
    upstream.wait_for(lambda: upstream.last.ending)
