"""What plugins are told of whose a call is: policies and observers its client's address, providers its trace."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import pytest
from gateway_wire import CHAT, USER, post

from router.testing import Gateway, ScriptedUpstream

CLIENT = "198.51.100.7"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOSY = '''
import json
import sys

from router import Claim, Item, Reply, RateLimited, Usage, hookimpl


def note(**what):
    print(json.dumps({"noted": what}), file=sys.stderr, flush=True)


class Nosy:
    """A policy, a provider and an observer that write down what they are told."""

    @hookimpl
    def rate_limit_claims(self, context):
        note(claims=context.client)
        return [Claim("calls:" + context.client, 1, 2, message="Enough from this address.")]

    @hookimpl
    def rate_limit_settle(self, claims, context):
        note(settle=context.client)
        return [1]

    @hookimpl
    def chat(self, call, context):
        note(chat=context.traceparent)
        answer = {"choices": [{"message": {"content": "Yes"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
        return Reply([[Item.of(answer)]], read_usage=lambda value: Usage(1, 1), read_error=lambda value: None)

    @hookimpl
    def request_finished(self, record):
        note(finished=[record.client, record.traceparent])


plugin = Nosy()
'''


class Seen(NamedTuple):
    """What became of a few calls: their statuses, what the plugin wrote down of the first, what an upstream was sent,
    and the usage rows.
    """

    statuses: list[int]
    noted: list[dict[str, Any]]
    sent: str
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    site = tmp_path_factory.mktemp("site")
    (site / "nosy.py").write_text(NOSY)
    metadata = site / "nosy-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nosy\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[router]\nnosy = nosy:plugin\n")
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    config = {"server": {"trusted_proxies": ["127.0.0.1"]}, "gateway": {"billing": "none", "rate_limit": "nosy"}}
    with ScriptedUpstream(api_key=None) as upstream:
        providers: dict[str, Any] = {
            "nosy": {"base_url": "http://127.0.0.1:9", "api_key": "k", "unlisted": True},
            "open": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True},
        }
        folder, env = tmp_path_factory.mktemp("gateway"), {"PYTHONPATH": path}
        gateway = Gateway(folder, providers=providers, config=config, env=env)
        asked = [("nosy/x", {"X-Forwarded-For": CLIENT, "Traceparent": TRACE})]
        asked += [("nosy/x", {"X-Forwarded-For": f"203.0.113.{number}"}) for number in (1, 1, 2, 1, 2)]
        asked += [("open/x", {"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}", "Traceparent": TRACE})]
        try:
            bodies = [({"model": model, "messages": USER}, headers) for model, headers in asked]
            statuses = [post(gateway, CHAT, body, headers).status for body, headers in bodies]
            rows = gateway.router("usage", "show")
            gateway.stop()  # observers have heard of all calls then
        finally:
            gateway.kill()
        noted = [line["noted"] for line in gateway.log if "noted" in line]
        (request,) = upstream.requests
        return Seen(statuses, noted, f"{dict(request.headers)} {request.body!r}", rows)


def test_policy_provider_and_observer_are_told_their_part(seen: Seen) -> None:
    assert seen.noted[:3] == [{"claims": CLIENT}, {"chat": TRACE}, {"settle": CLIENT}]
    assert {"finished": [CLIENT, TRACE]} in seen.noted
    assert {"finished": ["203.0.113.1", ""]} in seen.noted


def test_a_policy_counts_by_address_behind_a_proxy(seen: Seen) -> None:
    assert seen.statuses == [200, 200, 200, 200, 429, 200, 200]


def test_no_provider_is_sent_a_word_of_it(seen: Seen) -> None:
    assert '"model":"x"' in seen.sent
    assert CLIENT not in seen.sent and TRACE[3:35] not in seen.sent


def test_no_row_keeps_it(seen: Seen) -> None:
    assert len(seen.rows) == 6
    assert CLIENT not in str(seen.rows)
    assert not any({"client", "traceparent"} & row.keys() for row in seen.rows)
