"""The two servers that every SDK scenario is played against: the scripted upstream alone, and the gateway before it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sdk_target import Target

from router.testing import Gateway, ScriptedUpstream

_SECTIONS = 40  # at least as many as a module has tests
_number = itertools.count()


@pytest.fixture(scope="module")
def gateway_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("gateway")
    with ScriptedUpstream() as upstream:
        section = {"kind": "openai", "base_url": upstream.url, "api_key": "sk-upstream"}
        sections = {f"openai-{number}": section for number in range(_SECTIONS)}
        with Gateway(folder, providers=sections, billing=False) as gateway:
            yield Target(upstream, gateway.base_url, gateway.api_key, "openai-0/")


@pytest.fixture(params=["upstream", "gateway"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "gateway":
        shared: Target = request.getfixturevalue("gateway_target")
        shared.upstream.reset()
        yield replace(shared, prefix=f"openai-{next(_number) % _SECTIONS}/")  # failures of another test bring a rest
        return
    with ScriptedUpstream(api_key="sk-right") as upstream:
        yield Target(upstream, upstream.url, "sk-right", "")
