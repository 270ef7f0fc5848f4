"""A bearer key -> a ``Key``: the one place that decides whether a caller is known, for every route and both headers."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any

from router.db.ids import has_checksum
from router.errors import BadRequest, Forbidden, Unauthorized
from router.store.fresh import Flights, Fresh
from router.types.records import Key

__all__ = ["CODES", "Authenticator", "PluginAuthenticator", "check_calls"]

_HINT = "Send it as 'Authorization: Bearer YOUR_KEY'."
_REFUSALS = {
    "unknown": f"Incorrect API key provided. {_HINT}",
    "disabled": "This API key is disabled.",
    "revoked": "This API key is revoked.",
    "expired": "This API key has expired.",
}
CODES = {
    "unknown": "invalid_api_key",
    "disabled": "api_key_disabled",
    "revoked": "api_key_revoked",
    "expired": "api_key_expired",
}
"""Why a key may do nothing -> the error's code."""

_CACHE_LIMIT = 20_000
_NOT_OURS = frozenset({"missing", "malformed", "unknown"})
_log = logging.getLogger("router.calls")
_UNSEEN: tuple[float, Key | None] = (0.0, None)


class Authenticator:
    """Looks keys up by their SHA-256, and remembers the answer for ``max_age_s``, or until something changes.

    Args:
        find: hash in hex -> the key; None when there is none. May raise ``StoreError``.
        version: the present one of all keys, accounts and limits, asked once in ``max_age_s``: a key that was read
            under it is as good as read now. None looks each key up again.
        unchecked: whether there are keys without a checksum; where there are none, a key whose checksum is wrong is
            refused without a look. None looks each key up.
        max_age_s: how long a revoked key may still be let in by a worker that has seen it.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        find: Callable[[str], Key | None],
        *,
        version: Callable[[], int] | None = None,
        unchecked: Callable[[], bool] | None = None,
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
        self._version = None if version is None else Fresh(version, max_age_s=max_age_s, clock=clock)
        self._flights: Flights[tuple[float, Key | None]] = Flights()
        self._unchecked = None if unchecked is None else Fresh(unchecked, max_age_s=max_age_s, clock=clock)

    def key(
        self,
        authorization: str | None,
        x_api_key: str | None,
        api_key: str | None = None,
        *,
        fresh: bool = False,
    ) -> Key:
        """The caller's key.

        Args:
            authorization: the ``Authorization`` header.
            x_api_key: the ``X-API-Key`` header.
            api_key: the ``api-key`` header, which is Azure's.
            fresh: read it again, whatever is remembered.

        Raises:
            Unauthorized: no key, or one that is malformed, unknown, disabled, revoked or expired.
            BadRequest: two of the headers hold different keys.
        """
        text = _key_text(authorization, x_api_key, api_key)
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        read_at, known = self._seen.get(digest, _UNSEEN)
        if (
            known is not None
            and not fresh
            and known.status == "active"
            and known.version >= self._least_version
            and (known.expires_at is None or known.expires_at > self._wall_clock())
        ):
            # The many: it may be used, and what was read of it is recent, or was read under the present version.
            recent = self._clock() - read_at <= self._max_age_s
            if recent or (self._version is not None and self._version.get() == known.version):
                return known
        if digest not in self._seen and not self._may_be(text):
            raise Unauthorized(_REFUSALS["unknown"], reason="unknown")
        return self._admitted(digest, fresh)

    def _admitted(self, digest: str, fresh: bool) -> Key:
        """The key with this hash, if it may be used.

        Raises:
            Unauthorized: it is unknown, disabled, revoked or expired.
        """
        key = self._look_up(digest, fresh)
        refusal = self._refusal(key)
        if refusal and key is not None:  # no transaction would tell of a change: it may be good again by now
            key = self._look_up(digest, fresh=True)
            refusal = self._refusal(key)
        if key is None or refusal:
            error = Unauthorized(_REFUSALS[refusal], reason=refusal, code=CODES[refusal])
            if key is not None:
                error.about = {"account": key.account, "key": key.id}
            raise error
        return key

    def version(self) -> int:
        """The present version of all keys, accounts and limits, or one that was present a second ago; 0 where unknown.

        Raises:
            StoreError: the database does not answer.
        """
        return 0 if self._version is None else self._version.get()

    def forget(self, key: Key | None = None) -> None:
        """Forget keys, so that they are looked up again: those read under ``key``'s version or an older one, or all."""
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
        seen = self._seen.get(digest)
        if seen is not None and not fresh and self._holds(*seen, self._clock()):
            return seen[1]
        read_at, key = self._flights.get(digest, lambda: (self._clock(), self._find(digest)), fresh=fresh)
        if key is not None and key.version < self._least_version:  # somebody else had begun to read it before
            read_at, key = self._flights.get(digest, lambda: (self._clock(), self._find(digest)), fresh=True)
        if len(self._seen) >= _CACHE_LIMIT:
            self._seen.clear()
        self._seen[digest] = (read_at, key)
        return key

    def _may_be(self, text: str) -> bool:
        """Whether a text can be a key: its checksum gives away made-up ones, and spares the database a question."""
        return has_checksum(text) or self._unchecked is None or self._unchecked.get()

    def _holds(self, read_at: float, known: Key | None, now: float) -> bool:
        """Whether the answer that was read at ``read_at`` still holds, so that the database need not be asked."""
        recent = now - read_at <= self._max_age_s
        if known is None:
            return recent
        # One that is refused gets to no transaction that would tell of a change: it may be good again by now.
        if known.version < self._least_version or self._refusal(known):
            return False
        # As of ``max_age_s`` ago at most, nothing has changed under its version.
        return recent or (self._version is not None and self._version.get() == known.version)


