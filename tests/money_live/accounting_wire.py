"""A house for usage: every bundled provider, prices with odd decimals, a currency that is not the lists'."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from money_plans import Plan
from money_wire import House, TestKey, open_house

from router.testing import Answer, ReceivedRequest, Script, ScriptedUpstream, Stream, chunks, completion
from router.testing.upstream.wires import WIRES

__all__ = ["CAP", "FRAIL", "PROMPT", "RATES", "charge_of", "open_accounting", "told"]

PROMPT = "x" * 4000
"""A prompt that is good for as many tokens."""

CAP = 1000
FRAIL = 20
"""How many providers ``frail0`` ... there are for calls that fail: each is then left alone for a while."""

RATES = {"input": "2.50", "cached_input": "1.250000007", "output": "10", "reasoning": "20.000000001"}
_EYE = """
from router import ModelCard, Price
from router.upstream.compatible import CompatibleProvider

TOKEN = Price(input=1_000_000_000, output=1_000_000_000)

class Seer(CompatibleProvider):
    cards = (
        ModelCard("eye", context_window=100_000, max_output=500, image_tokens=1_105, price=TOKEN),
        ModelCard("blind", context_window=100_000, max_output=500, price=TOKEN),
    )

plugin = Seer()
"""


@contextlib.contextmanager
def open_accounting(folder: Path, url: str, install: Any, monkeypatch: Any) -> Iterator[House]:
    """The balance currency is EUR, one USD is 0.92 of it, and lists are marked up by a half."""
    install(folder / "site", "router-seer", "seer", _EYE)
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    names = ["shop/chat", "ollama/llama", *(f"{wire.name}/{wire.model}" for wire in WIRES.values())]
    prices: dict[str, Any] = dict.fromkeys(names, RATES)
    prices |= {"shop/embed": {"input": "0.13"}} | {f"frail{number}/m": RATES for number in range(FRAIL)}
    config = {"gateway": {"currency": "EUR"}, "billing": {"usd_rate": "0.92", "markup": "1.5"}, "prices": prices}
    also: dict[str, dict[str, Any]] = {"shop": {"models": ["chat", "embed"]}}
    also |= {f"frail{number}": {"models": ["m"]} for number in range(FRAIL)}
    also |= {name: {"kind": name, "models": []} for name in ("openai", "seer")}
    also |= {wire.name: {"kind": wire.name, "models": [wire.model]} for wire in WIRES.values()}
    with ScriptedUpstream() as native:
        native.on("/api/chat", _ollama)
        also["ollama"] = {"kind": "ollama", "base_url": native.url.removesuffix("/v1"), "models": ["llama"]}
        with open_house(folder, url, config=config, also=also) as house:
            yield house
            house.verify()


def told(*usages: Mapping[str, Any] | None) -> Plan:
    """An answer with this usage; in a stream with each of them, on a chunk of its own or, the last, after the words."""

    def answer(request: ReceivedRequest) -> Script:
        if not request.json().get("stream"):
            return Answer(completion("one two three", usage=usages[-1]))
        events = chunks("one ", "two ", "three")
        for event, usage in zip(events[1:], usages[:-1], strict=False):
            event["usage"] = usage
        last = [] if usages[-1] is None else [events[-1] | {"choices": [], "usage": usages[-1]}]
        return Stream([*events, *last])

    return answer


def _ollama(request: ReceivedRequest) -> Script:
    """What the client says, in JSON, as the counters of an answer."""
    said = json.loads(request.json()["messages"][0]["content"])
    return Answer({"model": "llama", "message": {"role": "assistant", "content": "42"}, "done": True, **said})


def charge_of(prompt: int, completion: int, cached: int = 0, reasoning: int = 0) -> int:
    """What ``RATES`` make of tokens, in nano-units: worked out in whole numbers of 10⁻¹⁵."""
    total = (prompt - cached) * 2_500_000_000 + cached * 1_250_000_007
    total += (completion - reasoning) * 10_000_000_000 + reasoning * 20_000_000_001
    return -(-total // 10**6)


def embed(house: House, key: TestKey, usage: Mapping[str, Any] | None, inputs: Sequence[str]) -> None:
    """An embeddings call whose usage the upstream tells so."""
    vectors = [{"object": "embedding", "index": index, "embedding": [0.5]} for index in range(len(inputs))]
    body = {"object": "list", "data": vectors, "model": "embed"} | ({"usage": usage} if usage else {})
    house.upstream.script(Answer(body), path="/v1/embeddings")
    made = (
        house.gateways[0]
        .client(key.text)
        .embeddings.create(model="shop/embed", input=list(inputs), encoding_format="float")
    )
    assert len(made.data) == len(inputs), json.dumps(body)
