"""A plugin that gives a native lane something else than items breaks by itself: its endpoint does not answer for it."""

from __future__ import annotations

from typing import Any

import pytest

from router.surfaces.reader import PluginFault, bad_items
from router.types.records import Item


@pytest.mark.parametrize("odd", [["text"], [Item("text")], [None], 5])  # type: ignore[arg-type]
def test_what_is_no_item_is_the_plugins_fault(odd: Any) -> None:
    assert isinstance(bad_items(odd, "acme"), PluginFault)
