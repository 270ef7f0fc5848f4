"""A third party's page in the portal: data that the portal writes, in a frame that it cannot break out of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from portal_site import Client, start_portal

pytestmark = pytest.mark.slow


def test_a_plugin_s_page_is_written_by_the_portal(tmp_path: Path, site: Callable[..., dict[str, str]]) -> None:
    config = {"plugins": {"coupons": {"calls_per_hour": 2}}}
    with start_portal(tmp_path, config=config, env=site("coupons"), proof_of_work=False) as portal:
        visitor, ada = Client(portal), Client(portal)
        assert visitor.get("/app/plugins/coupons/page")[0] == 303
        ada.sign_up()
        assert 'href="/app/plugins/coupons/page"' in ada.get("/app/")[2], "an entry of the menu"
        status, headers, text = ada.get("/app/plugins/coupons/page")
        assert status == 200 and "No coupons." in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "<script>alert" not in text
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert (
            ada.post("/app/plugins/coupons/page/note", {"note": "<i>mine</i>"}, **{"Sec-Fetch-Site": "cross-site"})[0]
            == 403
        )
        status, headers, _ = ada.post("/app/plugins/coupons/page/note", {"note": "<i>mine</i>"})
        assert (status, headers["Location"]) == (303, "/app/plugins/coupons/page")
        text = ada.get("/app/plugins/coupons/page")[2]
        assert "owner" in text and "note=%3Ci%3Emine" in text
        for path in ("/app/plugins/coupons/nothing", "/app/plugins/none/page", "/app/plugins/coupons/refused"):
            assert ada.get(path)[0] == 404
        assert ada.get("/ops/plugin/coupons/refused")[0] == 404, "an operator's"
