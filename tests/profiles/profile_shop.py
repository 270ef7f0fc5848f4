"""A gateway of one profile, as ``router init --profile`` makes it, in front of a scripted upstream."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.db.database import Database
from router.ledger.transfers import grant
from router.money.amounts import parse_nano
from router.plugin_host.registry import load_plugins
from router.store.accounts import create_account
from router.store.keys import create_key
from router.store.limits import Subject, set_limits
from router.store.opening import open_database
from router.testing import Gateway, Raw, ReceivedRequest, Script, ScriptedUpstream
from router.testing.upstream.wires.anthropic import echo
from router.testing.upstream.wires.ollama import OLLAMA, serve_ollama
from router.types.dialect import Dialect
from router.types.keys import Budget

__all__ = ["KEYS", "PROFILES", "Profile", "Response", "Shop", "ShopKey", "at_upstream", "dialect_of", "open_shop"]

_SHAKY = 30
_MOST_BYTES = 200_000
_VENDORS = ("ANTHROPIC", "DASHSCOPE", "DEEPSEEK", "MOONSHOT", "OPENAI", "OPENROUTER", "XAI")
KEYS = {f"{vendor}_API_KEY": "sk-upstream-key" for vendor in _VENDORS}
"""The environment in which presets' providers have their secrets."""


@dataclass(frozen=True)
class Profile:
    """What tests need to know of a profile beforehand.

    Attributes:
        model: one that it sells, on OpenAI's wire here.
        key_start, key_length: of its keys: the prefix, and how long the whole is.
    """

    name: str
    model: str
    key_start: str
    key_length: int


PROFILES = {
    one.name: one
    for one in (
        Profile("nexgate", "gpt-5.5", "ng-", 46),
        Profile("nexorouter", "gpt-4o-mini", "nx-", 46),
        Profile("neurongate", "openai/gpt-4o", "sk-ng-", 38),
        Profile("aigateway", "llama-3.1-70b", "gw_", 46),
    )
}


def dialect_of(profile: str) -> Dialect:
    """The dialect as its plugin, an installed one, hands it over."""
    found: Dialect = load_plugins().plugins[profile].hooks["dialect"]()
    return found


@dataclass(frozen=True)
class Response:
    """A whole response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The decoded events of a stream; the text ``[DONE]`` as it is."""
        texts = [line.removeprefix("data: ") for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in texts]


@dataclass(frozen=True)
class ShopKey:
    """A key: its ID, its text, and whose it is."""

    id: str
    text: str = field(repr=False)
    account: str = ""


class Shop:
    """One gateway that all tests of a profile share: each takes accounts, keys and shaky providers of its own."""

    def __init__(self, profile: Profile, gateway: Gateway, upstream: ScriptedUpstream, database: Database) -> None:
        self.profile = profile
        self.gateway = gateway
        self.upstream = upstream
        self.database = database
        self._shaky = iter(range(_SHAKY))
        self._down = iter(range(0, _SHAKY, 2))

    # Who calls.

    def account(self, balance: str = "1000") -> str:
        """A new account's ID."""
        account = create_account(self.database, "test")
        if balance != "0":
            grant(self.database, account.id, parse_nano(balance), reason="test")
        return account.id

    def key(
        self, balance: str = "1000", *, budget: str = "", limits: Mapping[str, int] | None = None, **options: Any
    ) -> ShopKey:
        """A new key of a new account; ``options`` as ``create_key`` has them."""
        account = self.account(balance)
        allowed = Budget(parse_nano(budget)) if budget else None
        row, text = create_key(self.database, account, "test", budget=allowed, **options)
        if limits:
            set_limits(self.database, Subject("key", row.id), limits)
        return ShopKey(row.id, text, account)

    # Who serves.

    def shaky(self, script: Script | Raw) -> str:
        """A model whose upstream answers in this way: of a provider that no test has used, since one that fails is
        left alone for a while.
        """
        number = next(self._shaky)
        self.upstream.on(f"/v1/shaky{number}/chat/completions", script)
        return f"shaky{number}/m"

    def down(self) -> str:
        """A model of which every provider is down: it falls back from one closed port to another."""
        return f"down{next(self._down)}/m"

    # Calls.

    def chat(self, key: ShopKey | None = None, *, headers: Mapping[str, str] | None = None, **body: Any) -> Response:
        """``POST /v1/chat/completions`` of the profile's model, unless ``body`` says otherwise."""
        fields = {"model": self.profile.model, "messages": [{"role": "user", "content": "Hi there"}], "max_tokens": 64}
        return self.post("/v1/chat/completions", {**fields, **body}, key, headers=headers)

    def post(
        self, path: str, body: Any, key: ShopKey | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """``POST`` any path; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
        return self.request("POST", path, data, key, headers=headers)

    def get(self, path: str, key: ShopKey | None = None) -> Response:
        """``GET`` any path."""
        return self.request("GET", path, None, key)

    def request(
        self,
        method: str,
        path: str,
        data: bytes | None,
        key: ShopKey | None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Any request over a connection of its own, read to its end."""
        sent = {"Content-Type": "application/json"} if data is not None else {}
        if key is not None:
            sent["Authorization"] = f"Bearer {key.text}"
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, data, {**sent, **(headers or {})})
            with connection.getresponse() as response:
                received = {name.lower(): value for name, value in response.getheaders()}
                return Response(response.status, received, response.read())

    def shift_windows(self, key: ShopKey, seconds: float) -> None:
        """As if the key's windows had begun so much earlier."""
        sql = "UPDATE buckets SET window_start = window_start - ? WHERE id LIKE ?"
        values = (round(seconds * 1000), f"%:{key.id}")
        self.database.write(lambda connection: connection.execute(sql, values))

    def usage(self, key: ShopKey) -> list[dict[str, Any]]:
        """The usage rows of a key's account, oldest first, once there is one."""
        sql = "SELECT * FROM usage WHERE account_id = ? ORDER BY created_at"
        deadline = time.monotonic() + 60
        while not (rows := self.database.read(lambda connection: connection.rows(sql, (key.account,)))):
            assert time.monotonic() < deadline, "no usage row"
            time.sleep(0.01)
        return rows


