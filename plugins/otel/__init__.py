"""Traces by OpenTelemetry: a span for each call, and one for each attempt below it, by the GenAI conventions.

They are made when a call is over, in the greenlet of an observer, and sent by the SDK's own queue over OTLP/HTTP: what
does not fit into it is dropped, and no call waits. Prompts and answers are in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from router import AttemptRecord, CallRecord, PluginContext, RefusalRecord, Secret, hookimpl

if TYPE_CHECKING:
    from router_plugins.otel.spans import Spans

__all__ = ["plugin"]

_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


@dataclass(frozen=True)
class Settings:
    """``[plugins.otel]``.

    Attributes:
        endpoint: where spans go, ``http://collector:4318/v1/traces``; empty turns it off.
        headers: sent with them, such as a token; ``"env:NAME"`` reads the environment.
        service: the service's name.
        sample: the share of calls that are traced where the client does not say; its own trace says it for itself.
        queue: spans that wait at most; further ones are dropped.
        refused: whether requests that never became calls have spans, too.
    """

    endpoint: str = ""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    service: str = "tollrouter"
    sample: float = field(default=1.0, metadata={"min": 0, "max": 1})
    queue: int = field(default=4096, metadata={"min": 64, "max": 1_000_000})
    refused: bool = True

    def __post_init__(self) -> None:
        if not self.endpoint:
            return
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"endpoint must be an http:// or https:// URL, not {self.endpoint!r}")
        if any(_missing(name) for name in _PACKAGES):
            raise ValueError("endpoint needs OpenTelemetry's packages: pip install 'tollrouter[otel]'")


def _missing(name: str) -> bool:
    try:
        return find_spec(name) is None
    except ModuleNotFoundError:
        return True


class Otel:
    """The plugin ``otel``. One per worker."""

    requires_hooks = "0.3"

    def __init__(self) -> None:
        self._spans: Spans | None = None
        self._refused = False

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def observes(self, context: PluginContext) -> bool:
        return context.settings is not None and bool(context.settings.endpoint)

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        settings = context.settings
        if settings is not None and settings.endpoint:
            from router_plugins.otel.spans import Spans

            headers = {name: value.reveal() for name, value in settings.headers.items()}
            self._spans = Spans(settings.endpoint, headers, settings.service, settings.sample, settings.queue)
            self._refused = settings.refused

    @hookimpl
    def attempt_finished(self, record: AttemptRecord) -> None:
        if self._spans is not None:
            self._spans.attempt(record)

    @hookimpl
    def call_finished(self, record: CallRecord) -> None:
        if self._spans is not None:
            self._spans.call(record)

    @hookimpl
    def call_refused(self, record: RefusalRecord) -> None:
        if self._spans is not None and self._refused:
            self._spans.refusal(record)

    @hookimpl
    def shutdown(self) -> None:
        if self._spans is not None:
            self._spans.close()


plugin = Otel()
