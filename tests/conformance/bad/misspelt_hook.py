"""L07: ``embedings`` is no hook, and would never be called."""

from __future__ import annotations

from router import CallContext, EmbeddingsCall, Reply, hookimpl
from router.upstream.compatible import CompatibleProvider


class Misspelt(CompatibleProvider):
    @hookimpl
    def embedings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        return self.embeddings(call, context)


plugin = Misspelt()
