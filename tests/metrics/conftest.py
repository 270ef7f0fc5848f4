"""A gateway of two workers and a portal that measures, for all files here: made once, and told apart by differences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scraped import PORT, TOKEN, serving, wait

from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as started:
        yield started


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Gateway]:
    config = {
        "metrics": {"listen": f"127.0.0.1:{PORT}", "token": "env:METRICS_TOKEN"},
        "server": {"grace_s": 5.0},
        "cache": {"plugins": "cache"},
        "providers": {"acme": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True}},
    }
    folder, env = tmp_path_factory.mktemp("metrics"), {"METRICS_TOKEN": TOKEN}
    with Gateway(folder, upstream=upstream.url, config=config, env=env, workers=2, portal=True) as started:
        wait(lambda: serving() == 2)
        yield started
