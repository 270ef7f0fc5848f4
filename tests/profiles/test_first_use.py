"""First use of each profile, as ``router init`` leaves it: from the sign-up to the call on the chart.

As somebody who has nothing but a browser, curl and their mail; only the providers' base URLs are others.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import altcha
import pytest
from portal_site import PASSWORD, Client, PortalSite
from profile_shop import KEYS, PROFILES, at_upstream
from waiting import until

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

MOST_S = 60.0
"""From the sign-up to the call on the chart, on a busy machine."""
SEEN_S = 10.0
"""From a call to the page that shows it."""
UP_S = 60.0
STARTS = {"standard": "sk-", **{one.name: one.key_start for one in PROFILES.values()}}
GIVEN = {"nexgate": "$5.00"}
"""Free credit, once the address is proved."""
PAID = ("nexorouter", "neurongate", "aigateway")
"""A first call needs what an operator gives, or a payment brings; without a profile an echo is free."""


@pytest.fixture(params=STARTS)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(profile: str, tmp_path: Path) -> Iterator[PortalSite]:
    with ScriptedUpstream() as upstream:
        gateway = Gateway(tmp_path, profile=profile, portal=True, start=False, env=KEYS)
        gateway.configure({"providers": at_upstream(gateway, upstream)})
        with gateway:
            gateway.start()
            started = PortalSite(gateway, gateway.portal_port)
            until(lambda: is_up(started), limit_s=UP_S)
            yield started


def is_up(site: PortalSite) -> bool:
    try:
        return site.ask("/healthz")[0] == 200
    except OSError:
        return False


def solved(page: str) -> dict[str, str]:
    """What a browser puts into the form: the proof of work that the page asks for."""
    found = re.search(r'name="(\w+)" data-challenge="([^"]+)"', page)
    assert found is not None, page
    challenge = json.loads(base64.b64decode(html.unescape(found[2])))
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(challenge))
    assert solution is not None
    told = json.dumps({"challenge": challenge, "solution": solution.to_dict()})
    return {found[1]: base64.b64encode(told.encode("ascii")).decode("ascii")}


def call_of(page: str, key: str) -> tuple[str, dict[str, str], bytes]:
    """What the example for curl on a page sends: its address, headers and body."""
    found = re.search(r"<pre[^>]*>(curl .*?)</pre>", page, re.S)
    assert found is not None, page
    words = shlex.split(re.sub(r"(Bearer [\w-]*)\.\.\.", "Bearer KEY", html.unescape(found[1])).replace("KEY", key))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    return words[1], headers, words[words.index("-d") + 1].encode("utf-8")


def status_of(call: tuple[str, dict[str, str], bytes]) -> tuple[int, Any]:
    address, headers, body = call
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_from_the_sign_up_to_the_call_on_the_chart(site: PortalSite, profile: str) -> None:
    began = time.monotonic()
    ada, email = Client(site), site.new_address()
    form = {"email": email, "password": PASSWORD, "name": "Ada", **solved(ada.get("/app/signup")[2])}
    assert ada.post("/app/signup", form)[0] == 200
    link = urlsplit(site.next_link(email)).path
    assert ada.get(link)[0] == 200
    assert ada.post(link)[0] == 303
    status, _, page = ada.get("/app/")
    assert status == 200 and "1 of 3" in page and "No calls in this range." in page
    if profile in GIVEN:
        assert GIVEN[profile] in page
    status, _, made = ada.post("/app/keys/new", {"name": "first"})
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', made)
    assert status == 201 and found is not None, made
    key = found[1]
    assert key.startswith(STARTS[profile])
    page = ada.get("/app/")[2]
    assert "2 of 3" in page
    call = call_of(page, key)
    assert call[0] == f"{site.gateway.base_url}/chat/completions"
    if profile in PAID:
        status, told = status_of(call)
        assert status in (402, 403, 429), told
        account = str(site.gateway.router("accounts", "list")[-1]["id"])
        site.gateway.router("credits", "grant", account, "5", "--reason", "a deposit")
    status, told = status_of(call)
    assert status == 200 and told["choices"][0]["message"]["content"], told
    until(lambda: "3 of 3" in ada.get("/app/first-steps")[2], limit_s=SEEN_S)
    page = ada.get("/app/")[2]
    model = json.loads(call[2])["model"]
    assert 'class="bar"' in page and "No calls in this range." not in page and model in page
    rows = ada.get("/app/logs.csv")[2].splitlines()
    assert model in rows[1] and "first" in rows[1]
    assert time.monotonic() - began < MOST_S
