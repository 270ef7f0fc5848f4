"""One gateway and one upstream for each module, and what every module must leave behind: a log without a traceback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from router.testing import Gateway, ScriptedUpstream

PLACES = """
[server]
body_timeout_s = 1.0

[providers.open]
kind = "compatible"
base_url = "{url}"
api_key = "sk-upstream"
unlisted = true

[providers.second]
kind = "compatible"
base_url = "{url}"
api_key = "sk-upstream"
models = ["gpt-4o", "deep/Nested/Model-1"]

[aliases]
fast = "openai/gpt-4o-mini"
"""


@pytest.fixture(scope="module")
def running_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(api_key=None) as upstream:
        yield upstream


@pytest.fixture
def upstream(running_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """The module's upstream, with nothing left of earlier tests."""
    running_upstream.reset()
    return running_upstream


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, running_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    providers = {"openai": {"base_url": running_upstream.url, "api_key": "sk-upstream"}}
    config = PLACES.format(url=running_upstream.url)
    with Gateway(folder, providers=providers, config=config, billing=False) as running:
        yield running
    log = running.log_path.read_text(encoding="utf-8")
    before, found, after = log.partition("Traceback")
    assert not found, before[-500:] + found + after[:4000]
