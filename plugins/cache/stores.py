"""Where answers are kept."""

from __future__ import annotations

import logging
import time
from typing import Any, Protocol

from router import PluginConnection, PluginDatabase

__all__ = ["TABLE", "AnswerStore", "DatabaseStore", "RedisStore"]

TABLE = "CREATE TABLE cache_answers (digest TEXT PRIMARY KEY, answer TEXT NOT NULL, kept_at BIGINT NOT NULL)"
_GET = "SELECT answer FROM cache_answers WHERE digest = ? AND kept_at >= ?"
_PUT = (
    "INSERT INTO cache_answers (digest, answer, kept_at) VALUES (?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET answer = excluded.answer, kept_at = excluded.kept_at"
)
_EXPIRE = "DELETE FROM cache_answers WHERE kept_at < ?"
_COUNT = "SELECT COUNT(*) AS kept FROM cache_answers"
_OLDEST = (
    "DELETE FROM cache_answers WHERE digest IN (SELECT digest FROM cache_answers ORDER BY kept_at, digest LIMIT ?)"
)
_TIDY_EVERY = 200  # answers that one worker keeps between two looks at how many there are
_PREFIX = "router:cache:"
_WAIT_S = 0.5
_REST_S = 5.0


class AnswerStore(Protocol):
    """What keeps texts under digests, for a while."""

    def get(self, digest: str, now: float) -> str | bytes | None: ...
    def put(self, digest: str, text: str, now: float) -> None: ...
    def tidy(self, now: float) -> None: ...


class DatabaseStore:
    """A table of the plugin's own.

    Args:
        most: how many answers are kept.
    """

    def __init__(self, database: PluginDatabase, ttl_s: float, most: int) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._most = most
        self._since_tidy = 0

    def get(self, digest: str, now: float) -> str | None:
        """See ``AnswerStore``."""
        row = self._database.read(lambda connection: connection.row(_GET, (digest, int(now - self._ttl_s))))
        return None if row is None else str(row["answer"])

    def put(self, digest: str, text: str, now: float) -> None:
        """See ``AnswerStore``."""
        self._database.write(lambda connection: connection.execute(_PUT, (digest, text, int(now))))
        self._since_tidy += 1
        if self._since_tidy >= min(_TIDY_EVERY, self._most):
            self._since_tidy = 0
            self.tidy(now)

    def tidy(self, now: float) -> None:
        """Forget what is over, and the oldest of what is too much."""
        expired = int(now - self._ttl_s)

        def forget(connection: PluginConnection) -> None:
            connection.execute(_EXPIRE, (expired,))
            row = connection.row(_COUNT)
            over = 0 if row is None else int(row["kept"]) - self._most
            if over > 0:
                connection.execute(_OLDEST, (over,))

        self._database.write(forget)


class RedisStore:
    """A Redis server, which forgets by itself. While it does not answer nothing is kept, and nothing waits for it."""

    def __init__(self, url: str, ttl_s: float, log: logging.Logger) -> None:
        import redis

        self._failures = (redis.RedisError, OSError)
        self._client: Any = redis.Redis.from_url(url, socket_timeout=_WAIT_S, socket_connect_timeout=_WAIT_S)
        self._ttl_s = ttl_s
        self._log = log
        self._rests_until = 0.0

    def get(self, digest: str, now: float) -> bytes | None:
        """See ``AnswerStore``."""
        found = self._asked("get", _PREFIX + digest)
        return found if isinstance(found, bytes) else None

    def put(self, digest: str, text: str, now: float) -> None:
        """See ``AnswerStore``."""
        self._asked("set", _PREFIX + digest, text, ex=max(1, int(self._ttl_s)))

    def tidy(self, now: float) -> None:
        """Redis does it."""

    def _asked(self, command: str, *arguments: Any, **options: Any) -> Any:
        if time.monotonic() < self._rests_until:
            return None
        try:
            return getattr(self._client, command)(*arguments, **options)
        except self._failures as error:
            self._rests_until = time.monotonic() + _REST_S
            said = "Redis does not answer (%s): nothing is kept, or taken from it, for %g s"
            self._log.warning(said, type(error).__name__, _REST_S)
            return None
