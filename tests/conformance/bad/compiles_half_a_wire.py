"""What it compiles has no word on which replies have to be looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from router import CallContext, hookimpl
from router.upstream.compatible import CompatibleProvider


class Hasty(CompatibleProvider):
    @hookimpl
    def compiled(self, kind: str, context: CallContext) -> Any:
        wire = super().compiled(kind, context)
        assert wire is not None
        return SimpleNamespace(
            post=wire.post,
            reply=wire.reply,
            stream=wire.stream,
            reads_usage=wire.reads_usage,
            reply_bytes_max=wire.reply_bytes_max,
        )


plugin = Hasty()
