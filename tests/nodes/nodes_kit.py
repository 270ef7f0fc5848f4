"""Gateways that share one PostgreSQL, a real nginx with TLS before them, and clients that try once more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from certificates import make_pair

from router.testing import Gateway, ScriptedUpstream
from router.testing.gateway import free_port

__all__ = ["NGINX", "Cluster", "Load", "nginx_before", "open_cluster"]

NGINX = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if Path(path).exists()), None)
_WAIT_S = 60.0

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateway {{
        {servers}
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_connect_timeout 1s;
            proxy_read_timeout 650s;
        }}
    }}
}}
"""


@dataclass
class Cluster:
    """Nodes on one database, and one account with credit.

    Attributes:
        nodes: the gateways, called ``node-1`` and so on.
        url: of nginx, or of the first node.
        authority: the certificate by which clients know nginx.
    """

    nodes: list[Gateway]
    upstream: ScriptedUpstream
    database_url: str
    url: str = ""
    authority: Path | None = None
    credit: str = "1000"

    @property
    def first(self) -> Gateway:
        """The node whose commands are run."""
        return self.nodes[0]

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """What the database has."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql, params or None).fetchall()

    def wait_for(self, what: Callable[[], bool], told: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + _WAIT_S
        while not what():
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def settled(self) -> None:
        """Wait until no call holds anything: what a killed worker held is given back once its lease is over."""
        self.wait_for(lambda: self.rows("SELECT COUNT(*) FROM holds") == [(0,)], "calls are never settled")
        self.first.router("ledger", "verify")

    def charged_nano(self) -> int:
        """What all rows say."""
        return int(self.rows("SELECT COALESCE(SUM(charge_nano), 0) FROM usage")[0][0])


@dataclass
class Load:
    """Clients that call all the time, each with a connection of its own, and try once more where a call fails.

    Attributes:
        statuses: how often each was the last word; ``0`` is a connection that broke twice.
        again: how many calls needed their second try.
        slowest_s: the longest that one try took.
    """

    cluster: Cluster
    tries: int = 2
    statuses: Counter[int] = field(default_factory=Counter)
    again: int = 0
    slowest_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, calls: int, clients: int = 8, until: threading.Event | None = None) -> None:
        """Make so many calls, and go on until the event is set where there is one."""
        with ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(self._client, calls // clients, until) for _ in range(clients)]:
                done.result()

    @property
    def answered(self) -> int:
        """How many calls were answered in the end."""
        return self.statuses[200]

    def _client(self, calls: int, until: threading.Event | None) -> None:
        session = requests.Session()
        session.verify = str(self.cluster.authority) if self.cluster.authority else True
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.cluster.first.api_key}"
        body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}
        made = 0
        while made < calls or (until is not None and not until.is_set()):
            made += 1
            status = 0
            for attempt in range(self.tries):
                begun = time.monotonic()
                try:
                    answer = session.post(f"{self.cluster.url}/v1/chat/completions", json=body, timeout=60)
                    status = answer.status_code
                except requests.RequestException:
                    status = 0
                with self._lock:
                    self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
                    self.again += attempt
                if status == 200:
                    break
            with self._lock:
                self.statuses[status] += 1


@contextmanager
def open_cluster(folder: Path, database_url: str, count: int = 2, **server: Any) -> Iterator[Cluster]:
    """Nodes while the block lasts.

    Args:
        server: more of ``[server]``.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        nodes: list[Gateway] = []
        for number in range(1, count + 1):
            place = folder / f"node-{number}"
            nodes.append(_node(place, database_url, upstream.url, nodes[0] if nodes else None, number, server))
            stack.callback(nodes[-1].kill)
        nodes[0].router("credits", "grant", nodes[0].account, "1000", "--reason", "a test's")
        for node in nodes:
            node.start()
        yield Cluster(nodes, upstream, database_url, url=nodes[0].url)


def _node(
    place: Path, database_url: str, upstream: str, first: Gateway | None, number: int, server: dict[str, Any]
) -> Gateway:
    """A node; the first makes the database, the others are given its files."""
    env = {"ROUTER__DATABASE__URL": database_url}
    if first is not None:
        shutil.copytree(first.folder, place, ignore=shutil.ignore_patterns("home", "*.pid", "*.log"))
    prices = {"openai/gpt-4o": {"input": "1000", "output": "1000"}}
    config = {"server": {"node": f"node-{number}", "unready_s": 1.0, **server}, "prices": prices}
    node = Gateway(place, upstream=upstream, env=env, config=config, start=False)
    if first is not None:
        node.api_key, node.account = first.api_key, first.account
    return node


@contextmanager
def nginx_before(cluster: Cluster, folder: Path) -> Iterator[None]:
    """A real nginx with TLS and HTTP/2 before the nodes while the block lasts."""
    if NGINX is None:
        pytest.skip("no nginx is installed: apt-get install nginx")
    folder.mkdir(exist_ok=True)
    certificate, key = make_pair(folder)
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{node.port} max_fails=0;" for node in cluster.nodes)
    config = folder / "nginx.conf"
    text = _CONFIG.format(folder=folder, servers=servers, port=port, certificate=certificate, key=key)
    config.write_text(("user root;\n" if os.getuid() == 0 else "") + text, encoding="utf-8")
    process = subprocess.Popen([NGINX, "-c", str(config), "-p", str(folder)], start_new_session=True)
    cluster.url, cluster.authority = f"https://localhost:{port}", certificate
    try:
        cluster.wait_for(lambda: _answers(cluster), "nginx does not answer")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _answers(cluster: Cluster) -> bool:
    try:
        return requests.get(f"{cluster.url}/healthz", verify=str(cluster.authority), timeout=5).status_code == 200
    except requests.RequestException:
        return False