@contextlib.contextmanager
def open_shop(profile: Profile, folder: Path, config: Mapping[str, Any] | None = None) -> Iterator[Shop]:
    """A shop of a profile, as ``router init`` sets it up; only base URLs are others.

    Args:
        config: wins over everything else.
    """
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        gateway = Gateway(folder, profile=profile.name, env=KEYS, start=False)
        gateway.configure({"providers": _sections(gateway, upstream), **_extras()})
        gateway.configure(config or {})
        stack.enter_context(gateway)
        gateway.start()
        database = open_database(f"sqlite:///{folder / 'router.db'}", folder)
        stack.callback(database.close)
        yield Shop(profile, gateway, upstream, database)


def _ollama_chat(request: ReceivedRequest) -> Script:
    """Any model is installed, and echoes."""
    body = request.json()
    words = re.findall(r"\s*\S+", body["messages"][-1]["content"])
    make = OLLAMA.stream if body.get("stream", True) else OLLAMA.plain
    return make(*words, counters={"prompt_eval_count": len(words), "eval_count": len(words)})


def at_upstream(gateway: Gateway, upstream: ScriptedUpstream) -> dict[str, Any]:
    """The preset's own sections, at the upstream."""
    preset = tomllib.loads(gateway.config_path.read_text(encoding="utf-8"))["providers"]
    root = upstream.url.removesuffix("/v1")
    serve_ollama(upstream)
    upstream.on("/api/chat", _ollama_chat)
    upstream.on("/v1/messages", echo)
    return {name: {"base_url": root if name == "ollama" else upstream.url} for name in preset}


def _sections(gateway: Gateway, upstream: ScriptedUpstream) -> dict[str, Any]:
    """These, and others that fail as a test wants."""
    sections = at_upstream(gateway, upstream)
    made = {"kind": "compatible", "models": ["m"], "api_key": "sk-up"}
    for number in range(_SHAKY):
        sections[f"shaky{number}"] = {**made, "base_url": f"{upstream.url}/shaky{number}"}
        sections[f"down{number}"] = {**made, "base_url": "http://127.0.0.1:1/v1"}
    sections["unpriced"] = {**made, "base_url": upstream.url}
    return sections


def _extras() -> dict[str, Any]:
    price = {"input": "1", "output": "1"}
    priced = [f"{kind}{number}/m" for kind in ("shaky", "down") for number in range(_SHAKY)]
    return {
        "prices": dict.fromkeys(priced, price),
        "fallback": {f"down{number}/m": [f"down{number + 1}/m"] for number in range(0, _SHAKY - 1, 2)},
        "gateway": {"max_body_bytes": _MOST_BYTES},
        "server": {"body_timeout_s": 0.5},
    }
