"""The wires of providers as their documentation has them: what the scripted upstream plays to test a plugin."""

from __future__ import annotations

from collections.abc import Mapping

from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.meta import META
from router.testing.upstream.wires.moonshot import MOONSHOT
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.testing.upstream.wires.xai import XAI

__all__ = ["DEEPSEEK", "META", "MOONSHOT", "WIRES", "XAI", "ErrorRow", "Wire"]

WIRES: Mapping[str, Wire] = {wire.name: wire for wire in (DEEPSEEK, MOONSHOT, XAI, META)}
"""Plugin name -> its provider's wire."""
