"""The whole plugins on the pages for authors keep the rules that they are an introduction to."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from router.plugin_host.registry import registry_of
from router.testing.conformance import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
NEEDS_INSTALLING = "D30"


@pytest.mark.parametrize(
    ("page", "number", "name"), [("policies", 0, "flat"), ("policies", 1, "hourly"), ("dialects", 0, "bazaar")]
)
def test_an_example_keeps_every_rule(page: str, number: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCS.joinpath(f"{page}.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[number]
    module = ModuleType(f"example_{name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look their module up
    exec(compile(code, page, "exec"), module.__dict__)
    with Run(registry_of(**{name: module.plugin}).plugins[name]) as run:
        results = [run.check(rule) for rule in run.rules if rule.id != NEEDS_INSTALLING]
    assert len(results) > 9
    assert [result for result in results if result.outcome == "fail"] == []
