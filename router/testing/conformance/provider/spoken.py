"""What the rules for surfaces that a provider speaks itself share: how such a call is made, and what an upstream says.

A plugin has its hook ``responses`` or ``messages`` for it; without one it is asked through chat, and no rule looks on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from router.testing.conformance.base import NotOffered
from router.testing.conformance.provider.bench import ASK, SPOKEN, ProviderBench
from router.testing.conformance.provider.heard import NO_HEADERS, Heard
from router.testing.conformance.provider.inside import Inside, inside, record_of
from router.testing.upstream.scripts import Answer, Script, Stream
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Reply, SurfaceCall

__all__ = ["MESSAGE_HEADERS", "SpokenSurface", "calling", "data_of", "surfaces_of"]

_CONTENT: Mapping[str, Mapping[str, Any]] = {
    "responses": {"input": list(ASK)},
    "messages": {"messages": list(ASK), "max_tokens": 64},
}
"""Hook -> a body, without model and stream."""
MESSAGE_HEADERS: Mapping[str, str] = {
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "context-management-2025-06-27,of-tomorrow-2030-01-01",
}
"""What belongs to a body of Anthropic's API."""


@dataclass(frozen=True)
class SpokenSurface:
    """A surface that the plugin under test speaks itself.

    Attributes:
        bench: the plugin's.
        hook: by which it is asked; the last part of the path, too.
        wire: what its upstream says there.
    """

    bench: ProviderBench
    hook: str
    wire: Wire

    @property
    def errors(self) -> Sequence[ErrorRow]:
        """The documented errors."""
        return self.wire.errors or self.bench.wire.errors

    @property
    def headers(self) -> Mapping[str, str]:
        """Request headers that belong to the body."""
        return MESSAGE_HEADERS if self.hook == "messages" else NO_HEADERS

    def body(self, model: str, *, stream: bool, **fields: Any) -> dict[str, Any]:
        """The body of a call."""
        return {"model": model, "stream": stream, **_CONTENT[self.hook], **fields}

    def ask(self, model: str = "", *, stream: bool, **fields: Any) -> Heard:
        """A call through the gateway, to ``good`` where no model is named."""
        body = self.body(model or self.bench.good, stream=stream, **fields)
        return self.bench.post(f"/{self.hook}", body, self.headers)

    def hooked(self, held: Inside, body: Mapping[str, Any]) -> Reply:
        """The hook's reply to a body, from inside."""
        streamed, name = body["stream"] is True, str(body["model"])
        call = SurfaceCall("req_conformance", name, body, streamed, True, self.hook, self.headers)
        reply: Reply = self.bench.plugin.hooks[self.hook](call=call, context=held.context)
        return reply

    def reply(self, stream: bool, *words: str, **fields: Any) -> Script:
        """A good answer of the upstream's."""
        return (self.wire.stream if stream else self.wire.plain)(*words, **fields)

    def long_stream(self) -> Stream:
        """A good answer of some length."""
        script = self.reply(True, *"abcdefgh")
        assert isinstance(script, Stream), "a wire's stream is a Stream"
        return script


def surfaces_of(bench: ProviderBench) -> list[SpokenSurface]:
    """Those that the plugin speaks.

    Raises:
        NotOffered: it speaks none.
    """
    lacking = record_of(bench.plugin, bench.section).lacks_hooks()
    hooks = [hook for hook in SPOKEN if hook in bench.plugin.hooks and hook not in lacking]
    if not hooks:
        raise NotOffered("it has no hook of a surface besides chat")
    return [SpokenSurface(bench, hook, bench.wire.spoken.get(hook, SPOKEN[hook])) for hook in hooks]


@contextmanager
def calling(surface: SpokenSurface, body: Mapping[str, Any]) -> Iterator[Reply]:
    """The hook's reply to a body, from inside, closed when the block ends."""
    with inside(surface.bench) as held, closing(surface.hooked(held, body)) as reply:
        yield reply


def data_of(script: Script) -> list[bytes]:
    """What each item of a reply must be: the data of each event; of a plain answer its body."""
    whole = b"".join(part for part in script.parts() if isinstance(part, bytes))
    if isinstance(script, Answer):
        return [whole]
    lines = (line for line in whole.split(b"\n") if line.startswith(b"data: "))
    return [line.removeprefix(b"data: ") for line in lines]
