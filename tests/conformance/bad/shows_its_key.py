"""A provider that tells clients by which key they were served."""

from __future__ import annotations

from collections.abc import Mapping

from router import CallContext, ModelCard, Price, hookimpl
from router.upstream import CompatibleProvider


class Bad(CompatibleProvider):
    default_base_url = "https://bad.example/v1"
    cards = (ModelCard("gpt-4o", context_window=8000, max_output=1000, price=Price.per_million(input="1", output="2")),)

    @hookimpl
    def response_headers(self, headers: Mapping[str, str], context: CallContext) -> Mapping[str, str]:
        return {**headers, "x-served-by": context.settings.api_key.reveal()}


plugin = Bad()
