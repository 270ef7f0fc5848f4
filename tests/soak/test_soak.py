"""Fifty thousand mixed calls on every surface, half of which fail or are left, five hundred at once: nothing grows,
nothing is lost. ``make soak``; SOAK_CALLS says how many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mixed_calls import BAD, GOOD, unexpected

from router.testing import Answer, Gateway, ReceivedRequest, ScriptedUpstream, Stream, chunks, completion, free_port
from router.testing import token_usage as used

HERE = Path(__file__).parent
CALLS = int(os.environ.get("SOAK_CALLS", "50000"))
CLIENTS, WORKERS = 500, 2
WARM_UP = CALLS  # the allocator keeps what bursts of five hundred have taken, and each larger burst adds to it
_GIVEN_BACK_S = 6.0
_COUNTS = 'route="/v1/messages/count_tokens",status="429"'  # free, but not without end
USAGE = used(8, 8)
MODELS: dict[str, Any] = {
    "talk": {"kind": "chat", "context_window": 1000},
    "write": {"kind": "completions", "context_window": 1000},
    "embed": {"kind": "embeddings", "context_window": 1000},
    "judge": {"kind": "moderations", "context_window": 1000},
    "paint": {"kind": "images"},
    "voice": {"kind": "speech"},
    "ear": {"kind": "transcriptions"},
    "rank": {"kind": "rerank"},
}
PRICES = {
    "acme/talk": {"input": "1", "output": "2"},
    "acme/write": {"input": "1", "output": "2"},
    "acme/embed": {"input": "0.1"},
    "acme/judge": {"input": "0.1"},
    "acme/paint": {"per_image": "0.0004"},
    "acme/voice": {"per_million_characters": "15"},
    "acme/ear": {"per_second": "0.0001"},
    "acme/rank": {"per_search": "0.0002"},
}


def talk(request: ReceivedRequest) -> Answer | Stream:
    """A provider's chat: by its last word the prompt says what goes wrong."""
    body = request.json()
    told = str(body["messages"][-1]["content"])
    words = ["word "] * 8
    if "refuse" in told:
        return Answer.error(400, "That is not answered here.", code="bad_prompt")
    if not body.get("stream"):
        return Answer(completion("".join(words), model="talk", usage=USAGE), delay_s=0.3 if "slow" in told else 0.0)
    events = chunks(*words, model="talk", usage=USAGE, include_usage=True)
    if "cut" in told:
        return Stream(events, cut_after=3)
    return Stream(events, gap_s=0.1 if "slow" in told else 0.002)


