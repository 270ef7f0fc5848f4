"""A plugin that breaks, or that cannot express a call: whose fault it is, and who may go on serving."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from router import BadRequest, ChatCall, Item, Key, ModelCard, Price, ProviderSettings, Reply, UpstreamError, hookimpl
from router.calls.call import ActiveCall
from router.calls.dispatch import Dispatcher
from router.catalogue import Catalogue, OperatorCatalogue, ProviderModels
from router.charging.quote import PriceQuoter
from router.config.schema import BillingSettings
from router.plugin_host.registry import registry_of
from router.providers.configured import ConfiguredProvider
from router.providers.endpoints import Endpoints
from router.providers.health import EndpointHealth
from router.providers.profile import faults_of
from router.providers.resolve import ModelResolver
from router.surfaces.chat.relay import Relay
from router.surfaces.chat.surface import CHAT
from router.surfaces.checked import look
from router.surfaces.measuring import Measure
from router.types.dialect import Dialect
from router.upstream.checking import fault_of_card, fault_of_wire
from router.upstream.compiled import CallWire

BODY = b'{"id":"1","object":"chat.completion","model":"m","choices":[],"usage":{"prompt_tokens":1}}'


class Scripted:
    """A provider whose hook raises what it was told to, or answers."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)

    @hookimpl
    def chat(self, call: ChatCall) -> Reply:
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return Reply(
            [[Item(BODY)]], read_usage=lambda value: None, read_error=lambda value: UpstreamError("server", "x")
        )


class NoRows:
    def version(self) -> int:
        return 1

    def load(self) -> OperatorCatalogue:
        return OperatorCatalogue()


def provider(name: str, plugin: Scripted) -> ConfiguredProvider:
    hooks = registry_of(**{name: plugin}).plugins[name].hooks
    endpoints = Endpoints(name, [EndpointHealth(name, ProviderSettings())])
    return ConfiguredProvider(name, name, ProviderSettings(), hooks, None, endpoints)  # type: ignore[arg-type]


def serve(providers: dict[str, ConfiguredProvider], fallbacks: dict[str, tuple[str, ...]] | None = None) -> ActiveCall:
    """One plain call to ``a/m``; raises what the client would see."""
    listings = {name: ProviderModels([ModelCard("m")]) for name in providers}
    catalogue = Catalogue(listings, OperatorCatalogue((), {}, fallbacks or {}), NoRows())
    resolver = ModelResolver(catalogue, providers)
    body, key = {"model": "a/m", "messages": [{"role": "user", "content": "x"}]}, Key("key_1", "acct_1")
    quoter = PriceQuoter(catalogue, BillingSettings(), with_billing=False)
    found = look("chat", body)
    active = ActiveCall(
        "req_1",
        CHAT,
        key,
        body,
        found,
        Dialect(),
        received_at=0.0,
        drain_s=1.0,
        finished=lambda active, record: None,
    )
    active.plan = quoter.plan(CHAT, key, resolver.route("a/m"))
    active.terms = quoter.terms(active.plan, body, found, 0.0)
    Dispatcher(resolver, max_attempts=4, max_call_s=1e12).open(active).close()
    return active


def test_a_plugin_that_breaks_puts_no_endpoint_to_rest() -> None:
    providers = {"a": provider("a", Scripted(*[RuntimeError("a bug")] * 6, None))}
    for _ in range(6):
        with pytest.raises(UpstreamError, match="provider 'a' failed") as caught:
            serve(providers)
        assert caught.value.kind == "server" and caught.value.detail.endswith("RuntimeError: a bug")
    assert serve(providers).attempts[-1].kind == "ok"


def test_an_upstream_that_fails_as_often_rests_while_another_serves() -> None:
    providers = {
        "a": provider("a", Scripted(*[UpstreamError("server", "down") for _ in range(3)])),
        "b": provider("b", Scripted(*[None] * 6)),
    }
    served = [serve(providers, {"a/m": ("b/m",)}) for _ in range(6)]
    assert [len(active.attempts) for active in served] == [2, 2, 2, 1, 1, 1]


def test_a_quick_failure_is_risked_again_where_nothing_else_can_serve() -> None:
    providers = {"a": provider("a", Scripted(*[UpstreamError("connection", "refused") for _ in range(5)], None, None))}
    for _ in range(5):
        with pytest.raises(UpstreamError, match="refused"):
            serve(providers)
    assert serve(providers).attempts[-1].kind == serve(providers).attempts[-1].kind == "ok"


