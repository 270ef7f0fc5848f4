"""What the tests of lanes share: one gateway, its database, providers that speak a client's surface or only chat."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_wire import get, post, send

from router.db.database import Database
from router.ledger.balances import Balance, balance
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.metering.usage_rows import find_usage
from router.money.amounts import parse_nano
from router.store.accounts import create_account
from router.store.keys import create_key
from router.testing import Answer, Gateway, Result, Script, ScriptedUpstream, Stream, chunks, completion, token_usage
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.gemini import GEMINI
from router.testing.upstream.wires.responses import RESPONSES
from router.types.records import CallRecord

__all__ = [
    "CHAT_USED",
    "FALLBACK_RATES",
    "FIRST_RATES",
    "LANES",
    "SURFACES",
    "THINKING",
    "Lanes",
    "Payer",
    "chat_answer",
    "configuration",
    "events_in",
    "native_answer",
]

LANES = ("native", "chat")
SURFACES = ("responses", "messages")
FIRST_RATES, FALLBACK_RATES = ("2", "10"), ("1", "3")
"""What input and output cost at the model that is asked for, and at the one that it falls back on."""
CHAT_USED = token_usage(21, 5)
THINKING = (GEMINI, DEEPSEEK, ANTHROPIC)
"""Wires of providers that want something back with their reasoning."""
_SPARE = 24
_ALONE = 60
_SPEAKS = {"responses": {"kind": "openai"}, "messages": {"kind": "anthropic"}}
_NAMES = itertools.count()


@dataclass(frozen=True)
class Payer:
    """An account, and a key of it."""

    account: str
    text: str = field(repr=False)
    key: str = ""


class Lanes:
    """The gateway and what is behind it. Each test takes accounts and first providers of its own."""

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream, database: Database) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.database = database
        self._spare: dict[tuple[str, str], Iterator[int]] = {
            (surface, lane): iter(range(_SPARE)) for surface in SURFACES for lane in LANES
        }
        self._alone = {speaks: iter(range(_ALONE)) for speaks in ("chat", *SURFACES)}

    def first(self, surface: str, lane: str) -> str:
        """A model that falls back on one in the other lane, at a provider that has not failed yet."""
        return f"{_section(surface, lane, next(self._spare[surface, lane]))}/m"

    def spare(self, speaks: str) -> str:
        """A model without a fallback, at a provider that has not failed yet.

        Args:
            speaks: a surface, or ``chat``.
        """
        return f"{speaks}-alone{next(self._alone[speaks])}/m"

    def payer(self, credit: str = "5", account: str = "", **options: Any) -> Payer:
        """A new key, of a new account with some money where none is given."""
        if not account:
            account = create_account(self.database, f"payer {next(_NAMES)}").id
            grant(self.database, account, parse_nano(credit), reason="test")
        row, text = create_key(self.database, account, "test", **options)
        return Payer(account, text, row.id)

    def post(self, payer: Payer, path: str, body: Any, **headers: str) -> Result:
        """A call; underscores in the names of headers stand for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return post(self.gateway, path, body, {"content-type": "application/json", **given}, key=payer.text)

    def ask(self, payer: Payer, surface: str, model: str, **fields: Any) -> Result:
        """A call of a surface."""
        content = [{"role": "user", "content": "What is six times seven?"}]
        body: dict[str, Any] = {"model": model}
        body |= {"input": content} if surface == "responses" else {"messages": content, "max_tokens": 100}
        return self.post(payer, f"/v1/{surface}", {**body, **fields})

    def get(self, payer: Payer, path: str) -> Result:
        """``GET`` any path."""
        return get(self.gateway, path, key=payer.text)

    def delete(self, payer: Payer, path: str) -> Result:
        """``DELETE`` any path."""
        head = f"DELETE {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {payer.text}\r\nConnection: close\r\n\r\n"
        return send(self.gateway.port, head.encode())

    def row(self, answer: Result) -> CallRecord:
        """The one usage row of a call, which may be written a moment after its answer."""
        found: list[CallRecord] = []

        def written() -> bool:
            found[:] = find_usage(self.database, answer.headers["x-request-id"])
            return bool(found)

        self.upstream.wait_for(written)
        (row,) = found
        return row

    def balance(self, payer: Payer) -> Balance:
        """What the account has now."""
        return balance(self.database, payer.account)

    def spent(self, payer: Payer, credit: str = "5") -> int:
        """What the account has paid, once nothing of it is held any more."""
        self.upstream.wait_for(lambda: self.balance(payer).held == 0)
        return parse_nano(credit) - self.balance(payer).balance

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """What a query finds."""
        return self.database.read(lambda connection: connection.rows(sql, params))

    def expect_no_fault(self) -> None:
        """The log tells of no exception of ours: an odd upstream is none."""
        assert [line for line in self.gateway.log if "exception" in line or line.get("level") == "critical"] == []

    def check(self) -> None:
        """`router ledger verify` has nothing to say."""
        assert [check for check in verify(self.database) if not check.ok] == []


