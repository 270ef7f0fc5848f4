"""One gateway for each profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from described import PROFILES, ask, open_gateway, undemanding

from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="session", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, profile: str) -> Iterator[Gateway]:
    with ScriptedUpstream(api_key=None) as upstream:
        undemanding(upstream)
        with open_gateway(tmp_path_factory.mktemp(profile), profile, upstream) as running:
            yield running
            assert "Traceback" not in running.log_path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def description(gateway: Gateway) -> dict[str, Any]:
    """What the gateway says of itself, to somebody without a key."""
    status, media_type, body = ask(gateway, "GET", "/openapi.json")
    assert (status, media_type) == (200, "application/json")
    found: dict[str, Any] = json.loads(body)
    return found
