"""The lower bounds in setup.py are those that ``make lowest`` has proved."""

from __future__ import annotations

import importlib.util
import json

import pytest
from sources import ROOT


def test_every_lower_bound_is_proved() -> None:
    lowest = _lowest()
    proved = json.loads(lowest.PROVED.read_text(encoding="utf-8"))
    assert lowest.lower_bounds() == proved, "run `make lowest`"


@pytest.mark.parametrize("written", ["click", "click==8.2", "click>=8.2,<9", "click>8.2"])
def test_a_requirement_without_a_lower_bound_alone_is_named(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lowest = _lowest()
    monkeypatch.setattr(lowest, "_requirements", lambda: ["brotli>=1.2", written])
    with pytest.raises(ValueError, match=written):
        lowest.lower_bounds()


def _lowest():
    spec = importlib.util.spec_from_file_location("lowest", ROOT / "scripts/lowest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
