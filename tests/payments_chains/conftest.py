"""A new chain for each test, with a token of 6 decimals and one of 18; skipped where it cannot be installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_kit import Chain, running_chain
from client_caches import node_folder
from deposit_town import Town
from node_shim import Shim, serving


@pytest.fixture(scope="session")
def packages() -> Path:
    return node_folder(Path(__file__).parent) / "node_modules"


@pytest.fixture
def chain(packages: Path) -> Iterator[Chain]:
    with running_chain(packages) as running:
        yield running


@pytest.fixture
def town(chain: Chain, packages: Path) -> Iterator[Town]:
    usdc, usdt = chain.six_decimals(), chain.eighteen_decimals(packages)
    with serving(Shim(chain.url)) as first, serving(Shim(chain.url)) as second:
        yield Town(chain, usdc, usdt, first, second)
