"""A gateway whose money can be counted: accounts and keys of a test's own, calls fired at once, an upstream held."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from money_calls import WAIT_S, Answered, TestKey, Volley, send_chat, statuses, whole
from money_plans import CAP, Plan, obey

from router.db.database import Database
from router.ledger.balances import Balance, balance
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.money.amounts import format_nano, parse_nano
from router.store.accounts import create_account, set_account_tier
from router.store.keys import create_key
from router.store.limits import Subject, set_limits
from router.store.opening import open_database
from router.testing import Gateway, Raw, ReceivedRequest, Script, ScriptedUpstream
from router.types.keys import Budget

__all__ = [
    "MODEL",
    "TAG",
    "TOKEN",
    "Answered",
    "House",
    "TestKey",
    "Volley",
    "nano",
    "new_schema",
    "open_house",
    "statuses",
]

MODEL = "acme/plain"
"""Input costs nothing, output 1 for a million tokens: a call costs its cap times ``TOKEN``, and is bounded by that."""

TOKEN = 1_000
"""What one token of ``MODEL``'s output costs, in nano-units."""

TAG = len("tag") + 32
"""Tokens that a call's marker is bounded by: a field that only the upstream knows counts as text, name and value."""

_MODELS = {
    "plain": {"input": "0", "output": "1"},
    "dear": {"input": "0", "output": "2"},
    "cheap": {"input": "0", "output": "0.5"},
    "both": {"input": "1", "output": "1"},
    "free": {"free": True},
    "asked": {"input": "0", "output": "1", "per_request": "0.005"},
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
        """A marker (the body's ``tag``) for calls that the upstream answers by ``plan``."""
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
        try:
            send_chat(connection, key, _body(**body))
        except OSError:
            connection.close()
            raise
        return connection

    def call(self, key: TestKey, gateway: Gateway | None = None, **body: Any) -> Answered:
        """One chat call from its beginning to its end."""
        return whole(self.send(key, gateway, **body))

    def get(self, path: str, key: TestKey, gateway: Gateway | None = None) -> Answered:
        """``GET`` any path."""
        connection = self._connect(gateway)
        connection.request("GET", path, headers={"Authorization": f"Bearer {key.text}"})
        return whole(connection)

    def fire(self, keys: Sequence[TestKey], **body: Any) -> Volley:
        """A call with each of the keys (one key may be there many times), all at once, taking turns at the gateways."""
        fields = _body(**body)
        connections = [self._connect() for _ in keys]
        marker = fields["tag"]
        volley = Volley(marker, connections, self.gate(marker), self.reached)
        for connection, key in zip(connections, keys, strict=True):
            send_chat(connection, key, fields)
        return volley

    def reached(self, marker: str) -> list[dict[str, Any]]:
        """The bodies that the upstream was sent with this marker."""
        bodies = [request.json() for request in self.upstream.requests if marker.encode() in request.body]
        return [body for body in bodies if body.get("tag") == marker]

    # Money.

    def balance(self, account: str) -> Balance:
        """What an account has now, in nano-units."""
        return balance(self.database, account)

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """What a query finds; parameters as ``?``."""
        return self.database.read(lambda connection: connection.rows(sql, params))

    def write(self, sql: str, *params: object) -> None:
        """Change rows behind the gateway's back."""
        self.database.write(lambda connection: connection.execute(sql, params))

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
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        if receive_bytes is None:
            connection.connect()
        else:
            connection.sock = socket.socket()
            connection.sock.settimeout(WAIT_S)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.sock.connect(("127.0.0.1", port))
        return connection

    def _answer(self, request: ReceivedRequest) -> Script | Raw:
        body = request.json()
        marker = body.get("tag", "")
        plan = self._plans.get(marker, obey)
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


def _body(**fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": MODEL, "messages": messages, "max_tokens": CAP, "tag": uuid4().hex, **fields}
    return {name: value for name, value in body.items() if value is not None}