def native_answer(surface: str, *words: str, stream: bool, **fields: Any) -> Script:
    """What a provider says that speaks the surface."""
    wire = RESPONSES if surface == "responses" else ANTHROPIC
    return (wire.stream if stream else wire.plain)(*words, **fields)


def chat_answer(*words: str, stream: bool, **fields: Any) -> Script:
    """What a provider says that is asked through chat."""
    if stream:
        return Stream(chunks(*words, include_usage=True, usage=CHAT_USED, **fields))
    return Answer(completion("".join(words), usage=CHAT_USED, **fields))


def events_in(stream: bytes) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose name is the type in it."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            value = json.loads(lines[1].removeprefix("data: "))
            assert lines[0] == f"event: {value['type']}"
            found.append(value)
    return found


def configuration(upstream: ScriptedUpstream) -> tuple[dict[str, Any], dict[str, Any]]:
    """The providers' sections, and the rest of the configuration."""
    place = {"base_url": upstream.url, "api_key": "sk-up", "models": ["m"]}
    both = {"m": {"kind": "chat"}, "vectors": {"kind": "embeddings", "context_window": 1000}}
    sections: dict[str, Any] = {name: {"kind": "compatible", **place, "models": both} for name in ("chat", "other")}
    sections |= {surface: {**kind, **place} for surface, kind in _SPEAKS.items()}
    for surface in SURFACES:
        for lane in LANES:
            kind = _SPEAKS[surface] if lane == "native" else {"kind": "compatible"}
            over = "chat" if lane == "native" else surface
            for number in range(_SPARE):
                sections[_section(surface, lane, number)] = {**kind, **place, "fallback": [f"{over}/m"]}
    for speaks in ("chat", *SURFACES):
        kind = _SPEAKS.get(speaks, {"kind": "compatible"})
        sections |= {f"{speaks}-alone{number}": {**kind, **place} for number in range(_ALONE)}
    origin = upstream.url.removesuffix("/v1")
    sections |= {wire.name: {"kind": wire.name, **place, "base_url": origin + wire.base_path} for wire in THINKING}
    sections |= {f"{wire.name}-too": sections[wire.name] for wire in THINKING}
    fallbacks = ("chat", *SURFACES)
    prices = {f"{name}/m": _price(FALLBACK_RATES if name in fallbacks else FIRST_RATES) for name in sections}
    prices |= {f"{name}/vectors": _price(("1", "0")) for name in ("chat", "other")}
    return sections, {"prices": prices, "gateway": {"heartbeat_s": 0.2}}


def _section(surface: str, lane: str, number: int) -> str:
    return f"{surface}-{lane}{number}"


def _price(rates: Sequence[str]) -> Mapping[str, str]:
    return {"input": rates[0], "output": rates[1]}
