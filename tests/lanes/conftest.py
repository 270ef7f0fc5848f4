"""One gateway for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lanes_wire import Lanes, configuration

from router.store.opening import open_database
from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="session")
def running_lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    folder = tmp_path_factory.mktemp("lanes")
    with ScriptedUpstream() as upstream:
        sections, config = configuration(upstream)
        env = {"ROUTER_MASTER_KEY": "a master key of some length"}
        with Gateway(folder, providers=sections, config=config, env=env) as gateway:
            database = open_database("sqlite:///router.db", folder)
            try:
                yield Lanes(gateway, upstream, database)
            finally:
                database.close()


@pytest.fixture
def lanes(running_lanes: Lanes) -> Lanes:
    running_lanes.upstream.reset()
    return running_lanes
