"""NexGate's portal with three methods to pay by, once for each module of tests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paying_kit import CARD, CHAIN, GIFT, Paying
from portal_site import Client, start_portal

_PAYMENTS = {
    "methods": ["card", "chain", "gift"],
    "least": "1",
    "most": "1000",
    "most_per_day": "2000",
    "poll_s": 3600,
    "terms": "Credit never expires.\nRefunds within 14 days <ask>.",
    "receipt": "Example GmbH\nVAT DE123",
}


@pytest.fixture(scope="module")
def paying(
    tmp_path_factory: pytest.TempPathFactory, install: Callable[[Path, str, str, str], None]
) -> Iterator[Paying]:
    folder = tmp_path_factory.mktemp("paying")
    site, till = folder / "site", folder / "till"
    till.mkdir()
    till.joinpath("url").write_text("https://pay.example.com/{topup}")
    for name, code in (("card", CARD), ("chain", CHAIN), ("gift", GIFT)):
        install(site, f"acme-{name}", name, code.format(folder=str(till)))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        with start_portal(
            folder,
            profile="nexgate",
            config={"payments": _PAYMENTS},
            env={"PYTHONPATH": path},
            proof_of_work=False,
            free_credit="5",
        ) as portal:
            made = Paying(portal, till, Client(portal))
            made.owner.sign_up(name="Olga")
            found = re.search(r"acct_\w+", made.owner.get("/api/me")[2])
            assert found is not None
            made.account = found[0]
            yield made
