"""The rules for what plugins do besides calls: what they own (H01 on), serve (H10 on), and do on the way (H20 on)."""

from __future__ import annotations

from router.testing.conformance.host import own, served, line, guarding  # isort: skip
from router.testing.conformance.host.bench import HOST

__all__ = ["HOST", "guarding", "line", "own", "served"]
