"""A portal of a test's own, and a real Chromium before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from portal_kit import Visitor
from portal_site import PortalSite, start_portal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's browser; without one these tests are skipped, and say so.

    One a module: Playwright leaves an event loop running in this thread for as long as it is on, and under that no
    test of another folder that the same process is given can run a loop of its own.
    """
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    """NexGate with its portal, and an echo of models behind it."""
    with start_portal(tmp_path_factory.mktemp("portal"), profile="nexgate") as site:
        yield site


@pytest.fixture
def visitor(chromium: Browser, portal: PortalSite, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody with a fresh profile. Whatever makes noise in the console fails the test at its end."""
    with Visitor(chromium, portal, request.node.name) as one:
        yield one


@pytest.fixture
def another(chromium: Browser, portal: PortalSite, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Makes further visitors, each with a profile of its own."""
    made: list[Visitor] = []

    def make(**options: object) -> Visitor:
        made.append(Visitor(chromium, portal, f"{request.node.name}-{len(made) + 2}", **options).open())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: ``PORTAL_SHOTS``, or a folder of the run's own."""
    return Path(os.environ.get("PORTAL_SHOTS") or tmp_path_factory.mktemp("shots"))
