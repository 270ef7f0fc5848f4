"""An issuer's signing keys: found by discovery, kept, and fetched again seldom, beside the calls where that can be."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

import gevent
import jwt

__all__ = ["IssuerKeys", "IssuerUnknown", "fetched"]

_BYTES_MAX = 2**20
_KEYS_MAX = 200
_WELL_KNOWN = "/.well-known/openid-configuration"
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})


class IssuerUnknown(Exception):
    """The issuer's keys could not be had; the text says why."""


def fetched(url: str, timeout_s: float) -> Any:
    """The JSON at an address, no redirect followed, within bounds of size and time.

    Raises:
        IssuerUnknown: there is none.
    """
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise IssuerUnknown(f"{url} is no address of the web")
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    parts: list[bytes] = []
    try:
        late = gevent.Timeout(timeout_s, IssuerUnknown(f"{url} is too slow"))  # for what a socket's limit does not see
        with late, _OPENER.open(request, timeout=timeout_s) as response:
            while part := response.read1(65_536):
                parts.append(part)
                if sum(map(len, parts)) > _BYTES_MAX:
                    raise IssuerUnknown(f"{url} sends too much")
        return json.loads(b"".join(parts))
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise IssuerUnknown(f"{url} gives no JSON: {type(error).__name__}: {error}") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


class IssuerKeys:
    """The keys of one issuer.

    Args:
        issuer: as its tokens name it.
        jwks_url: where its keys are; empty asks its discovery document.
        max_age_s: after which they are fetched again, beside the calls.
        retry_s: between two fetches at least, whatever is asked for.
        timeout_s: of one fetch.
        fetch: gives the JSON at an address.
        clock: seconds, monotonic.
        spawn: runs a function beside the calls.
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str = "",
        *,
        max_age_s: float,
        retry_s: float,
        timeout_s: float,
        fetch: Callable[[str, float], Any] = fetched,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._max_age_s = max_age_s
        self._retry_s = retry_s
        self._timeout_s = timeout_s
        self._fetch = fetch
        self._clock = clock
        self._spawn = spawn or _beside
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = threading.Lock()
        self.problem = ""

    def of(self, kid: str) -> jwt.PyJWK | None:
        """The key with an ID; of an issuer with one key alone it is that where the token names none. None: no such key.

        An unknown ID has the keys fetched anew, as after a rotation, but no more often than once in ``retry_s``,
        whatever tokens claim. Keys that are old are given while they are fetched beside the call.

        Raises:
            IssuerUnknown: there are no keys, for the issuer does not answer.
        """
        if self._fetched_at is not None:
            found = self._named(kid)
            if found is not None:
                if self._clock() - self._fetched_at > self._max_age_s and self._may_try():
                    self._spawn(self._refresh)  # should it fail, those that are there still hold
                return found
        if self._may_try() or self._lock.locked():
            self._refresh()
        if self._fetched_at is None:
            raise IssuerUnknown(self.problem or "its keys are being fetched")
        return self._named(kid)

    def warm(self) -> None:
        """Fetch the keys beside the calls, so that the first of these need not wait."""
        self._spawn(self._refresh)

    def _named(self, kid: str) -> jwt.PyJWK | None:
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= self._retry_s

    def _refresh(self) -> None:
        """Fetch the keys; whoever comes meanwhile waits for that, and no longer than for one fetch."""
        with self._lock:
            if not self._may_try():
                return
            self._tried_at = self._clock()
            try:
                self._keys = _usable(self._fetch(self._address(), self._timeout_s))
                self._fetched_at, self.problem = self._clock(), ""
            except IssuerUnknown as unknown:
                self.problem = str(unknown)

    def _address(self) -> str:
        if self._jwks_url:
            return self._jwks_url
        told = self._fetch(self._issuer.rstrip("/") + _WELL_KNOWN, self._timeout_s)
        if not isinstance(told, Mapping) or told.get("issuer") != self._issuer:
            raise IssuerUnknown("its discovery document is another issuer's")
        address = told.get("jwks_uri")
        if not isinstance(address, str):
            raise IssuerUnknown("its discovery document has no jwks_uri")
        if self._issuer.startswith("https:") and not address.startswith("https:"):
            raise IssuerUnknown("its discovery document leads from https to http")
        return address


def _usable(told: Any) -> dict[str, jwt.PyJWK]:
    """The keys of a set that sign, by ID; never one that is a shared secret."""
    listed = told.get("keys") if isinstance(told, Mapping) else None
    if not isinstance(listed, list):
        raise IssuerUnknown("what it gives is no set of keys")
    found = {}
    for one in listed[:_KEYS_MAX]:
        if not isinstance(one, Mapping) or one.get("kty") not in _ASYMMETRIC or one.get("use") not in (None, "sig"):
            continue
        kid = one.get("kid")
        try:
            found[kid if isinstance(kid, str) else ""] = jwt.PyJWK(dict(one))
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
    return found


def _beside(function: Callable[[], None]) -> None:
    threading.Thread(target=function, daemon=True).start()
