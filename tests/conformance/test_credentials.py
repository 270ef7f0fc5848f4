"""Honest providers that sign what they send, or fetch a token first, keep the rules: their wires say how to look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]

SIGNING = """
import hmac
from dataclasses import replace
from router.testing.upstream.wires.openai import OPENAI
from router.upstream.compatible import CompatibleChatProvider
from router.upstream.wire import dump_json


class Signing(CompatibleChatProvider):
    def send(self, path, body, call, context):
        data = dump_json({"request": body})
        return self._exchange("POST", path, data, {"X-Signature": signature(KEY, data)}, context)


def signature(key, data):
    return hmac.new(key.encode(), data, "sha256").hexdigest()


def signed(request, api_key):
    wanted = signature(api_key, request.body)
    return "" if request.headers.get("x-signature") == wanted else "the signature is not the body's"


plugin = Signing()
WIRE = replace(OPENAI, name="careful", unknown_at="request", auth=signed)
"""
FETCHING = """
import hashlib
import json
from dataclasses import dataclass, replace
from router import ProviderSettings, hookimpl
from router.testing import Answer
from router.testing.upstream.wires.openai import OPENAI
from router.upstream.compatible import CompatibleChatProvider
from router.types.transport import Request
from router.upstream.wire import dump_json


@dataclass(frozen=True)
class Settings(ProviderSettings):
    token_url: str = ""


class Fetching(CompatibleChatProvider):
    @hookimpl
    def settings(self):
        return Settings

    def headers(self, call, context):
        return {**super().headers(call, context), "Authorization": f"Token {self.token(context)}"}

    def token(self, context):
        key = dump_json({"key": KEY})
        request = Request("POST", context.settings.token_url, {}, key, context.timeouts)
        response = context.transport.send(request)
        try:
            return json.loads(response.read(1000))["token"]
        finally:
            response.close()


def token_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


def has_token(request, api_key):
    return "" if request.headers.get("authorization") == f"Token {token_of(api_key)}" else "that is no token of ours"


plugin = Fetching()
WIRE = replace(
    OPENAI,
    name="careful",
    settings={"token_url": "{origin}/token"},
    endpoints={"/token": lambda request: Answer({"token": token_of(request.json()["key"])})},
    auth=has_token,
)
"""


@pytest.mark.parametrize("rules", ["P1", pytest.param("P", marks=pytest.mark.soak)])
@pytest.mark.parametrize(("code", "told"), [(SIGNING, "the signature"), (FETCHING, "no token of ours")])
def test_credentials_are_looked_at_by_the_wire(
    code: str, told: str, rules: str, tmp_path: Path, install: Install
) -> None:
    for key, wrong in (("context.settings.api_key.reveal()", False), ("'another'", True)):
        site = tmp_path / str(wrong)
        install(site, "router-careful", "careful", code.replace("KEY", key))
        entry_points = site / "router_careful-2.3.dist-info" / "entry_points.txt"
        entry_points.write_text(
            entry_points.read_text(encoding="utf-8") + "[router.wires]\ncareful = router_careful:WIRE\n",
            encoding="utf-8",
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "router", "plugins", "check", "careful", "--json"]
        done = subprocess.run(
            [*command, "--rule", "P18" if wrong else rules],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        broken = {rule["id"]: rule["seen"] for rule in json.loads(done.stdout)["rules"] if rule["outcome"] == "fail"}
        assert broken.keys() == ({"P18"} if wrong else set()), broken
        assert not wrong or told in broken["P18"]
