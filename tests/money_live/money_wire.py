"""A gateway whose money can be counted: accounts and keys of a test's own, calls fired at once, an upstream held."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import select
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from router.keys import Budget
from router.ledger.balances import Balance, balance
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.money import format_nano, parse_nano
from router.store.accounts import create_account, set_account_tier
from router.store.database import Database, open_database
from router.store.keys import create_key
from router.store.limits import Subject, set_limits
from router.testing import (
    Answer,
    Gateway,
    Raw,
    ReceivedRequest,
    Script,
    ScriptedUpstream,
    Stream,
    chunks,
    completion,
    token_usage,
)

__all__ = ["MODEL", "TOKEN", "Answered", "House", "TestKey", "Volley", "nano", "new_schema", "open_house", "statuses"]

MODEL = "acme/plain"
"""Input costs nothing, output 1 for a million tokens: a call costs its cap times ``TOKEN``, and is bounded by that."""

TOKEN = 1_000
"""What one token of ``MODEL``'s output costs, in nano-units."""

_WAIT_S = 20.0
_CAP = 10
_MODELS = {
    "plain": {"input": "0", "output": "1"},
    "dear": {"input": "0", "output": "2"},
    "cheap": {"input": "0", "output": "0.5"},
    "both": {"input": "1", "output": "1"},
    "free": {"free": True},
}
_SHAKY_MAX = 6
_CHAINS = ("alone", "pair", "dear", "cheap", "unpriced", "asks-dear", "asks-cheap")
_SHAKY = [(chain, f"{chain}{number}") for chain in _CHAINS for number in range(_SHAKY_MAX)]
_TARGETS = ("dear", "cheap", "unpriced")
_CONFIG = {
    "prices": {f"acme/{name}": price for name, price in _MODELS.items()}
    | {f"{name}/m": {"input": "0", "output": "1"} for _, name in _SHAKY},
    "fallback": {f"{name}/m": [f"acme/{chain}"] for chain, name in _SHAKY if chain in _TARGETS},
}
Plan = Callable[[ReceivedRequest], Script | Raw]
"""What the upstream does with a request."""


@dataclass(frozen=True)
class TestKey:
    """A key: its ID, its text, and whose it is."""

    __test__ = False

    id: str
    text: str = field(repr=False)
    account: str = ""


