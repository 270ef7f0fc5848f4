"""It never says what a call used."""

from __future__ import annotations

from typing import Any

from router import Usage
from router.upstream.compatible import CompatibleProvider


class Silent(CompatibleProvider):
    def read_usage(self, value: Any) -> Usage | None:
        return None


plugin = Silent()
