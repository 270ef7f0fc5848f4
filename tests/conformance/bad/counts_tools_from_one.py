"""Its upstream counts tool calls from 1, and so do its streams."""

from __future__ import annotations

import re
from typing import Any

from router import CallContext
from router.upstream.compatible import CompatibleProvider, Progress


class FromOne(CompatibleProvider):
    edits = re.compile(rb"tool_calls")

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        for choice in value["choices"]:
            for call in choice.get("delta", {}).get("tool_calls", ()):
                call["index"] += 1
        return value


plugin = FromOne()
