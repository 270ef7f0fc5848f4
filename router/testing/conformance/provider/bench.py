"""What the rules for providers share: the plugin in a running gateway, before an upstream that speaks its wire."""

from __future__ import annotations

import itertools
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from router.db.database import Database
from router.metering.usage_rows import list_usage
from router.plugin_host.registry import Plugin
from router.store.opening import open_database
from router.testing.conformance.base import Failed, NotOffered, Suite
from router.testing.conformance.provider.heard import NO_HEADERS, Heard, listen
from router.testing.gateway import Gateway
from router.testing.upstream.scripts import Raw, Script
from router.testing.upstream.server import Handler, ScriptedUpstream
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.openai import OPENAI
from router.testing.upstream.wires.responses import RESPONSES
from router.testing.upstream.wires.shape import Wire
from router.types.records import CallRecord

__all__ = ["ASK", "HASTY_S", "PROVIDER", "SPOKEN", "ProviderBench", "wire_of"]

ASK: list[Mapping[str, Any]] = [{"role": "user", "content": "What is six times seven?"}]
HASTY_S = 0.6
"""How long the gateway waits at the sections that are there for slow upstreams."""
SPOKEN: Mapping[str, Wire] = {"responses": RESPONSES, "messages": ANTHROPIC}
"""Hook -> wire of a surface that an upstream may speak beside chat, where its own wire says nothing of it."""
_GOOD = "good"
_SPARES = 40


@dataclass
class ProviderBench:
    """One provider under test.

    A failed call gives its section a rest, so each call that is meant to fail goes to a section of its own.

    Attributes:
        plugin: the plugin.
        wire: what its upstream speaks.
        upstream: plays it.
        gateway: a gateway with many sections of the plugin's.
        database: the gateway's.
        section: the plugin's section of the configuration.
        heard: all that the gateway answered so far.
    """

    plugin: Plugin
    wire: Wire
    upstream: ScriptedUpstream
    gateway: Gateway
    database: Database
    section: Mapping[str, Any]
    heard: list[Heard] = field(default_factory=list)
    _spares: Iterator[int] = field(default_factory=itertools.count)
    _hasty: Iterator[int] = field(default_factory=itertools.count)

    @property
    def api_key(self) -> str:
        """Our key at the upstream: a canary that must show up nowhere else."""
        return str(self.section["api_key"])

    @property
    def good(self) -> str:
        """The model at a section where nothing fails."""
        return f"{_GOOD}/{self.wire.model}"

    def spare(self) -> str:
        """The model at a section that has not failed yet."""
        return f"spare{next(self._spares)}/{self.wire.model}"

    def with_fallback(self, number: int) -> str:
        """The model at a section from where calls may go on to ``good``; each number fails once."""
        return f"backed{number}/{self.wire.model}"

    def hasty(self) -> str:
        """The model at a section that waits for nothing longer than ``HASTY_S``."""
        return f"hasty{next(self._hasty)}/{self.wire.model}"

    def need(self, hook: str) -> None:
        """Raises:
        NotOffered: the plugin does not implement the hook.
        """
        if hook not in self.plugin.hooks:
            raise NotOffered(f"it has no {hook} hook")

    def need_upstream(self, what: str) -> None:
        """Raises:
        NotOffered: the upstream has no such thing, as the wire says.
        """
        if what in self.wire.lacks:
            raise NotOffered(f"its upstream has no {what}")

    def script(self, *scripts: Script | Raw | Handler) -> None:
        """Have the upstream answer the next requests so, and forget what was left over.

        Raises:
            NotOffered: the plugin asks no upstream.
        """
        if self.wire.no_upstream:
            raise NotOffered(self.wire.no_upstream)
        self.upstream.reset()
        if self.wire.prepare is not None:
            self.wire.prepare(self.upstream)
        self.upstream.script(*scripts)

    def good_reply(self, stream: bool, *words: str, **fields: Any) -> Script:
        """A good reply on the plugin's wire."""
        return (self.wire.stream if stream else self.wire.plain)(*words, **fields)

    def ask(self, model: str = "", *, stream: bool = False, **fields: Any) -> Heard:
        """One chat call, to ``good`` where no model is named.

        Raises:
            NotOffered: the plugin has no chat hook.
        """
        self.need("chat")
        body = {"model": model or self.good, "messages": ASK, "stream": stream, **fields}
        return self.post("/chat/completions", body)

    def embed(self, model: str, inputs: Any, **fields: Any) -> Heard:
        """One embeddings call."""
        return self.post("/embeddings", {"model": model, "input": inputs, **fields})

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS) -> Heard:
        """A call by any surface, at a path below the base URL."""
        found = listen(self.gateway.base_url, self.gateway.api_key, path, body, headers)
        self.heard.append(found)
        return found

    def row(self, heard: Heard) -> CallRecord:
        """The usage row of one of the last calls, which may be written a moment after its answer.

        Raises:
            Failed: there is none.
        """
        rows: dict[str, CallRecord] = {}

        def written() -> bool:
            rows.update((row.request_id, row) for row in list_usage(self.database, limit=10))
            return heard.request_id in rows

        try:
            self.upstream.wait_for(written)
        except TimeoutError:
            raise Failed(f"the call {heard.request_id or 'without an ID'} (status {heard.status}) has no row") from None
        return rows[heard.request_id]

    def sent_at(self, place: str) -> Any:
        """What the body that the upstream received last has at a place, names joined by dots; None where nothing is.

        Raises:
            Failed: it has received nothing.
        """
        value = self.sent()
        for name in filter(None, place.split(".")):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def sent(self) -> Any:
        """The body that the upstream received last.

        Raises:
            Failed: it has received nothing.
        """
        if not self.upstream.requests:
            raise Failed("the upstream was sent nothing")
        return self.upstream.last.json()


