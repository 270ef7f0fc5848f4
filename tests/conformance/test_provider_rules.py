"""The rules for providers, on providers that break them: each rule fails where it should, and says what was seen."""

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

CARELESS = '''
import pathlib, socket, threading, time
from router import ModelCard, Price, Reply, Usage, UpstreamError, hookimpl
from router.upstream.compatible import CompatibleChatProvider

threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
pathlib.Path(__file__ + ".touched").write_text("here")

class Careless(CompatibleChatProvider):
    """Breaks what can be broken without breaking everything."""

    @hookimpl
    def models(self):
        return [ModelCard("a", context_window=10, max_output=20, price=Price(input=1)), ModelCard("a")]

    @hookimpl
    def chat(self, call, context):
        known = ("messages", "stream", "tools", "stream_options")
        body = {name: call.body[name] for name in known if name in call.body}
        body["model"] = context.model
        response = self.send("/chat/completions", body, call, context)
        reply = self._stream(response, context) if call.stream else self._plain(response, context)
        return Reply(iter(reply), read_usage=lambda value: None, read_error=reply.read_error)

    def kind(self, failure):
        return "server"

    def wait_s(self, failure, headers):
        return 3.0

    def error(self, failure, context, headers={}):
        said = f"{failure.message} ({context.settings.api_key.reveal()})"
        return UpstreamError(self.kind(failure), said, retry_after_s=self.wait_s(failure, headers))

plugin = Careless()
'''
BROKEN_BY_THE_CARELESS = {
    "P03": "is listed twice",
    "P06": "a thread was started",
    "P15": "x_unheard_of reached the upstream as None",
    "P20": "no usage was found",
    "P21": "no usage was found",
    "P22": "no usage was found",
    "P23": "no usage was found",
    "P24": "no usage was found",
    "P26": "no usage was found",
    "P30": "is bad_request, and was taken for server",
    "P31": "2 upstream calls were made, not 1",
    "P33": "the client was told 3",
    "P36": "its error tells the key",
    "P47": "was still open",
}


def check(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``router plugins check`` with what is installed in ``site``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "router", "plugins", "check", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)


def test_a_careless_provider_is_told_rule_by_rule(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-careless", "careless", CARELESS)
    done = check(tmp_path, "careless", "--json")
    assert done.returncode == 1, done.stderr
    report: Any = json.loads(done.stdout)
    seen = {rule["id"]: rule["seen"] for rule in report["rules"] if rule["outcome"] == "fail" and rule["remedy"]}
    assert not {rule: text for rule, text in BROKEN_BY_THE_CARELESS.items() if text not in seen.get(rule, "")}, seen
    assert report["ok"] is False and report["distribution"] == "router-careless"
    kept = {rule["id"] for rule in report["rules"] if rule["outcome"] == "pass"}
    assert kept >= {"P01", "P02", "P10", "P11", "P13", "P18", "P40", "P42", "P45"}, seen


LOSING = """
from router.upstream.compatible import CompatibleProvider

class Losing(CompatibleProvider):
    def chat_body(self, call, context):
        body = super().chat_body(call, context)
        {loss}
        return body

plugin = Losing()
"""
LOSSES = {
    "image": """body["messages"] = [
            {**one, "content": one["content"][0]["text"]} if isinstance(one["content"], list) else one
            for one in body["messages"]
        ]""",
    "stop": 'body.pop("stop", None)',
    "max_tokens": 'body.pop("max_tokens", None), body.pop("max_completion_tokens", None)',
    "max_tokens, renamed": """for name in ("max_tokens", "max_completion_tokens"):
            if name in body:
                body["max_output"] = body.pop(name)""",
    "tool_choice": 'body["tool_choice"] = "auto"',
    "n": 'body["n"] = 1',
}


@pytest.mark.parametrize("wish", LOSSES)
def test_what_a_provider_drops_of_a_request_is_named(wish: str, tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-losing", "losing", LOSING.replace("{loss}", LOSSES[wish]))
    done = check(tmp_path, "losing", "--rule", "P64", "--json")
    (rule,) = json.loads(done.stdout)["rules"]
    assert rule["outcome"] == "fail" and f"a call with {wish.split(',')[0]}: the upstream was sent" in rule["seen"], (
        done.stdout
    )


def test_what_cannot_be_checked_is_refused_with_the_remedy(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-broken", "broken", "import no_such_module")
    for arguments, word in ((["opneai"], "did you mean 'openai'"), (["broken"], "no_such_module")):
        done = check(tmp_path, *arguments)
        assert done.returncode == 1 and word in done.stdout + done.stderr, done