def test_a_slow_failure_is_not_risked_even_then() -> None:
    providers = {"a": provider("a", Scripted(UpstreamError("timeout", "silent")))}
    with pytest.raises(UpstreamError, match="silent"):
        serve(providers)
    with pytest.raises(UpstreamError, match="left alone"):
        serve(providers)


def test_a_fallback_that_cannot_express_the_call_is_passed_over() -> None:
    cannot = BadRequest("'tool_choice' has no equivalent there.", param="tool_choice")
    providers = {
        "a": provider("a", Scripted(UpstreamError("overloaded", "busy"))),
        "b": provider("b", Scripted(cannot)),
        "c": provider("c", Scripted(None)),
    }
    active = serve(providers, {"a/m": ("b/m", "c/m")})
    assert [(attempt.provider, attempt.kind) for attempt in active.attempts] == [("a", "overloaded"), ("c", "ok")]


def test_the_first_failure_stands_when_no_fallback_can_express_the_call() -> None:
    providers = {
        "a": provider("a", Scripted(UpstreamError("overloaded", "busy"))),
        "b": provider("b", Scripted(BadRequest("no"))),
    }
    with pytest.raises(UpstreamError, match="busy"):
        serve(providers, {"a/m": ("b/m",)})


def test_the_first_providers_refusal_is_for_the_client() -> None:
    providers = {"a": provider("a", Scripted(BadRequest("no"))), "b": provider("b", Scripted(None))}
    with pytest.raises(BadRequest, match="no"):
        serve(providers, {"a/m": ("b/m",)})


def test_a_plugin_that_cannot_compile_its_calls_is_asked_for_each(caplog: pytest.LogCaptureFixture) -> None:
    class Uncompiled(Scripted):
        @hookimpl
        def compiled(self, kind: str) -> CallWire | None:
            raise RuntimeError("a bug")

    providers = {"a": provider("a", Uncompiled(None, None))}
    for _ in range(2):
        assert serve(providers).attempts[-1].kind == "ok"
    assert "asked for each" in caplog.text


MISSING = object()
WIRE: dict[str, object] = {
    "post": print,
    "reply": print,
    "stream": print,
    "edits": None,
    "reads_usage": True,
    "reply_bytes_max": 1,
}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        *(({name: MISSING}, f"has no method '{name}'") for name in ("post", "reply", "stream")),
        *(({name: MISSING}, f"has no '{name}'") for name in ("edits", "reads_usage", "reply_bytes_max")),
        ({"post": "/v1"}, "has no method 'post'"),
        ({"edits": "cost"}, "has edits 'cost', and it must be a compiled pattern of bytes"),
        ({"edits": re.compile("cost")}, "has edits re.compile('cost')"),
        ({"reads_usage": None}, "has reads_usage None, and it must be True or False"),
        ({"reply_bytes_max": 0}, "has reply_bytes_max 0, and it must be a whole number of at least 1"),
        ({"reply_bytes_max": 1.5}, "has reply_bytes_max 1.5"),
    ],
)
def test_a_wire_with_a_bad_member_is_named_and_not_used(
    caplog: pytest.LogCaptureFixture, members: dict[str, object], words: str
) -> None:
    wire = SimpleNamespace(**{name: value for name, value in (WIRE | members).items() if value is not MISSING})

    class Compiled(Scripted):
        @hookimpl
        def compiled(self, kind: str) -> CallWire | None:
            return wire  # type: ignore[return-value]

    assert serve({"a": provider("a", Compiled(None))}).attempts[-1].kind == "ok"
    (line,) = [record.getMessage() for record in caplog.records if "gave no Wire" in record.getMessage()]
    assert line.startswith("provider plugin a gave no Wire for chat calls of a/m: ") and words in line


