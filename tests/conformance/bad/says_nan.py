"""It computes a share, and gives NaN where there is nothing to divide by."""

from __future__ import annotations

import re

from router import CallContext, Item
from router.upstream.compatible import CompatibleProvider, Progress


class Sharing(CompatibleProvider):
    edits = re.compile(rb"choices")

    def _item(self, data: bytes, progress: Progress, context: CallContext) -> Item:
        return Item(data.rstrip(b"}") + b"}" * (len(data) - len(data.rstrip(b"}")) - 1) + b',"share":NaN}')


plugin = Sharing()
