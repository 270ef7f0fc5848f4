"""How long a plugin's call may take and be silent, as the hook is told; and that no wall clock has a say in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from line_wire import Line

from router.testing import Gateway, ScriptedUpstream

TOLD = '''
import time
from router import Item, ModelCard, Reply, Usage, hookimpl

REAL = time.time
AHEAD_S = {"ahead": 7200, "back": -7200}
KNOWN = {"context_window": 8000, "max_output": 100}


class Teller:
    """Answers with the limits that it is given."""

    @hookimpl
    def models(self):
        cards = [ModelCard("quick", **KNOWN), ModelCard("thinks", reasoning=True, **KNOWN)]
        return [*cards, ModelCard("unknown"), *(ModelCard(name, **KNOWN) for name in AHEAD_S)]

    @hookimpl
    def chat(self, call, context):
        limits = context.timeouts
        time.time = lambda: REAL() + AHEAD_S.get(context.model, 0)
        text = f"{limits.first_byte} {limits.idle}"
        part = "delta" if call.stream else "message"
        said = f'{{"index":0,"{part}":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}'
        body = f'{{"id":"1","object":"o","created":1,"model":"m","choices":[{said}]}}'.encode()
        return Reply([[Item(body)]], read_usage=lambda value: Usage(1, 1), read_error=lambda value: None)


plugin = Teller()
'''
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, install: Any) -> Iterator[Line]:
    site = tmp_path_factory.mktemp("site")
    install(site, "router-teller", "teller", TOLD)
    own = {"timeouts": {"first_byte": 7, "idle": 8}}
    providers = {name: {"kind": "teller", "api_key": "k"} | extra for name, extra in (("teller", {}), ("own", own))}
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    folder: Path = tmp_path_factory.mktemp("limits")
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=providers, env={"PYTHONPATH": path}, billing=False) as gateway,
    ):
        yield Line(gateway, upstream)


@STREAM
@pytest.mark.parametrize(
    ("model", "plain", "streamed"),
    [
        ("teller/quick", "None 60.0", "60.0 60.0"),
        ("teller/thinks", "600.0 600.0", "600.0 600.0"),
        ("teller/unknown", "600.0 600.0", "600.0 600.0"),
        ("own/thinks", "7.0 8.0", "7.0 8.0"),
        ("own/quick", "7.0 8.0", "7.0 8.0"),
    ],
)
def test_how_long_a_model_may_be_silent_follows_the_model(
    line: Line, model: str, plain: str, streamed: str, stream: bool
) -> None:
    """A plain answer of one that does not reason begins when it is whole, and so has the time of the whole call."""
    answered = line.post(line.body(model, stream=stream))
    assert answered.status == 200, answered.body
    expected = streamed if stream else plain
    assert f'"content":"{expected}"'.encode() in answered.body, answered.body


@STREAM
@pytest.mark.parametrize("jump", ["ahead", "back"])
def test_a_clock_that_jumps_during_a_call_ends_and_measures_nothing(line: Line, jump: str, stream: bool) -> None:
    answered = line.post(line.body(f"teller/{jump}", stream=stream))
    assert answered.status == 200, answered.body
    row = line.row(answered)
    assert (row["status"], row["ending"]) == (200, "ok")
    assert 0 <= row["latency_ms"] < 600_000
    assert all(0 <= attempt["latency_ms"] < 600_000 for attempt in row["attempts"])