def test_a_wire_whose_members_cannot_be_read_is_a_plugin_that_breaks(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @property
        def post(self) -> object:
            raise RuntimeError("a bug")

    class Compiled(Scripted):
        @hookimpl
        def compiled(self, kind: str) -> CallWire | None:
            return Broken()  # type: ignore[return-value]

    assert serve({"a": provider("a", Compiled(None))}).attempts[-1].kind == "ok"
    assert "asked for each" in caplog.text


def test_a_whole_wire_has_no_fault() -> None:
    for edits in (None, re.compile(b"cost")):
        assert fault_of_wire(SimpleNamespace(**{**WIRE, "edits": edits})) == ""


def test_a_client_is_told_the_provider_and_not_its_host() -> None:
    failure = UpstreamError("connection", "upstream vault.internal: vault.internal is not in its certificate")
    with pytest.raises(UpstreamError) as caught:
        serve({"a": provider("a", Scripted(failure))})
    assert str(caught.value) == caught.value.message == "a: its host is not in its certificate"


def test_policies_are_told_the_resolved_model_whatever_the_client_called_it() -> None:
    catalogue = Catalogue({"a": ProviderModels([ModelCard("m")])}, OperatorCatalogue((), {"nick": "a/m"}, {}), NoRows())
    resolver = ModelResolver(catalogue, {"a": provider("a", Scripted())})
    quoter = PriceQuoter(catalogue, BillingSettings(), with_billing=False)
    for asked in ("nick", "m", "a/m"):
        plan = quoter.plan(CHAT, Key("key_1", "acct_1"), resolver.route(asked))
        terms = quoter.terms(plan, {"messages": []}, Measure(), 0.0)
        assert terms.quote.model == "a/m"


def replying(*batches: object) -> type:
    class Odd(Scripted):
        @hookimpl
        def chat(self, call: ChatCall) -> Reply:
            given: Any = batches
            return Reply(given, read_usage=lambda value: None, read_error=lambda value: UpstreamError("server", "x"))

    return Odd


class NoReply(Scripted):
    @hookimpl
    def chat(self, call: ChatCall) -> Reply:
        return [[Item(BODY)]]  # type: ignore[return-value]


@pytest.mark.parametrize(
    "plugin",
    [NoReply, replying([BODY]), replying([Item(BODY.decode())]), replying([None]), replying(5)],  # type: ignore[arg-type]
    ids=["no reply", "bytes", "text", "none", "no batch"],
)
def test_what_a_plugin_gives_instead_of_a_reply_is_its_fault_and_named(
    plugin: type, caplog: pytest.LogCaptureFixture
) -> None:
    providers = {"a": provider("a", plugin())}
    for _ in range(6):  # and no endpoint rests for it
        with pytest.raises(UpstreamError, match="'a' failed"):
            serve(providers)
    assert "plugin a" in caplog.text


@pytest.mark.parametrize("bad", [b"{}", None, 7])
def test_odd_items_of_a_stream_are_the_plugins_fault(bad: Any) -> None:
    made = Relay(ChatCall("r", "a/m", {}, stream=True), Dialect())
    made.begin(Reply([], read_usage=lambda value: None, read_error=lambda value: UpstreamError("server", "x")), "a")
    with pytest.raises(UpstreamError, match="'a' failed"):
        made.frames([bad])
    good = Item(b'{"choices":[{"index":0,"delta":{"content":"x"}}]}')
    assert made.frames([good, bad]), "what came before it goes out"
    with pytest.raises(UpstreamError, match="'a' failed"):
        made.check()


@pytest.mark.parametrize(
    ("card", "fault"),
    [
        ({"model": "m"}, "not dict"),
        (ModelCard(""), "printable"),
        (ModelCard("m", "song"), "speech"),
        (ModelCard("m", context_window=1e5), "context_window"),  # type: ignore[arg-type]
        (ModelCard("m", prompt_overhead=-1), "prompt_overhead"),
        (ModelCard("m", price=Price(input=0.5)), "input"),  # type: ignore[arg-type]
        (ModelCard("m", price="0.5"), "no router.Price"),  # type: ignore[arg-type]
        (ModelCard("m", "embeddings", price=Price(input=1), context_window=9), ""),
    ],
)
def test_cards_are_checked(card: Any, fault: str) -> None:
    found = fault_of_card(card)
    assert fault in found and bool(found) is bool(fault)


class Textual(Dialect):
    def frames(self, chunks: Any) -> bytes:
        return "data"  # type: ignore[return-value]


class Broken(Dialect):
    def heartbeat(self) -> bytes:
        raise ValueError("no heart")

    def error_status(self, error: Any) -> int:
        return 200


def test_a_dialect_is_tried_at_the_start() -> None:
    assert list(faults_of(Dialect())) == []
    assert any("frames gives str" in fault for fault in faults_of(Textual()))
    heart, status = list(faults_of(Broken()))
    assert "no heart" in heart and "200" in status
