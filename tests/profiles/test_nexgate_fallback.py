"""NexGate's catalogue without its database.

Its text promises "exactly these 23 approved model IDs", and its table then names 22. A twenty-third would have to be
invented, with a price that nobody has approved: the 22 that are named ship.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_shop import PROFILES, Shop, open_shop

from router.store.models import set_model_enabled

pytestmark = pytest.mark.slow

SOURCE = "x-nexgate-model-source"
NAMED = 22


def model_ids(shop: Shop) -> list[str]:
    return [item["model_id"] for item in shop.get("/models").json()]


@pytest.mark.row("NG-4", "NG-5")
def test_the_built_in_catalogue_is_served_while_the_database_is_away(tmp_path: Path) -> None:
    with open_shop(PROFILES["nexgate"], tmp_path) as shop:
        set_model_enabled(shop.database, "gpt-4o", False)
        shop.upstream.wait_for(lambda: "gpt-4o" not in model_ids(shop))
        assert SOURCE not in shop.get("/models").headers
        database = tmp_path / "router.db"
        database.rename(tmp_path / "away.db")
        shop.upstream.wait_for(lambda: shop.get("/models").headers.get(SOURCE) == "fallback")
        for path in ("/models", "/api/models"):
            answer = shop.get(path)
            assert (answer.status, len(answer.json())) == (200, NAMED)
            assert answer.headers["cache-control"] == "public, s-maxage=60, stale-while-revalidate=300"
            assert answer.headers[SOURCE] == "fallback"
        assert "gpt-4o" in model_ids(shop), "what an operator switched off is written in the database"
        tmp_path.joinpath("away.db").rename(database)
        shop.upstream.wait_for(lambda: SOURCE not in shop.get("/models").headers)
        assert "gpt-4o" not in model_ids(shop)
