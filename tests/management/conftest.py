"""A gateway before an upstream that answers everything, with two tenants on it that know nothing of each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from management_wire import Tenant, settled

from router.testing import Gateway, ScriptedUpstream


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
    folder = tmp_path_factory.mktemp("management")
    with Gateway(folder, upstream=running_upstream.url, env={"ROUTER_MASTER_KEY": "m" * 44}) as running:
        yield running
    assert "Traceback" not in running.log_path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ours(gateway: Gateway) -> Tenant:
    return settled(gateway, "ours")


@pytest.fixture(scope="module")
def theirs(gateway: Gateway) -> Tenant:
    return settled(gateway, "theirs")


@pytest.fixture(scope="module")
def operator(gateway: Gateway) -> str:
    """An operator's key."""
    return str(gateway.router("keys", "create", "--operator", "--name", "ops")["api_key"])
