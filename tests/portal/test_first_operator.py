"""The first operator by the secret of ``router init``: once, for whoever is logged in and proved; never again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pyotp
import pytest
from portal_site import PASSWORD, Client, PortalSite, start_portal

from router.config.operator_secret import OPERATOR_FILE

pytestmark = pytest.mark.slow

SECRET = "op-a-secret-of-the-test"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with start_portal(tmp_path_factory.mktemp("claim"), proof_of_work=False) as running:
        hashed = hashlib.sha256(SECRET.encode()).hexdigest()
        running.gateway.config_path.with_name(OPERATOR_FILE).write_text(f"{hashed}\n")
        yield running


def test_the_secret_makes_the_first_operator_and_nobody_after(site: PortalSite) -> None:
    visitor, ada, eve = Client(site), Client(site), Client(site)
    assert visitor.get("/app/claim")[1]["Location"].startswith("/app/login")
    late = Client(site)
    assert late.post("/app/signup", {"email": site.new_address(), "password": PASSWORD})[0] == 200
    assert late.get("/app/claim")[0] == late.post("/app/claim", {"secret": SECRET})[0] == 303, (
        "not proved, not logged in"
    )
    ada.sign_up(name="Ada")
    eve.sign_up(name="Eve")
    status, _, page = ada.get("/app/claim")
    assert status == 200 and 'name="secret" type="password"' in page
    status, _, page = ada.post("/app/claim", {"secret": "op-guessed"})
    assert status == 403 and "This is not the secret" in page and "op-guessed" not in page
    assert ada.post("/app/claim", {"secret": ""})[0] == 422
    assert ada.get("/ops/")[0] == 404

    before = dict(ada.cookies)
    status, headers, _ = ada.post("/app/claim", {"secret": f" {SECRET} "})
    assert status == 303 and headers["Location"] == "/app/settings/security"
    assert ada.cookies != before, "another session, with an operator's shorter life"
    old = Client(site)
    old.cookies = before
    assert old.get("/app/settings")[0] == 303, "the sessions of before are over"
    assert ada.get("/ops/")[1]["Location"].startswith("/app/settings/security"), "no console without a second factor"

    page = ada.post("/app/settings/security/totp")[2]
    secret = re.search(r"\b([A-Z2-7]{32})\b", page)
    assert secret is not None
    assert ada.post("/app/settings/security/totp/confirm", {"code": pyotp.TOTP(secret[1]).now()})[0] == 200
    assert ada.get("/ops/")[0] == 200
    for client in (ada, eve):
        assert client.get("/app/claim")[0] == 404
        assert client.post("/app/claim", {"secret": SECRET})[0] == 404
    assert "operators claim" in [one["action"] for one in site.gateway.router("audit", "show")]
