"""The plugin ``cache``: the same question of the same customer is answered once, and again from what was kept.

Exactly the same: the whole body counts, but for fields that change no answer. What is kept stands in the gateway's
database, or in Redis.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from router_plugins.cache.asking import asks_the_same, digest_of
from router_plugins.cache.stores import TABLE, AnswerStore, DatabaseStore, RedisStore

from router import CachedAnswer, CallRequest, Job, Migration, PluginContext, Secret, hookimpl

__all__ = ["Cache", "Settings", "plugin"]


@dataclass(frozen=True)
class Settings:
    """``[plugins.cache]``.

    Attributes:
        store: where answers are kept: ``database``, or ``redis`` (extra ``[redis]``).
        redis_url: of Redis, such as ``redis://127.0.0.1:6379/0``; ``rediss`` with TLS.
        ttl_s: how long an answer is given again.
        share: who gets it: calls of the same ``key``, or of all keys of its ``account`` that may use the model. Never
            another account.
        any_temperature: whether calls are answered from what is kept whose answers differ from one time to the next:
            those that set neither ``temperature`` to 0 nor ``seed``.
        tools: whether calls that offer tools are, too; a client may then act again on the same call of a tool.
        models: those whose calls are, as clients write them; empty for all.
        max_bytes: of one answer that is kept.
        max_answers: how many are kept in the database, the newest; Redis has bounds of its own (``maxmemory``).
    """

    store: str = field(default="database", metadata={"one_of": ("database", "redis")})
    redis_url: Secret = field(default=Secret("", "env:ROUTER_CACHE_REDIS_URL"))
    ttl_s: float = field(default=3600.0, metadata={"min": 1, "max": 31_536_000})
    share: str = field(default="key", metadata={"one_of": ("key", "account")})
    any_temperature: bool = False
    tools: bool = False
    models: tuple[str, ...] = ()
    max_bytes: int = field(default=262_144, metadata={"min": 1024, "max": 2**20})
    max_answers: int = field(default=100_000, metadata={"min": 1, "max": 100_000_000})

    def __post_init__(self) -> None:
        if self.store != "redis":
            return
        if not self.redis_url:
            raise ValueError("store = 'redis' needs redis_url, or the variable ROUTER_CACHE_REDIS_URL")
        if importlib.util.find_spec("redis") is None:
            raise ValueError("store = 'redis' needs a library: pip install 'tollrouter[redis]'")


class Cache:
    """The plugin.

    Args:
        clock: Unix seconds.
    """

    requires_hooks = "0.3"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._store: AnswerStore | None = None

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [Migration(1, "answers", TABLE)]

    @hookimpl
    def jobs(self, context: PluginContext) -> Sequence[Job]:
        return [Job("forget", 60, lambda: self._open(context).tidy(self._clock()))]

    @hookimpl
    def answer_get(self, context: PluginContext, call: CallRequest) -> CachedAnswer | None:
        settings: Settings = context.settings
        if not asks_the_same(call, settings.any_temperature, settings.tools, settings.models):
            return None
        text = self._open(context).get(digest_of(call, of_account=settings.share == "account"), self._clock())
        answer = None if text is None else CachedAnswer.unpacked(text)
        return answer if answer is not None and self._clock() - answer.made_at <= settings.ttl_s else None

    @hookimpl
    def answer_put(self, context: PluginContext, call: CallRequest, answer: CachedAnswer) -> None:
        settings: Settings = context.settings
        if len(answer.body) > settings.max_bytes or (answer.calls_tools and not settings.tools):
            return
        whole = answer.finish in _WHOLE if "messages" in call.body else True
        if whole and asks_the_same(call, settings.any_temperature, settings.tools, settings.models):
            digest = digest_of(call, of_account=settings.share == "account")
            self._open(context).put(digest, answer.packed(), self._clock())

    def _open(self, context: PluginContext) -> AnswerStore:
        if self._store is None:
            settings: Settings = context.settings
            if settings.store == "redis":
                self._store = RedisStore(settings.redis_url.reveal(), settings.ttl_s, context.log)
            else:
                self._store = DatabaseStore(context.database, settings.ttl_s, settings.max_answers)
        return self._store


_WHOLE = frozenset({"stop", "tool_calls", "function_call"})
"""How an answer ends that is neither cut by a cap nor withheld."""

plugin = Cache()
