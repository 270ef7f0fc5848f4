"""Requirements and the tests that prove them: what ``docs/profiles.md`` is made from cannot drift."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sources import ROOT


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("profiles_page", ROOT / "docs/profiles_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wanted(*delivered: str) -> dict[str, Any]:
    fields = {"what": "a thing", "detail": "", "parts": ["line", "portal"]}
    system = {"title": "A", "prefix": "A", "about": ""}
    return {"delivered": list(delivered), "systems": {"a": system}, "rows": {"A-1": fields}}


def test_every_delivered_requirement_has_a_test_and_every_marker_a_requirement(page: ModuleType) -> None:
    assert page.faults(page.rows(), page.proofs()) == []


def test_every_row_belongs_to_a_system_and_to_known_parts(page: ModuleType) -> None:
    told = page.rows()
    assert {row.partition("-")[0] for row in told["rows"]} == {system["prefix"] for system in told["systems"].values()}
    parts = {part for fields in told["rows"].values() for part in fields["parts"]}
    assert set(told["delivered"]) <= parts == {"line", "money", "systems", "portal", "payments"}


def test_a_delivered_row_needs_a_test(page: ModuleType) -> None:
    [fault] = page.faults(wanted("line"), [])
    assert "A-1 (a thing)" in fault
    assert page.faults(wanted("money"), []) == []
    assert "| A-1 | a thing |  | line, portal (*later*) | *later* |" in page.render(wanted("line"), [])


def test_markers_are_found_above_tests_and_refused_elsewhere(page: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "deep/test_a.py"
    file.parent.mkdir()
    file.write_text('@pytest.mark.row("A-1", "A-2")\ndef test_it(): ...\n')
    found = page.proofs(tmp_path, tmp_path)
    assert [(proof.name, proof.file, proof.rows) for proof in found] == [("test_it", file, ["A-1", "A-2"])]
    [fault] = page.faults(wanted("line"), found)
    assert "test_it names the row 'A-2'" in fault
    file.write_text('pytestmark = pytest.mark.row("A-1")\n')
    with pytest.raises(SystemExit, match="above a test function"):
        page.proofs(tmp_path, tmp_path)


def test_examples_name_rows_too(page: ModuleType, tmp_path: Path) -> None:
    tmp_path.joinpath("a.toml").write_text('[[example]]\nname = "curl"\nrows = ["A-1"]\n')
    assert page.faults(wanted("line"), page.proofs(tmp_path, tmp_path)) == []
