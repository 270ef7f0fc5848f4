"""nginx by its shipped file, with TLS and HTTP/2, before two gateway processes on one database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from certificates import make_pair
from container import ROOT

from router.testing import ScriptedUpstream, Stream, chunks
from router.testing.gateway import Gateway, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("nginx") is None or shutil.which("curl") is None, reason="there is no nginx, or no curl, here"
    ),
]
SECONDS = 30.0


class Front(NamedTuple):
    """nginx, and what is behind it."""

    port: int
    trust: Path
    nodes: tuple[Gateway, Gateway]
    upstream: ScriptedUpstream
    key: str

    def curl(self, path: str, *options: str, host: str = "api.example.com") -> list[str]:
        """The command that asks over HTTP/2."""
        command = ["curl", "--silent", "--show-error", "--http2", "--max-time", str(SECONDS), "--include"]
        command += ["--cacert", str(self.trust), "--resolve", f"{host}:{self.port}:127.0.0.1"]
        return [*command, *options, f"https://{host}:{self.port}{path}"]

    def ask(self, path: str, *options: str, host: str = "api.example.com") -> tuple[str, dict[str, str], str]:
        """Status line, headers and body."""
        done = subprocess.run(self.curl(path, *options, host=host), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
        status, *lines = head.split("\n")
        return status.strip(), dict(line.lower().split(": ", 1) for line in lines if ": " in line), body

    def chat(self, **more: object) -> list[str]:
        """Options that make a call of it."""
        body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}], **more}
        authorized = ["--header", f"Authorization: Bearer {self.key}", "--header", "Content-Type: application/json"]
        return [*authorized, "--data", json.dumps(body)]


def nginx_conf(folder: Path, port: int, nodes: tuple[Gateway, Gateway], portal: int) -> Path:
    """The shipped files, with the names of this test's places."""
    cert, key = make_pair(folder, hosts=("api.example.com", "portal.example.com"))
    upstreams = (ROOT / "deploy/nginx/upstreams.conf").read_text()
    shipped_line = "    server 127.0.0.1:8080 max_fails=0;\n"
    assert shipped_line in upstreams
    lines = "".join(shipped_line.replace("8080", str(node.port)) for node in nodes)
    upstreams = upstreams.replace(shipped_line, lines).replace("127.0.0.1:8081", f"127.0.0.1:{portal}")
    text = upstreams + (ROOT / "deploy/nginx/router.conf").read_text()
    for shipped, here in {
        "/etc/nginx/tls/fullchain.pem": str(cert),
        "/etc/nginx/tls/privkey.pem": str(key),
        "/var/log/nginx": str(folder),
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
    }.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{ worker_connections 256; }}\nhttp {{\n{temporary}{text}\n}}\n"
    )
    return conf


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    trusted = {"server": {"trusted_proxies": ["127.0.0.1"], "log_client_address": True}}
    portal = {"portal": {"public_url": "https://portal.example.com"}}
    with (
        ScriptedUpstream(api_key="sk-upstream") as upstream,
        Gateway(folder / "g", upstream=upstream.url, config=trusted | portal, billing=False, portal=True) as first,
        Gateway(folder / "g", upstream=upstream.url, billing=False) as second,
    ):
        nodes, port = (first, second), free_port()
        conf = nginx_conf(folder, port, nodes, first.portal_port)
        with subprocess.Popen(["nginx", "-c", str(conf), "-p", str(folder)]) as nginx:
            try:
                made = Front(port, folder / "server.crt", nodes, upstream, first.api_key)
                deadline = time.monotonic() + SECONDS
                while subprocess.run(made.curl("/healthz"), capture_output=True, check=False).returncode:
                    assert nginx.poll() is None and time.monotonic() < deadline, (folder / "error.log").read_text()
                    time.sleep(0.1)
                yield made
            finally:
                nginx.terminate()


def test_calls_come_by_http2_and_reach_both(front: Front) -> None:
    for _ in range(4):
        status, headers, body = front.ask("/v1/chat/completions", *front.chat())
        assert status == "HTTP/2 200", body
        assert json.loads(body)["choices"][0]["message"]["content"]
        assert headers["x-request-id"].startswith("req_")
    log = (front.trust.parent / "router.log").read_text().splitlines()
    calls = [line for line in log if "/v1/chat/completions" in line]
    assert len({line.split()[-2] for line in calls}) == 2, "each of the two had some"
    assert headers["x-request-id"] in calls[-1], "one ID leads from nginx's log to the gateway's"
    deadline = time.monotonic() + SECONDS
    while headers["x-request-id"] not in front.nodes[0].log_path.read_text().lower():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_clients_own_address_is_told_and_none_that_it_makes_up(front: Front) -> None:
    forged = ["--header", "X-Forwarded-For: 203.0.113.9", "--header", "Forwarded: for=203.0.113.9"]
    front.ask("/v1/chat/completions", *front.chat(), *forged)
    assert "203.0.113.9" not in front.nodes[0].log_path.read_text()


def test_a_stream_is_passed_on_as_it_comes(front: Front) -> None:
    goes_on = threading.Event()
    first, *rest = chunks("first second third")
    front.upstream.script(Stream([first, *rest[:1], goes_on, *rest[1:]]))
    command = front.curl("/v1/chat/completions", "--no-buffer", *front.chat(stream=True))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        seen = ""
        while "data: " not in seen:
            line = client.stdout.readline()
            assert line, seen
            seen += line
        assert "[DONE]" not in seen
        goes_on.set()
        rest_of_it = client.stdout.read()
    assert client.returncode == 0 and "data: [DONE]" in rest_of_it
    assert seen.startswith("HTTP/2 200")


def test_a_large_body_gets_through_and_one_too_large_is_told(front: Front, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    for size, status in ((3_000_000, "HTTP/2 200"), (33_600_000, "HTTP/2 413")):
        chat = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "x" * size}]}
        body.write_text(json.dumps(chat))
        told = ["--header", f"Authorization: Bearer {front.key}", "--header", "Content-Type: application/json"]
        assert front.ask("/v1/chat/completions", *told, "--data-binary", f"@{body}")[0] == status


def test_people_find_the_portal_with_its_own_policy(front: Front) -> None:
    status, headers, body = front.ask("/app/login", host="portal.example.com")
    assert status == "HTTP/2 200" and "<html" in body
    assert headers["strict-transport-security"].startswith("max-age=")
    assert front.ask("/app/login")[0] == "HTTP/2 404", "not at the API's name"


def test_a_node_that_is_gone_is_passed_over(front: Front) -> None:
    front.nodes[1].stop()
    try:
        for _ in range(4):
            assert front.ask("/v1/chat/completions", *front.chat())[0] == "HTTP/2 200"
    finally:
        front.nodes[1].start()
