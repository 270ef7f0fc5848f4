"""A provider that says with a word whether a token can be renewed."""

from __future__ import annotations

from router import CallContext, ModelCard, Price, hookimpl
from router.upstream import CompatibleProvider, Request, ResponseHead


class Bad(CompatibleProvider):
    default_base_url = "https://bad.example/v1"
    cards = (ModelCard("gpt-4o", context_window=8000, max_output=1000, price=Price.per_million(input="1", output="2")),)

    @hookimpl
    def unauthorized(self, request: Request, response: ResponseHead, context: CallContext) -> bool:
        return response.headers.get("www-authenticate")  # type: ignore[return-value]


plugin = Bad()
