"""It goes over the whole answer again with each chunk of it."""

from __future__ import annotations

import json
import re
from typing import Any

from router import CallContext
from router.upstream.compatible import CompatibleProvider, Progress


class Rereading(CompatibleProvider):
    edits = re.compile(rb"choices")

    def edit_item(self, value: dict[str, Any], progress: Progress, context: CallContext) -> dict[str, Any]:
        so_far = progress.notes.setdefault("so far", [])
        so_far.append(value)
        for _ in range(5):
            json.loads(json.dumps(so_far))
        return value


plugin = Rereading()