def write(request: ReceivedRequest) -> Answer | Stream:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "write"}
    if not request.json().get("stream"):
        return Answer({**head, "choices": [{"index": 0, "text": "word", "finish_reason": "stop"}], "usage": USAGE})
    pieces: list[Any] = [{**head, "choices": [{"index": 0, "text": "word ", "finish_reason": None}]}] * 8
    end = {**head, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return Stream([*pieces, end, {**head, "choices": [], "usage": USAGE}])


def speak(request: ReceivedRequest) -> Answer:
    slow = request.json()["input"] == "slow"
    sound = {"Content-Type": "audio/mpeg"}
    return Answer(bytes(40_000), headers=sound, framing="chunked", write_size=4096, gap_s=0.05 if slow else 0.0)


ANSWERS: dict[str, Any] = {
    "/v1/chat/completions": talk,
    "/v1/completions": write,
    "/v1/audio/speech": speak,
    "/v1/moderations": Answer({"id": "m", "model": "judge", "results": [{"flagged": False}], "usage": USAGE}),
    "/v1/images/generations": Answer({"created": 1, "data": [{"b64_json": "aGk="}]}),
    "/v1/audio/transcriptions": Answer({"text": "hello", "duration": 1.0}),
    "/v1/rerank": Answer({"results": [{"index": 1, "relevance_score": 0.9}]}),
}


class Soaked:
    """A gateway that measures, with its upstream."""

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream, metrics_port: int) -> None:
        self.gateway, self.upstream = gateway, upstream
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        account = gateway.router("accounts", "create", "Without credit")["id"]
        self._poor: str = gateway.router("keys", "create", "--account", account, "--name", "poor")["api_key"]
        for path, answer in ANSWERS.items():
            upstream.on(path, answer)

    def crowd(self, calls: int, seed: int) -> Counter[str]:
        asked = {
            "port": self.gateway.port,
            "key": self.gateway.api_key,
            "poor": self._poor,
            "calls": calls,
            "clients": CLIENTS,
            "seed": seed,
        }
        program = [sys.executable, str(HERE / "mixed_crowd.py")]
        done = subprocess.run(program, input=json.dumps(asked) + "\n", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Counter(json.loads(done.stdout))

    def figures(self) -> dict[str, float]:
        """What it tells Prometheus: series -> number."""
        with urllib.request.urlopen(self._metrics, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def rest(self) -> None:
        """Wait until no call is under way, no client's connection is open, and the pool has closed what it kept."""

        def still() -> bool:
            found = self.figures()
            waits = (
                "router_calls_under_way",
                "router_connections",
                "router_holds{",
                "router_holds ",
                "router_journal_backlog",
            )
            return not any(number for name, number in found.items() if f"{name} ".startswith(waits))

        self.upstream.wait_for(lambda: not self.upstream.open_connections and still(), timeout_s=240)

    def held(self) -> dict[int, dict[str, int]]:
        """Process -> what each worker holds, as it says itself."""
        found: dict[int, dict[str, int]] = {}

        def every() -> bool:
            with urllib.request.urlopen(f"{self.gateway.url}/plugins/census/held", timeout=30) as answer:
                one = json.load(answer)
            found[one.pop("process")] = one
            return len(found) == WORKERS

        self.upstream.wait_for(every, timeout_s=60)
        return found

    def settled(self) -> dict[int, dict[str, int]]:
        """The same, once no worker gives memory back any more, as it does a few seconds after the last call."""
        held = self.held()
        while True:
            time.sleep(_GIVEN_BACK_S)
            was, held = held, self.held()
            if all(one["resident"] > 0.99 * was[process]["resident"] for process, one in held.items()):
                return held


@pytest.fixture
def soaked(tmp_path: Path, install: Callable[[Path, str, str, str], None]) -> Iterator[Soaked]:
    port = free_port()
    install(tmp_path / "site", "soak-census", "census", HERE.joinpath("census.py").read_text(encoding="utf-8"))
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": MODELS}
        providers = {"acme": acme, "frail": acme}  # what breaks off rests, and hurts nobody else's calls
        config = {"prices": {**PRICES, "frail/talk": PRICES["acme/talk"]}, "metrics": {"listen": f"127.0.0.1:{port}"}}
        env = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))}
        home = tmp_path / "home"
        with Gateway(home, providers=providers, config=config, env=env, workers=WORKERS) as gateway:
            gateway.router("credits", "grant", gateway.account, "1000000", "--reason", "a soak's")
            yield Soaked(gateway, upstream, port)


def check_books(gateway: Gateway, had: Decimal, calls: int) -> None:
    """Each call that was let in has one row and one line; the rows' sum is what the account lost; nothing is held."""
    assert gateway.router("ledger", "verify")["ok"]
    rows = gateway.router("usage", "hours", "--since", "2000-01-01")
    assert sum(int(row["calls"]) for row in rows) == calls
    charged = sum((Decimal(row["charge"]) for row in rows), Decimal())
    account = gateway.router("accounts", "show", gateway.account)
    assert Decimal(account["held"]) == 0 and Decimal(account["balance"]) == had - charged


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_nothing_grows_and_nothing_is_lost(soaked: Soaked) -> None:
    had = Decimal(soaked.gateway.router("accounts", "show", soaked.gateway.account)["balance"])
    warm = soaked.crowd(WARM_UP, 1)
    soaked.rest()
    before, series = soaked.settled(), set(soaked.figures())
    lines = len(soaked.gateway.log)
    seen = soaked.crowd(CALLS, 2)
    soaked.rest()
    after = soaked.settled()
    more = {one for one in set(soaked.figures()) - series if _COUNTS not in one}
    print(f"{CALLS:,} calls: {dict(sorted(seen.items()))}\nbefore {before}\nafter  {after}\nnew series {sorted(more)}")
    assert not unexpected(warm + seen)
    assert {told.rpartition(": ")[0] for told in seen} == {*GOOD, *BAD}
    assert set(before) == set(after), "a worker was replaced"
    for process, was in before.items():
        now = after[process]
        assert now["resident"] <= was["resident"] * 1.1, (was, now)
        assert now["greenlets"] <= was["greenlets"] + 2 and now["threads"] <= was["threads"], (was, now)
        assert now["descriptors"] <= was["descriptors"] + 8, (was, now)
    assert not more
    told = soaked.gateway.log[lines:]
    assert len(told) <= CALLS * 1.02, "a line for each call, and next to nothing else"
    calls = sum(line.get("event") == "call" for line in soaked.gateway.log)
    check_books(soaked.gateway, had, calls)
