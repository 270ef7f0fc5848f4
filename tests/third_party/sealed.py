"""A third party's provider, by public names alone: a token that it fetches, and a signature over each body."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

from router import CallContext, ModelCard, PluginContext, Price, ProviderSettings, UpstreamError, hookimpl
from router.upstream import CompatibleProvider, Request, ResponseHead

requires_hooks = "0.2"
_nonces = count(1)


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """Attributes:
    token_url: where a token is fetched.
    """

    token_url: str = ""


@dataclass(frozen=True)
class Extra:
    """Attributes:
    shown: the upstream's headers that clients see.
    """

    shown: tuple[str, ...] = ("x-sealed-id",)


class Sealed(CompatibleProvider):
    default_base_url = "https://sealed.example/v1"
    cards = (ModelCard("one", context_window=8000, max_output=1000, price=Price.per_million(input="1", output="2")),)
    requires_hooks = requires_hooks

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._shown: tuple[str, ...] = ()

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        self._shown = context.settings.shown

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def plugin_settings(self) -> type:
        return Extra

    def headers(self, context: CallContext) -> dict[str, str]:
        return {"Content-Type": "application/json"}  # no key: that never leaves, it signs

    @hookimpl
    def sign(self, request: Request, context: CallContext) -> Request:
        key = context.settings.api_key.reveal()
        token = self._tokens.get(context.provider) or self._fetched(context)
        nonce = f"{time.time_ns()}-{next(_nonces)}"
        signed = hmac.new(key.encode(), nonce.encode() + (request.body or b""), "sha256").hexdigest()
        own = {"Authorization": f"Bearer {token}", "X-Nonce": nonce, "X-Signature": signed}
        return replace(request, headers={**request.headers, **own})

    @hookimpl
    def unauthorized(self, request: Request, response: ResponseHead, context: CallContext) -> bool:
        used = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(context.provider) == used:  # else somebody else has renewed it
            del self._tokens[context.provider]
        return "token" in response.headers.get("www-authenticate", "")

    @hookimpl
    def response_headers(self, headers: Mapping[str, str], context: CallContext) -> Mapping[str, str]:
        return {name: value for name, value in headers.items() if name in self._shown}

    def _fetched(self, context: CallContext) -> str:
        settings = context.settings
        if not settings.token_url:
            raise UpstreamError("auth", "There is no token.", detail=f"[providers.{context.provider}] lacks token_url")
        asked = Request("POST", settings.token_url, {}, b"{}", context.timeouts)
        response = context.transport.send(asked)
        try:
            token = json.loads(response.read(10_000))["token"]
        finally:
            response.close()
        context.mask(token)
        self._tokens[context.provider] = token
        return str(token)


plugin = Sealed()
