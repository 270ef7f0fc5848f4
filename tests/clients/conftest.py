"""The two servers that every SDK scenario is played against: the scripted upstream alone, and the gateway before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sdk_target import Target

from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="module")
def gateway_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("gateway")
    with ScriptedUpstream() as upstream, Gateway(folder, upstream=upstream.url) as gateway:
        yield Target(upstream, gateway.base_url, gateway.api_key, "openai/")


@pytest.fixture(params=["upstream", "gateway"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "gateway":
        shared: Target = request.getfixturevalue("gateway_target")
        shared.upstream.reset()
        yield shared
        return
    with ScriptedUpstream(api_key="sk-right") as upstream:
        yield Target(upstream, upstream.url, "sk-right", "")
