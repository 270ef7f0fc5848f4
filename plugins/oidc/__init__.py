"""The plugin ``oidc``: callers show a bearer token of an identity provider in the place of a key of the gateway's.

A token counts for as long as it says, and is checked with the issuer's public keys; what one of its claims says becomes
the key as which its bearer is served.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from router import Credentials, PluginContext, Unavailable, hookimpl

__all__ = ["Oidc", "Settings", "plugin"]

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those that a public key verifies: no shared secret, and never ``none``."""
_TOKEN_MAX = 16_384
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_KEY = re.compile(r"key_[A-Za-z0-9]{1,64}", re.ASCII)
_KNOWN_MAX = 10_000


@dataclass(frozen=True)
class Settings:
    """``[plugins.oidc]``.

    Attributes:
        issuer: as tokens name it (``iss``): https, or http on this machine alone.
        audience: whom tokens must be for (``aud``): one of these.
        jwks_url: where the issuer's public keys are; empty asks its discovery document.
        claim: whose value says as which key a bearer is served; of a list, the first value that is known counts.
        keys: value of the claim -> ID of a key (``key_...``).
        template: what makes an ID of a key of the claim's value where ``keys`` has none, such as ``key_{value}``; empty
            for nothing. Whoever can choose that claim chooses the key.
        algorithms: by which tokens may be signed.
        leeway_s: by how much the issuer's clock may differ.
        longest_s: how long a token may hold at most, from ``iat`` or now to ``exp``.
        max_age_s: after how long the issuer's keys are fetched again.
        retry_s: between two fetches at least, whatever key IDs tokens name.
        timeout_s: how long one fetch may take.
        refused_s: how long a token that was refused is refused without another look.
    """

    issuer: str = ""
    audience: tuple[str, ...] = field(default=(), metadata={"or_one": True})
    jwks_url: str = ""
    claim: str = "sub"
    keys: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway_s: float = field(default=30.0, metadata={"min": 0, "max": 300})
    longest_s: float = field(default=86_400.0, metadata={"min": 60, "max": 31_536_000})
    max_age_s: float = field(default=3600.0, metadata={"min": 1, "max": 86_400})
    retry_s: float = field(default=30.0, metadata={"min": 1, "max": 3600})
    timeout_s: float = field(default=3.0, metadata={"min": 0.1, "max": 30})
    refused_s: float = field(default=10.0, metadata={"min": 0, "max": 300})

    def __post_init__(self) -> None:
        if not self.issuer:
            return  # off: nobody is known
        for name, address in (("issuer", self.issuer), ("jwks_url", self.jwks_url)):
            if address and not _is_safe(address):
                raise ValueError(f"{name} must be https, or http on this machine, not {address!r}")
        if not self.audience:
            raise ValueError("audience is missing: without it a token for any other service would do")
        if not self.keys and not self.template:
            raise ValueError("keys or template is missing: what a claim's value makes of a bearer")
        if self.template and self.template.count("{value}") != 1:
            raise ValueError(f"template must have one {{value}}, not {self.template!r}")
        wrong = [one for one in self.algorithms if one not in _ALGORITHMS]
        if importlib.util.find_spec("jwt") is None:
            raise ValueError("tokens need a library: pip install 'tollrouter[oidc]'")
        if wrong or not self.algorithms:
            raise ValueError(f"algorithms must be of {', '.join(_ALGORITHMS)}; {wrong[0] if wrong else 'none'} is not")


def _is_safe(address: str) -> bool:
    """Whether nobody on the way can answer in its place."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    local = host in ("127.0.0.1", "localhost", "::1")
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and local))


class Oidc:
    """The plugin.

    Args:
        clock: Unix seconds.
        keys_of: makes an issuer's keys of the settings, for tests.
    """

    requires_hooks = "0.3"

    def __init__(
        self, clock: Callable[[], float] = time.time, keys_of: Callable[[Settings], Any] | None = None
    ) -> None:
        self._clock = clock
        self._keys_of = keys_of or _issuer_keys
        self._keys: Any = None
        self._known: OrderedDict[bytes, tuple[float, str | None]] = OrderedDict()

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        """Fetch the issuer's keys before the first call."""
        if context.settings.issuer:
            self._keys = self._keys_of(context.settings)
            self._keys.warm()

    @hookimpl
    def authenticate(self, context: PluginContext, request: Credentials) -> str | None:
        """The key of a token that is good. A token that is refused is nobody's, and why stands in the log."""
        settings: Settings = context.settings
        token = _token(request)
        if token is None or not settings.issuer:
            return None
        name, now = hashlib.sha256(token.encode("ascii")).digest(), self._clock()
        until, key_id = self._known.get(name, (0.0, None))
        if now < until:
            return key_id
        key_id, until = self._verified(context, settings, token, now)
        self._known[name] = (until, key_id)
        self._known.move_to_end(name)
        while len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)
        return key_id

    def _verified(self, context: PluginContext, settings: Settings, token: str, now: float) -> tuple[str | None, float]:
        """The key, and until when that holds.

        Raises:
            Unavailable: the issuer's keys cannot be had: whether the token is good is not known.
        """
        from router_plugins.oidc.keys import IssuerUnknown
        from router_plugins.oidc.tokens import TokenRefused, claims_of

        if self._keys is None:
            self._keys = self._keys_of(settings)
        try:
            claims = claims_of(token, self._keys, settings, now)
        except TokenRefused as refused:
            context.log.info("a bearer token is refused: %s", refused)
            return None, now + settings.refused_s
        except IssuerUnknown as unknown:
            context.log.warning("the keys of %s cannot be had: %s", settings.issuer, unknown)
            message = "Whose this token is cannot be told just now: its issuer does not answer."
            raise Unavailable(message, code="issuer_unavailable", headers={"Retry-After": "10"}) from None
        key_id = key_for(settings, claims.get(settings.claim))
        if key_id is None:
            context.log.info("a bearer token is good, and its claim %r leads to no key", settings.claim)
            return None, now + settings.refused_s
        return key_id, min(claims["exp"] + settings.leeway_s, now + _HOLDS_S)


_HOLDS_S = 300.0
"""How long a good token is not looked at again: its issuer may have withdrawn the key that signed it."""


def key_for(settings: Settings, value: Any) -> str | None:
    """The ID of the key that a claim's value leads to; None where it leads to none."""
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | int) or isinstance(one, bool):
            continue
        found = settings.keys.get(str(one))
        if found is None and settings.template and _PLAIN.fullmatch(str(one)):
            found = settings.template.replace("{value}", str(one))
        if found is not None and _KEY.fullmatch(found):
            return found
    return None


_PLAIN = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
"""What a template takes: nothing that could make of it another ID than it says."""


def _token(request: Credentials) -> str | None:
    """What may be a token; None for anything else, so that nothing is computed of it."""
    scheme, _, rest = (request.authorization or "").partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else (request.x_api_key or "").strip()
    return token if len(token) <= _TOKEN_MAX and _SHAPE.fullmatch(token) else None


def _issuer_keys(settings: Settings) -> Any:
    from router_plugins.oidc.keys import IssuerKeys

    return IssuerKeys(
        settings.issuer,
        settings.jwks_url,
        max_age_s=settings.max_age_s,
        retry_s=settings.retry_s,
        timeout_s=settings.timeout_s,
    )


plugin = Oidc()
