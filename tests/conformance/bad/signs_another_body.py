"""A provider whose signature covers a body that it has just changed."""

from __future__ import annotations

from dataclasses import replace

from router import CallContext, ModelCard, Price, hookimpl
from router.upstream import CompatibleProvider, Request


class Bad(CompatibleProvider):
    default_base_url = "https://bad.example/v1"
    cards = (ModelCard("gpt-4o", context_window=8000, max_output=1000, price=Price.per_million(input="1", output="2")),)

    @hookimpl
    def sign(self, request: Request, context: CallContext) -> Request:
        return replace(request, body=(request.body or b"") + b" ")


plugin = Bad()