@dataclass(frozen=True)
class Answered:
    """A whole response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def error(self) -> dict[str, Any]:
        """The error object of a refused call."""
        found = json.loads(self.body)["error"]
        assert isinstance(found, dict)
        return found


class Volley:
    """Calls under way: all sent, and the upstream held until ``finish``.

    Attributes:
        marker: what the upstream knows these calls by.
    """

    def __init__(self, house: House, marker: str, connections: Sequence[http.client.HTTPConnection]) -> None:
        self.marker = marker
        self._house = house
        self._connections = connections
        self._gate = house.gate(marker)

    @property
    def reached(self) -> list[dict[str, Any]]:
        """What the upstream was sent of these calls."""
        return self._house.reached(self.marker)

    def wait(self, *, answered: int, reached: int) -> Volley:
        """Until so many calls have been answered, and so many have reached the upstream."""
        deadline = time.monotonic() + _WAIT_S
        while (now := (self._answered(), len(self.reached))) != (answered, reached):
            assert time.monotonic() < deadline, f"(answered, reached) is {now}, not {(answered, reached)}"
            time.sleep(0.005)
        return self

    def finish(self) -> list[Answered]:
        """Let the upstream answer; all answers, in the order of the calls."""
        self._gate.set()
        return [_whole(connection) for connection in self._connections]

    def _answered(self) -> int:
        poll = select.poll()
        for connection in self._connections:
            poll.register(connection.sock, select.POLLIN)
        return len(poll.poll(0))


class House:
    """One gateway or several on one database, and one upstream behind all of them.

    Each test takes accounts and keys of its own, so that all can share a house.
    """

    def __init__(self, gateways: Sequence[Gateway], upstream: ScriptedUpstream, database: Database) -> None:
        self.gateways = gateways
        self.upstream = upstream
        self.database = database
        self.engine = database.read(lambda connection: connection.engine)
        self._plans: dict[str, Plan] = {}
        self._gates: dict[str, threading.Event] = {}
        self._turns = itertools.cycle(gateways)
        self._shaky = {chain: iter([name for other, name in _SHAKY if other == chain]) for chain in _CHAINS}
        upstream.on("/v1/chat/completions", self._answer)

    # Who calls.

    def account(self, balance: str = "0", *, tier: str = "") -> str:
        """A new account's ID."""
        account = create_account(self.database, "test")
        if balance != "0":
            grant(self.database, account.id, parse_nano(balance), reason="test")
        if tier:
            set_account_tier(self.database, account.id, tier)
        return account.id

    def key(
        self,
        account: str | None = None,
        *,
        budget: str = "",
        period: str = "",
        limits: Mapping[str, int] | None = None,
        **options: Any,
    ) -> TestKey:
        """A new key, of a new account with 1,000 units where none is given; ``options`` as ``create_key`` has them."""
        account = account or self.account("1000")
        allowed = Budget(parse_nano(budget), period) if budget else None
        row, text = create_key(self.database, account, "test", budget=allowed, **options)
        if limits:
            set_limits(self.database, Subject("key", row.id), limits)
        return TestKey(row.id, text, account)

    # Calls.

    def shaky(self, chain: str = "alone") -> str:
        """The public ID of a model of a provider that no test has used: one that fails is left alone for a while.

        Its price is ``MODEL``'s; the upstream knows it as ``m``.

        Args:
            chain: what follows it: ``alone`` nothing, ``pair`` a second endpoint, else the fallback ``acme/CHAIN``, by
                the operator's word, or, after ``asks-``, by its plugin's.
        """
        return f"{next(self._shaky[chain])}/m"

    def plan(self, plan: Plan | Script | Raw) -> str:
        """A marker (the body's ``user``) for calls that the upstream answers by ``plan``."""
        marker = uuid4().hex
        self._plans[marker] = plan if callable(plan) else lambda _: plan
        return marker

    def gate(self, marker: str) -> threading.Event:
        """What the upstream waits for before it answers calls of this marker."""
        return self._gates.setdefault(marker, threading.Event())

    def send(
        self, key: TestKey, gateway: Gateway | None = None, *, receive_bytes: int | None = None, **body: Any
    ) -> http.client.HTTPConnection:
        """One chat call, sent and not waited for; ``stream``, ``max_tokens`` and all other fields as given.

        Args:
            receive_bytes: how much the client's side takes in unread; the system's own measure where None.
        """
        connection = self._connect(gateway, receive_bytes)
        _send(connection, key, _body(**body))
        return connection

    def call(self, key: TestKey, gateway: Gateway | None = None, **body: Any) -> Answered:
        """One chat call from its beginning to its end."""
        return _whole(self.send(key, gateway, **body))

    def get(self, path: str, key: TestKey, gateway: Gateway | None = None) -> Answered:
        """``GET`` any path."""
        connection = self._connect(gateway)
        connection.request("GET", path, headers={"Authorization": f"Bearer {key.text}"})
        return _whole(connection)

    def fire(self, keys: Sequence[TestKey], **body: Any) -> Volley:
        """A call with each of the keys (one key may be there many times), all at once, taking turns at the gateways."""
        fields = _body(**{"user": uuid4().hex, **body})
        connections = [self._connect() for _ in keys]
        volley = Volley(self, fields["user"], connections)
        for connection, key in zip(connections, keys, strict=True):
            _send(connection, key, fields)
        return volley

    def reached(self, marker: str) -> list[dict[str, Any]]:
        """The bodies that the upstream was sent with this marker."""
        bodies = [request.json() for request in self.upstream.requests if marker.encode() in request.body]
        return [body for body in bodies if body.get("user") == marker]

    @staticmethod
    def good(prompt: int, completion: int) -> Plan:
        """A plan: a good answer that says so many tokens were used."""
        return lambda request: _used(request, token_usage(prompt, completion))

    @staticmethod
    def failure(status: int, *, times: int | None = None) -> Plan:
        """A plan: the model ``m`` fails, always or the first so many times; all else is good."""
        left = itertools.repeat(1) if times is None else iter(range(times))

        def answer(request: ReceivedRequest) -> Script:
            fails = request.json()["model"] == "m" and next(left, None) is not None
            return Answer.error(status) if fails else _obey(request)

        return answer

    # Money.

    def balance(self, account: str) -> Balance:
        """What an account has now, in nano-units."""
        return balance(self.database, account)

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """What a query finds; parameters as ``?``."""
        return self.database.read(lambda connection: connection.rows(sql, params))

    def usage(self, account: str) -> list[dict[str, Any]]:
        """The usage rows of an account, oldest first."""
        return self.rows("SELECT * FROM usage WHERE account_id = ? ORDER BY created_at", account)

    def holds(self, account: str) -> list[dict[str, Any]]:
        """What its calls hold now."""
        return self.rows("SELECT * FROM holds WHERE account_id = ?", account)

    def buckets(self, owner: str) -> dict[str, tuple[int, int]]:
        """(used, held) of each ``budget``, ``requests``, ``tokens``, ... of a key or an account, by its ID."""
        rows = self.rows("SELECT id, used, held FROM buckets WHERE id LIKE ?", f"%:{owner}")
        return {row["id"].split(":")[1]: (row["used"], row["held"]) for row in rows}

    def check(self) -> None:
        """The checks of `router ledger verify` have nothing to say."""
        assert [check for check in verify(self.database) if not check.ok] == []

    def verify(self) -> None:
        """`router ledger verify` has nothing to say."""
        told = self.gateways[0].router("ledger", "verify")
        assert told["ok"], told

    def _connect(self, gateway: Gateway | None = None, receive_bytes: int | None = None) -> http.client.HTTPConnection:
        port = (gateway or next(self._turns)).port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT_S)
        if receive_bytes is None:
            connection.connect()
        else:
            connection.sock = socket.socket()
            connection.sock.settimeout(_WAIT_S)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.sock.connect(("127.0.0.1", port))
        return connection

    def _answer(self, request: ReceivedRequest) -> Script | Raw:
        body = request.json()
        marker = body.get("user", "")
        plan = self._plans.get(marker, _obey)
        script = plan(request)
        gate = self._gates.get(marker)
        return script if gate is None else replace(script, hold=gate)


