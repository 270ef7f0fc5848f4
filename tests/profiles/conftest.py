"""One shop of each profile for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from profile_shop import PROFILES, Shop, open_shop


@pytest.fixture(scope="session")
def nexgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(PROFILES["nexgate"], tmp_path_factory.mktemp("nexgate")) as shop:
        yield shop


@pytest.fixture(scope="session")
def nexorouter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(PROFILES["nexorouter"], tmp_path_factory.mktemp("nexorouter")) as shop:
        yield shop


@pytest.fixture(scope="session")
def neurongate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(PROFILES["neurongate"], tmp_path_factory.mktemp("neurongate")) as shop:
        yield shop


@pytest.fixture(scope="session")
def aigateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(PROFILES["aigateway"], tmp_path_factory.mktemp("aigateway")) as shop:
        yield shop


@pytest.fixture(params=PROFILES)
def shop(request: pytest.FixtureRequest) -> Shop:
    """The test runs once for each profile."""
    found: Shop = request.getfixturevalue(request.param)
    return found