def wire_of(plugin: str) -> Wire:
    """The wire that an entry point of this name in the group ``router.wires`` gives; OpenAI's where there is none."""
    for point in metadata.entry_points(group="router.wires", name=plugin):
        wire: Wire = point.load()
        return wire
    return OPENAI


@contextmanager
def _open_bench(plugin: Plugin) -> Iterator[ProviderBench]:
    """A gateway and an upstream for a plugin, gone when the block ends."""
    wire = wire_of(plugin.name)
    played = ScriptedUpstream(endpoints=wire.endpoints, any_credentials=wire.auth is not None)
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder, played as upstream:
        origin = upstream.url.removesuffix("/v1")
        settings = {name: _at_origin(value, origin) for name, value in wire.settings.items()}
        section = {
            "base_url": origin + wire.base_path,
            "api_key": f"sk-canary-{secrets.token_hex(12)}",
            **settings,
        }
        config = _config(plugin, wire, section)
        with Gateway(Path(folder), providers={}, config=config, billing=False) as gateway:
            database = open_database("sqlite:///router.db", Path(folder))
            try:
                yield ProviderBench(plugin, wire, upstream, gateway, database, section)
            finally:
                database.close()


def _at_origin(value: Any, origin: str) -> Any:
    """A setting, with the upstream's address in it."""
    return origin + value.removeprefix("{origin}") if isinstance(value, str) and value.startswith("{origin}") else value


def _config(plugin: Plugin, wire: Wire, section: Mapping[str, Any]) -> dict[str, Any]:
    section = {**section, "kind": plugin.name, "unlisted": True}
    backed = [f"backed{number}" for number in range(len(wire.errors))]
    spoken = [one for hook, one in {**SPOKEN, **wire.spoken}.items() if hook in plugin.hooks]
    failing = 4 * len(wire.errors) + sum(2 * len(one.errors or wire.errors) for one in spoken)
    spare = [f"spare{number}" for number in range(failing + _SPARES)]
    limits = {"connect": 5.0, "first_byte": HASTY_S, "idle": HASTY_S, "whole": HASTY_S}
    hasty = {f"hasty{number}": {**section, "timeouts": limits} for number in range(_SPARES)}
    cancelling = {"cancelling": {**section, "on_disconnect": "cancel"}}
    return {
        "providers": {**dict.fromkeys([_GOOD, *backed, *spare], section), **hasty, **cancelling},
        "fallback": {f"{name}/{wire.model}": [f"{_GOOD}/{wire.model}"] for name in backed},
    }


PROVIDER: Suite[ProviderBench] = Suite("provider", _open_bench)
