"""The wires of providers as their documentation has them: what the scripted upstream plays to test a plugin."""

from __future__ import annotations

from collections.abc import Mapping

from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.gemini import GEMINI
from router.testing.upstream.wires.meta import META
from router.testing.upstream.wires.mistral import MISTRAL
from router.testing.upstream.wires.moonshot import MOONSHOT
from router.testing.upstream.wires.openrouter import OPENROUTER
from router.testing.upstream.wires.qwen import QWEN
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.testing.upstream.wires.xai import XAI

__all__ = [
    "DEEPSEEK",
    "GEMINI",
    "META",
    "MISTRAL",
    "MOONSHOT",
    "OPENROUTER",
    "QWEN",
    "WIRES",
    "XAI",
    "ErrorRow",
    "Wire",
]

_ALL = (DEEPSEEK, MOONSHOT, XAI, META, QWEN, GEMINI, MISTRAL, OPENROUTER)

WIRES: Mapping[str, Wire] = {wire.name: wire for wire in _ALL}
"""Plugin name -> its provider's wire."""
