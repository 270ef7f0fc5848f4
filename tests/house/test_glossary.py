"""docs/glossary.md has every name that plugins import, and none that is gone."""

from __future__ import annotations

import importlib
import re

import pytest
from sources import ROOT

PUBLIC = ("router", "router.money", "router.surfaces", "router.upstream", "router.testing")
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| word"))]
NAMES = {name for row in ROWS for name in re.findall(r"`(\w+)`", row.rsplit(" | ", 1)[-1])}


def offered() -> set[str]:
    return {name for module in PUBLIC for name in importlib.import_module(module).__all__}


def test_every_public_name_has_its_row() -> None:
    assert offered() - NAMES == set()


def test_no_row_names_what_is_not_there() -> None:
    assert NAMES - offered() == set()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_a_word_means(row: str) -> None:
    word, meaning, code = (cell.strip() for cell in row.strip("|").split("|"))
    assert word and (meaning or code), row
