"""The rules for surfaces that a provider speaks itself, on providers that break them one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]

SPEAKING = '''
from dataclasses import replace
from router import Item, Reply, SurfaceCall, UpstreamError, Usage, hookimpl
from router.upstream import CompatibleProvider, ResponsesProvider
from router.upstream.events import Events, PassedEvents
from router.upstream.responses import response_usage

class Speaking(ResponsesProvider, CompatibleProvider):
    """Speaks Responses, but for one mistake."""

{mistake}

plugin = Speaking()
'''
OVER = """
    @hookimpl
    def responses(self, call, context):
        {before}
        reply = super().responses(call, context)
        return Reply({batches}, read_usage={usage}, read_error=reply.read_error, close={close})
"""


def over(before: str = "", batches: str = "reply", usage: str = "reply.read_usage", close: str = "reply.close") -> str:
    """The hook, with something else in one place."""
    return OVER.format(before=before or "pass", batches=batches, usage=usage, close=close)


LISTING = "call = replace(call, body={name: call.body[name] for name in ('model', 'input', 'stream')})"
ANEW = "([Item.of(item.json()) for item in batch] for batch in reply)"
KNOWN = "([item for item in batch if b'of_tomorrow' not in item.data] for batch in reply)"
PAGED = """
    def check_stream(self, response, context):
        pass

    @hookimpl
    def responses(self, call, context):
        reply = super().responses(call, context)
        told = b'{"type":"response.output_text.delta","delta":"x"}'
        return Reply([[Item(told)], *reply], read_usage=reply.read_usage, read_error=reply.read_error)
"""
LISTENING = """
    @hookimpl
    def responses(self, call, context):
        response = self.send("/responses", call.body, call, context)
        if not call.stream:
            return self._passed([[Item(response.read(10**7).strip())]], response, context)
        events = PassedEvents(response, lambda data: False, 10**7)
        return self._passed(events, response, context)
"""
KEYLESS = """
    def headers(self, context):
        return {"Content-Type": "application/json"}
"""
KINDS = """
    @hookimpl
    def responses(self, call, context):
        try:
            return super().responses(call, context)
        except UpstreamError as error:
            raise UpstreamError("server", error.message) from None
"""
BROKEN: dict[str, tuple[str, str, str]] = {
    "lists the fields that it knows": ("P70", over(LISTING), "metadata, store reached the upstream"),
    "changes the body": ("P70", over("call.body['metadata'] = None"), "the hook changed call.body"),
    "sends no key": ("P71", KEYLESS, "no header carries the section's api_key"),
    "writes the answer anew": ("P72", over(batches=ANEW), "and the item is"),
    "skips what it does not know": ("P73", over(batches=KNOWN), "items that came there are"),
    "reads no usage": ("P74", over(usage="lambda value: None"), "no usage was found"),
    "counts the output alone": (
        "P74",
        over(usage="lambda value: value.get('usage') and Usage(0, value['usage']['output_tokens'])"),
        "the upstream said",
    ),
    "invents a usage": ("P75", over(usage="lambda value: Usage(1, 1)"), "are not marked as estimated"),
    "takes all for a server's fault": ("P76", KINDS, "is bad_request, and was taken for server"),
    "waits for the whole stream": ("P77", over(batches="list(reply)"), "what came before it is lost"),
    "takes a page for a stream": ("P78", PAGED, "became status 200"),
    "closes nothing": ("P79", over(close="lambda: None"), "found no free connection"),
    "does not know the end": ("P79", LISTENING, "not 'ok'"),
}


def check(site: Path, *arguments: str) -> Any:
    """The report of ``router plugins check`` with what is installed in ``site``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "router", "plugins", "check", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mistake", BROKEN)
def test_each_mistake_is_named(mistake: str, tmp_path: Path, install: Install) -> None:
    rule, code, said = BROKEN[mistake]
    install(tmp_path, "router-speaking", "speaking", SPEAKING.replace("{mistake}", code))
    (found,) = check(tmp_path, "speaking", "--rule", rule)["rules"]
    assert (found["outcome"], bool(found["remedy"])) == ("fail", True), found
    assert said in found["seen"], found


def test_a_provider_without_mistakes_keeps_them(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-speaking", "speaking", SPEAKING.replace("{mistake}", ""))
    found = check(tmp_path, "speaking", "--rule", "P7")["rules"]
    assert [rule["outcome"] for rule in found] == ["pass"] * 10, found


def test_one_that_is_asked_through_chat_alone_is_not_asked(tmp_path: Path, install: Install) -> None:
    code = SPEAKING.replace("{mistake}", "").replace("(ResponsesProvider, CompatibleProvider)", "(CompatibleProvider)")
    install(tmp_path, "router-speaking", "speaking", code)
    found = check(tmp_path, "speaking", "--rule", "P7")["rules"]
    assert {rule["outcome"] for rule in found} == {"not offered"}, found
