"""The benchmark of the portal: past calls that the ledger's proof accepts, a crowd whose pages all open, its tables."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from bench.clicking import Clicked, Clicking, Clicks, Person
from bench.gateway import OurGateway, Setup
from bench.machine import GATEWAY_CORE, LOAD_CORE
from bench.past import fill
from bench.people import BIG, make_crowd
from bench.portal import Found, told
from bench.systems import Upstreams
from bench.tools import built
from bench.upstream import FastUpstream
from router.testing import free_port

pytestmark = pytest.mark.slow

NEEDED = all(map(shutil.which, ("cc", "taskset"))) and {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0)
ROWS, ACCOUNTS, PEOPLE = 3_000, 12, 6


@pytest.mark.skipif(not NEEDED, reason="needs cc, taskset and two cores")
def test_a_crowd_opens_every_page_of_accounts_whose_books_are_right(tmp_path: Path) -> None:
    with FastUpstream(built(tmp_path, "upstream")) as upstream:
        place = tmp_path / "gateway"
        place.mkdir()
        gateway = OurGateway(place, Upstreams(upstream.port, 0), Setup("gateway", ACCOUNTS, portal=True))
        with closing(gateway.database()) as database:
            crowd = make_crowd(gateway, database, PEOPLE)
            fill(database, ROWS, crowd.mix)
            people = crowd.with_pages(database)
        proof = gateway.router("ledger", "verify")
        assert proof["ok"], proof
        with gateway:
            pages = len(people[0].pages)
            thrice = 3 * -(
                -pages // len(people)
            )  # parts of the list are the big account\'s, whose pages are told apart
            clicks = Clicks(gateway.portal_port, people, pause_s=(0.0, 0.01), least=thrice)
            with Clicking(clicks) as clicking:
                pass
    found = clicking.found
    assert found.failed == []
    assert len(found.ms[""]) == pages, "each page was opened by somebody"
    assert set(found.ms) == {"", BIG}


def test_a_page_that_does_not_open_is_told() -> None:
    clicks = Clicks(free_port(), [Person("", {"first": "/app/"})], pause_s=(0.0, 0.01), least=1)
    with Clicking(clicks) as clicking:
        pass
    assert "Connection refused" in clicking.found.failed[0]


def test_bars_that_were_missed_are_named() -> None:
    clicked = Clicked()
    clicked.note("", "/app/", [10.0, 20.0, 30.0])
    clicked.note(BIG, "/app/", [400.0, 600.0, 800.0])
    found = Found([1000.0, 1000.0, 500.0], [970.0, 990.0, 100.0], clicked)
    assert found.ratio == pytest.approx(0.97)
    assert found.problems == ["/app/ (the big account): median 600 ms"]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in told(found).splitlines()]
    assert ["/app/", "20", "30", "600", "800"] in lines
    assert ["a page's median, ms, at most", "500", "600", "not reached"] in lines
    assert ["chat beside them, at least", "0.95", "0.970", "reached"] in lines
