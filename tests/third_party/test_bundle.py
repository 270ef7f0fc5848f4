"""Claims with alternatives and a bucket that refills, in a running gateway with several workers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from third_party_kit import Heard, ask

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow


def test_free_calls_come_first_and_drops_come_back_slowly(
    tmp_path: Path, upstream: ScriptedUpstream, site: Callable[..., dict[str, str]]
) -> None:
    config = {
        "server": {"workers": 2},
        "gateway": {"billing": ["bundle"], "rate_limit": ["windows", "bundle"]},
        "plugins": {"strict": True},
        "prices": {"open/x": {"input": "1", "output": "2"}},
    }
    sections = {"open": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True}}
    with Gateway(tmp_path, providers=sections, config=config, env=site("bundle")) as gateway:
        body = {"model": "open/x", "messages": [{"role": "user", "content": "Hi"}]}

        def call(_: int) -> Heard:
            return ask(gateway, "/v1/chat/completions", body, secret=gateway.api_key)

        with ThreadPoolExecutor(8) as threads:
            heard = list(threads.map(call, range(8)))
        assert sorted(one.status for one in heard) == [200] * 5 + [429] * 3
        charges = sorted(float(row["charge"]) for row in gateway.router("usage", "show"))
        assert charges[:2] == [0, 0] and len(charges) == 5 and min(charges[2:]) > 0
        refused = next(one for one in heard if one.status == 429)
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
        good = [one.headers for one in heard if one.status == 200]
        assert {headers["x-ratelimit-limit-requests"] for headers in good} == {"5"}
        assert sorted(headers["x-ratelimit-remaining-requests"] for headers in good) == ["0", "1", "2", "3", "4"]
        assert gateway.router("ledger", "verify")["ok"]
