"""Observers are told of first outputs and of when attempts began, in the order of what happened."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from router.testing import Answer, Gateway, ScriptedUpstream, stream

NOSY = """
import json
from pathlib import Path
from router import hookimpl

class Nosy:
    @hookimpl
    def startup(self, context):
        self.file = Path("heard")
    def _told(self, what, *more):
        with self.file.open("a") as file:
            file.write(json.dumps([what, *more]) + "\\n")
    @hookimpl
    def call_output(self, record):
        self._told("output", record.provider, record.streamed, record.first_token_ms)
    @hookimpl
    def attempt_finished(self, record):
        self._told("attempt", record.number, record.began_at)
    @hookimpl
    def call_finished(self, record):
        self._told("call", record.first_token_ms)

plugin = Nosy()
"""


def test_observers_hear_of_the_first_output(tmp_path: Path, install: Callable[..., None]) -> None:
    install(tmp_path, "third-nosy", "nosy", NOSY)
    env = {"PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))}
    with ScriptedUpstream() as upstream:
        upstream.on("/v1/chat/completions", Answer.error(503))
        upstream.script(Answer.error(503), stream("Hel", "lo"))
        section = {"kind": "compatible", "api_key": "k", "unlisted": True, "base_url": upstream.url}
        config = {
            "prices": {f"{name}/x": {"input": "1", "output": "2"} for name in ("one", "two")},
            "fallback": {"one/x": ["two/x"]},
        }
        began = time.time()
        with Gateway(tmp_path, providers={"one": section, "two": section}, config=config, env=env) as gateway:
            create = gateway.client().chat.completions.create
            said = list(create(model="one/x", messages=[{"role": "user", "content": "Hi"}], stream=True))
            assert said
            heard = tmp_path / "heard"
            deadline = time.monotonic() + 60
            while not heard.exists() or '"call"' not in heard.read_text():
                assert time.monotonic() < deadline, gateway.log_path.read_text()[-2000:]
                time.sleep(0.05)
    told = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [one[0] for one in told] == ["attempt", "output", "attempt", "call"]
    assert told[1][1:3] == ["two", True] and told[1][3] == told[3][1]
    first, second = told[0][2], told[2][2]
    assert began - 1 <= first <= second <= time.time()
