"""The pages: they make a site without a warning that asks no other host, and what they have one type is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from container import ROOT

pytestmark = pytest.mark.slow

PAGES = sorted((ROOT / "docs/deploy").glob("*.md"))
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Requests(HTMLParser):
    """What a browser would fetch with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(given.get(LOADED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "docs/site.py"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return target


def test_every_page_is_in_the_site_and_asks_nobody_else(site: Path) -> None:
    there = {str(path.relative_to(site).with_suffix(".md")) for path in site.rglob("*.html")}
    asked = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert asked | {"index.md", "changes.md", "bundled.md"} <= there
    for page in site.rglob("*.html"):
        reader = Requests()
        reader.feed(page.read_text(encoding="utf-8"))
        elsewhere = [one for one in reader.found if re.match(r"(https?:)?//", one)]
        assert not elsewhere, page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\((['\"]?)(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


def test_a_broken_link_refuses_the_site(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", copy)
    (copy / "README.md").write_text("# Home\n\n[nothing](docs/deploy/tls.md#not-there)\n", encoding="utf-8")
    command = [sys.executable, str(copy / "docs/site.py"), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 1 and "not-there" in done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_has_one_type_is_a_shells_and_names_files_that_are_there(page: Path) -> None:
    for text in BLOCK.findall(page.read_text(encoding="utf-8")):
        read = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
        assert read.returncode == 0, f"{text}\n{read.stderr}"
        for name in re.findall(r"(?<![\w/])deploy/[\w./-]+\.\w+", text):
            made_by_the_reader = name in ("deploy/compose.env", "deploy/providers.env")
            assert made_by_the_reader or (ROOT / name).exists(), name
    for name in re.findall(r"`(deploy/[\w./-]+)`", page.read_text(encoding="utf-8")):
        made_by_the_reader = name in ("deploy/compose.env", "deploy/providers.env", "deploy/tls/")
        assert made_by_the_reader or (ROOT / name).exists(), name