class PluginAuthenticator(Authenticator):
    """As ``Authenticator``, and where what is shown is no key of ours, plugins are asked whose it is.

    Args:
        ask: the two headers -> the ID of a key of ours; None where nobody knows them.
        hash_of: the ID of a key -> its hash; None where there is no such key.
    """

    def __init__(
        self,
        find: Callable[[str], Key | None],
        ask: Callable[[str | None, str | None], str | None],
        hash_of: Callable[[str], str | None],
        **options: Any,
    ) -> None:
        super().__init__(find, **options)
        self._ask = ask
        self._hash_of = hash_of

    def key(
        self,
        authorization: str | None,
        x_api_key: str | None,
        api_key: str | None = None,
        *,
        fresh: bool = False,
    ) -> Key:
        """As ``Authenticator.key``."""
        try:
            return super().key(authorization, x_api_key, api_key, fresh=fresh)
        except Unauthorized as error:
            if error.reason not in _NOT_OURS:
                raise
            key_id = self._ask(authorization, x_api_key or api_key)
            if key_id is None:
                raise
            digest = self._hash_of(key_id)
            if digest is None:
                _log.error("a plugin's authenticate names the key %r, which is not there", key_id[:64])
                raise
        return self._admitted(digest, fresh)


def check_calls(key: Key) -> None:
    """Refuse a key that is not for calls.

    Raises:
        Forbidden: it manages.
    """
    if key.calls_models:
        return
    message = f"This API key is a {key.kind} key, which calls no model: use a key that was made to call models."
    error = Forbidden(message, code="key_calls_no_model")
    error.about = {"account": key.account, "key": key.id}
    raise error


def _key_text(authorization: str | None, x_api_key: str | None, api_key: str | None) -> str:
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            message = f"The Authorization header is not of the form 'Bearer YOUR_KEY'. {_HINT}"
            raise Unauthorized(message, reason="malformed")
    other = x_api_key.strip() if x_api_key is not None else None
    if bearer and other and bearer != other:
        raise _ambiguous("Authorization", "X-API-Key")
    text = bearer or other
    if api_key is not None:
        azure = api_key.strip()
        if text and azure and text != azure:
            raise _ambiguous("Authorization" if bearer else "X-API-Key", "api-key")
        text = text or azure
    if not text:
        raise Unauthorized(f"No API key provided. {_HINT}", reason="missing")
    return text


def _ambiguous(one: str, other: str) -> BadRequest:
    return BadRequest(f"The {one} and {other} headers hold different keys; send one of them.", code="ambiguous_api_key")
