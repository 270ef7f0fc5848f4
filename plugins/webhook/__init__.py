"""Finished calls sent to a URL of the operator's: in signed batches, kept in a table until they are taken.

A call is noted in memory when it is over, so that none is slower; every few seconds what was noted becomes a row of a
table, and a leased job sends the rows. Never a prompt, never an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from router_plugins.webhook.calls import DEFAULT_FIELDS, check_fields
from router_plugins.webhook.collecting import Collector
from router_plugins.webhook.outbox import TABLES
from router_plugins.webhook.sending import send_due

from router import CallRecord, ConfigError, Job, Migration, PluginContext, Secret, hookimpl, webhook_headers

__all__ = ["Settings", "plugin"]

_SEND_S = 2.0


@dataclass(frozen=True)
class Settings:
    """``[plugins.webhook]``.

    Attributes:
        url: where calls are sent, ``https`` or ``http``; empty sends nothing.
        secret: what batches are signed with: ``whsec_`` and the base64 of 24 to 64 random bytes.
        fields: what is told of a call.
        batch: the most calls of one request.
        every_s: how long a call waits for others at most, before it is written down.
        queue: how many calls one worker keeps until they are written down; further ones are dropped.
        kept: how many batches wait to be sent; further ones are dropped.
        timeout_s: how long one request may take.
        give_up_after_s: how long a batch is tried again.
    """

    url: Secret = field(default=Secret())
    secret: Secret = field(default=Secret("", "env:ROUTER_CALLS_WEBHOOK_SECRET"))
    fields: tuple[str, ...] = DEFAULT_FIELDS
    batch: int = field(default=100, metadata={"min": 1, "max": 1000})
    every_s: float = field(default=2.0, metadata={"min": 0.05, "max": 3600})
    queue: int = field(default=10_000, metadata={"min": 1, "max": 1_000_000})
    kept: int = field(default=1000, metadata={"min": 1, "max": 1_000_000})
    timeout_s: float = field(default=15.0, metadata={"min": 1, "max": 60})
    give_up_after_s: float = field(default=86_400.0, metadata={"min": 1, "max": 31_536_000})

    def __post_init__(self) -> None:
        check_fields(self.fields)
        if self.url and not self.url.reveal().startswith(("https://", "http://")):
            raise ValueError("url must begin with https:// or http://")
        if self.secret:
            webhook_headers("check", 0, b"", self.secret.reveal())


class CallWebhook:
    """The observer ``webhook``."""

    requires_hooks = "0.2"

    def __init__(self) -> None:
        self._collector: Collector | None = None

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [Migration(1, "batches that are to be sent", TABLES)]

    @hookimpl
    def observes(self, context: PluginContext) -> bool:
        settings: Settings = context.settings
        if settings.url and not settings.secret:
            source = settings.secret.source or "[plugins.webhook] secret"
            raise ConfigError(f"what calls are signed with is not set: {source}")
        return bool(settings.url)

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        if _is_on(context):
            self._collector = Collector(context)
            self._collector.start()

    @hookimpl
    def shutdown(self) -> None:
        if self._collector is not None:
            self._collector.close()

    @hookimpl
    def call_finished(self, record: CallRecord) -> None:
        if self._collector is not None:
            self._collector.add(record)

    @hookimpl
    def jobs(self, context: PluginContext) -> Sequence[Job]:
        return [Job("send", _SEND_S, lambda: send_due(context))] if _is_on(context) else []


def _is_on(context: PluginContext) -> bool:
    """Whether there is where to send calls, and what to sign them with."""
    return bool(context.settings.url and context.settings.secret)


plugin = CallWebhook()
