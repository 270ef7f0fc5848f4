"""The rig: started once, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from provider_kit import Rig, sections

from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="session")
def running_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("providers")
    with ScriptedUpstream() as upstream, Gateway(folder, providers=sections(upstream.url), billing=False) as gateway:
        yield Rig(gateway, upstream, gateway.client())


@pytest.fixture
def rig(running_rig: Rig) -> Rig:
    running_rig.upstream.reset()
    return running_rig
