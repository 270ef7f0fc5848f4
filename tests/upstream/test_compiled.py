"""The wires of OpenAI's base class: who gets one, what is asked once and what with each call, over both transports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from raw_upstream import Peer, RawUpstream, answer
from upstream_client import QUICK, make_transport

from router import (
    AnyCall,
    CallContext,
    ChatCall,
    ProviderSettings,
    Reply,
    Secret,
    UpstreamError,
    hookimpl,
)
from router.types.transport import Response
from router.upstream.compatible import CompatibleChatProvider, CompatibleProvider

BODY = {"model": "p/m", "messages": [{"role": "user", "content": "Hi é"}]}
GOOD = answer(b'  {"choices": []}', head="Content-Type: application/json\r\n")


@dataclass
class Sent:
    """A call, and what became of its request."""

    body: dict[str, Any] = field(default_factory=lambda: dict(BODY))
    stream: bool = False
    taken_on: bool = False
    failures: list[UpstreamError] = field(default_factory=list)

    @property
    def call(self) -> ChatCall:
        return ChatCall("req_1", "p/m", self.body, self.stream)

    def resent(self, failure: UpstreamError) -> None:
        self.failures.append(failure)


class Counting(CompatibleProvider):
    """Counts how often its headers are asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def headers(self, context: CallContext) -> dict[str, str]:
        self.asked += 1
        return super().headers(context) | {"X-Asked": str(self.asked)}


class Signing(Counting):
    def call_headers(self, call: AnyCall, context: CallContext) -> dict[str, str]:
        return {"X-Signed": str(len(call.body["messages"])), "X-Asked": "never: the fixed ones go before"}


class Older(CompatibleProvider):
    """Headers as they were written before hooks 0.2."""

    def headers(self, call: ChatCall, context: CallContext) -> dict[str, str]:  # type: ignore[override]
        return super().headers(call, context) | {"X-Of": call.body.get("user", "nobody")}  # type: ignore[call-arg,arg-type]


class OlderStill(Counting):
    """The same, on a class that has the new form."""

    def headers(self, call: ChatCall, context: CallContext) -> dict[str, str]:  # type: ignore[override]
        return super().headers(call, context) | {"X-Of": call.body.get("user", "nobody")}  # type: ignore[call-arg,arg-type]


class Upstream:
    """Answers each request of its connections, and keeps it."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while True:
            head, body = peer.request()
            self.heads.append(head)
            self.bodies.append(body)
            peer.send(GOOD)


def context_at(url: str, transport: Any) -> CallContext:
    return CallContext("p", "m", ProviderSettings(api_key=Secret("sk-1"), base_url=url), transport, QUICK)


@pytest.mark.parametrize(
    ("cls", "asked", "header"),
    [
        (Counting, 1, b"X-Asked: 1"),
        (Signing, 2, b"X-Signed: 1"),
        (Older, None, b"X-Of: me"),
        (OlderStill, 2, b"X-Of: me"),
    ],
)
def test_headers_are_asked_once_or_with_each_call(cls: type[Any], asked: int | None, header: bytes) -> None:
    plugin, upstream, transport = cls(), Upstream(), make_transport()
    with RawUpstream(upstream) as raw:
        wire = plugin.compiled(kind="chat", context=context_at(raw.url, transport))
        for _ in range(2):
            sent = Sent({**BODY, "user": "me"})
            response: Response = wire.post(sent, sent.body, QUICK, sent)
            assert response.read(wire.reply_bytes_max).strip() == b'{"choices": []}'
            assert sent.taken_on and not sent.failures
        assert raw.connections == 1
    for head in upstream.heads:
        assert header in head and b"Authorization: Bearer sk-1" in head
    assert asked is None or plugin.asked == asked
    assert upstream.bodies[0].decode().count("é") == 1
    transport.close()


class OwnHook(CompatibleProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        reply: Reply = super().chat(call, context)
        return reply


class OwnSend(CompatibleChatProvider):
    def send(self, *arguments: Any) -> Response:
        return super().send(*arguments)


def test_who_does_what_only_its_hook_knows_has_no_wire() -> None:
    context = context_at("http://127.0.0.1:1", make_transport())
    assert OwnHook().compiled("chat", context) is None
    assert OwnHook().compiled("embeddings", context) is not None
    assert OwnSend().compiled("chat", context) is None
    assert CompatibleChatProvider().compiled("embeddings", context) is None


class Strange(CompatibleProvider):
    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        return {**super().chat_body(call, context), "odd": float("nan")}


def test_what_a_step_makes_is_json_or_a_fault() -> None:
    context = context_at("http://127.0.0.1:1", make_transport())
    wire, sent = Strange().compiled("chat", context), Sent()
    assert wire is not None
    with pytest.raises(ValueError, match="JSON"):
        wire.post(sent, sent.body, QUICK, sent)
    assert not sent.taken_on


def test_lone_surrogates_are_escaped() -> None:
    upstream, sent = Upstream(), Sent({**BODY, "user": "\ud800"})
    with RawUpstream(upstream) as raw:
        wire = CompatibleProvider().compiled("chat", context_at(raw.url, make_transport()))
        assert wire is not None
        wire.post(sent, sent.body, QUICK, sent).close()
    assert rb'"user":"\ud800"' in upstream.bodies[0]
