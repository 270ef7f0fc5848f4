"""The console while calls run: the ledger is verified, a provider stops, and customers learn of neither."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ops_kit import PROGRAM, Operator, office_of, text_of
from portal_site import Client, PortalSite, start_portal

from router.money.amounts import NANO
from router.office import accounts, credits, keys
from router.testing import Answer, ScriptedUpstream

pytestmark = pytest.mark.slow

WITHIN_S = 10.0
"""How soon the console shows what calls meet; usage is written within a second."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[PortalSite]:
    config = {
        "providers": {"openai": {"base_url": upstream.url, "api_key": "sk-upstream"}},
        "prices": {"openai/gpt-4o": {"input": "1", "output": "2"}},
    }
    with start_portal(tmp_path_factory.mktemp("traffic"), config=config, proof_of_work=False, free_credit="5") as site:
        yield site


@pytest.fixture(scope="module")
def olga(shop: PortalSite) -> Operator:
    return Operator(shop).become()


@pytest.fixture(scope="module")
def buyer(shop: PortalSite) -> Client:
    made = Client(shop)
    made.sign_up(name="Cleo")
    return made


@pytest.fixture(scope="module")
def key(shop: PortalSite, buyer: Client) -> str:
    with office_of(shop) as office:
        account = accounts.list_accounts(office)[-1].id
        credits.grant_credit(office, PROGRAM, account, 50 * NANO, reason="start")
        return keys.create_key(office, PROGRAM, account, "main").text


class Traffic:
    """Calls of one customer, one after the other, and what became of them."""

    def __init__(self, site: PortalSite, key: str) -> None:
        self._client = site.gateway.client(api_key=key, max_retries=0)
        self.answered = 0
        self.failures: list[Exception] = []

    def call(self) -> None:
        try:
            self._client.chat.completions.create(model="openai/gpt-4o", messages=[{"role": "user", "content": "Hello"}])
            self.answered += 1
        except Exception as failure:  # told by the test
            self.failures.append(failure)

    @contextmanager
    def running(self) -> Iterator[None]:
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                self.call()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def test_the_ledger_is_verified_during_traffic(shop: PortalSite, olga: Operator, buyer: Client, key: str) -> None:
    traffic = Traffic(shop, key)
    with traffic.running():
        while traffic.answered < 10 and not traffic.failures:
            time.sleep(0.01)
        before = traffic.answered
        olga.do("/ops/ledger/verify", reason="while they call")
        ends = time.monotonic() + 60
        while "every 2s" in olga.read("/ops/ledger/progress"):
            assert buyer.get("/app/")[0] == 200
            assert time.monotonic() < ends
    assert traffic.failures == [] and traffic.answered > before
    page = text_of(olga.read("/ops/ledger"))
    found = re.search(r"All is there .* over ([\d,]+) transfers", page)
    assert found is not None, page
    assert int(found[1].replace(",", "")) >= before


def test_a_provider_that_stops_is_seen_by_operators_alone(
    shop: PortalSite, olga: Operator, buyer: Client, key: str, upstream: ScriptedUpstream
) -> None:
    upstream.on("/v1/chat/completions", Answer.error(500, "the disk of rack seven is full"))
    traffic = Traffic(shop, key)
    ends = time.monotonic() + WITHIN_S
    while "Failing" not in (page := text_of(olga.read("/ops/providers/openai?window=5m"))):
        assert time.monotonic() < ends, page
        traffic.call()
    assert traffic.answered == 0 and "the disk of rack seven is full" in page
    assert "Failing" in text_of(olga.read("/ops/providers?window=5m"))
    for path in ("/app/", "/app/logs", "/app/usage", "/app/models"):
        status, _, page = buyer.get(path)
        assert status == 200, path
        assert "rack seven" not in page and upstream.url not in page, path
        if path != "/app/models":  # which lists providers as parts of models' names
            assert "openai" not in page.replace("openai/gpt-4o", ""), path
