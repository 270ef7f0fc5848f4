"""The bound on stalls finds a large decode on the event loop: what the tests of heavy bodies rely on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_wire import CHAT, STALL_MAX, USER, Prober, post, worst_stall

from router.testing import Gateway

pytestmark = pytest.mark.slow

DECODES = """
import json
from router import Item, ModelCard, Price, Reply, hookimpl

class Decodes:
    text = json.dumps([{"role": "user", "content": "x" * 40}] * 100_000)

    @hookimpl
    def models(self, context):
        return [ModelCard("m", context_window=1000, price=Price(input=0, output=0))]

    @hookimpl
    def chat(self, call, context):
        for _ in range(int(call.body["seed"])):
            json.loads(self.text)
        choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
        body = {"object": "chat.completion", "choices": [choice]}
        return Reply([[Item.of(body)]], read_usage=lambda value: None, read_error=lambda value: None)

plugin = Decodes()
"""


def test_a_large_decode_on_the_event_loop_is_found(tmp_path: Path, install: Callable[..., None]) -> None:
    install(tmp_path / "site", "acme-decodes", "decodes", DECODES)
    env = {"PYTHONPATH": str(tmp_path / "site")}
    with Gateway(tmp_path, providers={"decodes": {}}, env=env) as gateway, Prober(gateway) as prober:

        def call(times: int) -> Callable[[], object]:
            def run() -> None:
                answer = post(gateway, CHAT, {"model": "decodes/m", "messages": USER, "seed": times})
                assert answer.status == 200, answer.body

            return run

        assert worst_stall(prober, call(1)) < STALL_MAX  # ten units of work
        assert worst_stall(prober, call(60)) > STALL_MAX  # as much as sixteen MiB of brackets
