"""A bearer key -> a ``Key``: the one place that decides whether a caller is known, for every route and both headers."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable

from router.errors import BadRequest, Unauthorized
from router.types import Key

__all__ = ["Authenticator"]

_HINT = "Send it as 'Authorization: Bearer YOUR_KEY'; an operator makes one with `router keys create`."
_REFUSALS = {
    "unknown": f"Incorrect API key provided. {_HINT}",
    "disabled": "This API key is disabled.",
    "revoked": "This API key is revoked.",
    "expired": "This API key has expired.",
}
_CACHE_LIMIT = 20_000


class Authenticator:
    """Looks keys up by their SHA-256, and remembers the answer for ``max_age_s``, or until something changes.

    Args:
        find: hash in hex -> the key; None when there is none. May raise ``StoreError``.
        version: the present one of all keys, accounts and limits, asked once in ``max_age_s``: a key that was read
            under it is as good as read now. None looks each key up again.
        max_age_s: how long a revoked key may still be let in by a worker that has seen it.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        find: Callable[[str], Key | None],
        *,
        version: Callable[[], int] | None = None,
        max_age_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._find = find
        self._max_age_s = max_age_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._seen: dict[str, tuple[float, Key | None]] = {}
        self._least_version = 0
        self._version = version
        self._checked: tuple[float, int] | None = None
        self._checking = False

    def key(self, authorization: str | None, x_api_key: str | None, *, fresh: bool = False) -> Key:
        """The caller's key.

        Args:
            authorization: the ``Authorization`` header.
            x_api_key: the ``X-API-Key`` header.
            fresh: read it again, whatever is remembered.

        Raises:
            Unauthorized: no key, or one that is malformed, unknown, disabled, revoked or expired.
            BadRequest: the two headers hold different keys.
        """
        text = _key_text(authorization, x_api_key)
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        key = self._look_up(digest, fresh)
        refusal = self._refusal(key)
        if refusal and key is not None:  # no transaction would tell of a change: it may be good again by now
            key = self._look_up(digest, fresh=True)
            refusal = self._refusal(key)
        if key is None or refusal:
            raise Unauthorized(_REFUSALS[refusal], reason=refusal)
        return key

    def forget(self, key: Key | None = None) -> None:
        """Look keys up again: all that were read under ``key``'s version or an older one, or simply all."""
        if key is None:
            self._seen.clear()
        else:
            self._least_version = max(self._least_version, key.version + 1)

    def _refusal(self, key: Key | None) -> str:
        """Why the key may do nothing, one of ``_REFUSALS``; empty where it may."""
        if key is None:
            return "unknown"
        if key.status != "active":
            return key.status
        if key.expires_at is not None and key.expires_at <= self._wall_clock():
            return "expired"
        return ""

    def _look_up(self, digest: str, fresh: bool) -> Key | None:
        now = self._clock()
        seen = self._seen.get(digest)
        if seen is not None and not fresh and self._holds(*seen, now):
            return seen[1]
        key = self._find(digest)
        if len(self._seen) >= _CACHE_LIMIT:
            self._seen.clear()
        self._seen[digest] = (now, key)
        return key

    def _holds(self, read_at: float, known: Key | None, now: float) -> bool:
        """Whether what was read then need not be read again."""
        recent = now - read_at <= self._max_age_s
        if known is None:
            return recent
        # One that is refused gets to no transaction that would tell of a change: it may be good again by now.
        if known.version < self._least_version or self._refusal(known):
            return False
        return recent or self._is_present(known.version, now)

    def _is_present(self, version: int, now: float) -> bool:
        """Whether nothing has changed under a version, as of ``max_age_s`` ago at most."""
        if self._version is None:
            return False
        age_s = math.inf if self._checked is None else now - self._checked[0]
        if age_s > self._max_age_s or (age_s > self._max_age_s / 2 and not self._checking):
            self._checking = True  # one asks in good time, and the others need not wait for the answer
            try:
                self._checked = (now, self._version())
            finally:
                self._checking = False
        return self._checked is not None and self._checked[1] == version


def _key_text(authorization: str | None, x_api_key: str | None) -> str:
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            message = f"The Authorization header is not of the form 'Bearer YOUR_KEY'. {_HINT}"
            raise Unauthorized(message, reason="malformed")
    other = x_api_key.strip() if x_api_key is not None else None
    if bearer and other and bearer != other:
        raise BadRequest(
            "The Authorization and X-API-Key headers hold different keys; send one of them.", code="ambiguous_api_key"
        )
    text = bearer or other
    if not text:
        raise Unauthorized(f"No API key provided. {_HINT}", reason="missing")
    return text