@contextlib.contextmanager
def open_house(
    folder: Path,
    url: str,
    *,
    nodes: int = 1,
    workers: int = 2,
    config: Mapping[str, Any] | None = None,
    also: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[House]:
    """A house on the database at ``url``.

    Args:
        config: wins over its own configuration.
        also: further providers at the same upstream: their name, and what is not as in ``acme``'s section.
    """
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        gateways: list[Gateway] = []
        for number in range(nodes):
            node = folder / f"node{number}"
            if gateways:  # what `router init` did for the first holds for all
                node.mkdir()
                shutil.copy(gateways[0].config_path, node)
            gateway = Gateway(node, env={"ROUTER__DATABASE__URL": url}, workers=workers, start=False)
            if not gateways:
                sections = _sections(upstream)
                sections |= {name: {**sections["acme"], **extra} for name, extra in (also or {}).items()}
                gateway.configure(_CONFIG, sections)
                gateway.configure(config or {})
            gateways.append(stack.enter_context(gateway))
            gateway.start()
        database = open_database(url, folder)
        stack.callback(database.close)
        yield House(gateways, upstream, database)


@contextlib.contextmanager
def new_schema(server: Any) -> Iterator[str]:
    """The URL of an empty schema of a PostgreSQL server, gone afterwards."""
    name = f"money_{uuid4().hex}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        yield f"{server.get_uri()}&options=-csearch_path%3D{name}"
        connection.execute(f"DROP SCHEMA {name} CASCADE")


def _sections(upstream: ScriptedUpstream) -> dict[str, Any]:
    acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-up"}
    shaky: dict[str, Any] = {name: {**acme, "models": ["m"]} for _, name in _SHAKY}
    for chain, name in _SHAKY:
        if chain == "pair":
            shaky[name]["endpoints"] = [{"api_key": "sk-one"}, {"api_key": "sk-two"}]
        elif chain.startswith("asks-"):
            shaky[name]["fallback"] = [f"acme/{chain.removeprefix('asks-')}"]
    return {"acme": {**acme, "models": [*_MODELS, "unpriced"]}, **shaky}


def nano(tokens: int) -> str:
    """What so many tokens of ``MODEL``'s output cost, as decimal text."""
    return format_nano(tokens * TOKEN)


def statuses(answers: Sequence[Answered]) -> Counter[int]:
    """How many answers have each status."""
    return Counter(answer.status for answer in answers)


def _obey(request: ReceivedRequest) -> Script:
    """All the output that the cap allows."""
    body = request.json()
    cap = body.get("max_completion_tokens") or body.get("max_tokens") or _CAP
    return _used(request, token_usage(1, cap * (body.get("n") or 1)))


def _used(request: ReceivedRequest, usage: Mapping[str, Any]) -> Script:
    if request.json().get("stream"):
        return Stream(chunks("ok", usage=usage, include_usage=True))
    return Answer(completion("ok", usage=usage))


def _body(**fields: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": _CAP, **fields}
    return {name: value for name, value in body.items() if value is not None}


def _send(connection: http.client.HTTPConnection, key: TestKey, body: Mapping[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {key.text}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)


def _whole(connection: http.client.HTTPConnection) -> Answered:
    with contextlib.closing(connection), connection.getresponse() as response:
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, headers, body)
