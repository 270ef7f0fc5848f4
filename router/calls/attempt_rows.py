"""The row of one upstream call, as operators see it; and whom a failure names, as clients see it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from router.charging.targets import TargetPlan, header_text
from router.errors import UpstreamError
from router.types.masking import masked, one_line, without_quotes
from router.types.records import Attempt

__all__ = ["SAID_MAX", "attempt_row", "attempt_text", "named"]

SAID_MAX = 300
"""Letters of what an upstream said."""


def attempt_row(target: TargetPlan, failure: UpstreamError | None, started: float, body: Mapping[str, Any]) -> Attempt:
    """An attempt that ended now.

    Args:
        failure: why it failed; None where it did not.
        started: monotonic seconds.
        body: the client's, of which nothing is quoted.
    """
    latency_ms = round((time.monotonic() - started) * 1000)
    if failure is None:
        return Attempt(target.provider.name, target.model, "ok", 200, latency_ms)
    said = one_line(without_quotes(masked(failure.in_full), body), SAID_MAX)
    return Attempt(target.provider.name, target.model, failure.kind, failure.upstream_status, latency_ms, said)


def named(error: UpstreamError, target: TargetPlan) -> UpstreamError:
    """A failure of the transport names the host, which is the operator's business: a client knows the provider."""
    if error.provider is None:
        error.provider = target.provider.name
        head, colon, rest = error.message.partition(": ")
        if colon and head.startswith("upstream "):
            error.detail = error.detail or error.message
            error.message = f"{target.provider.name}: {rest.replace(head.removeprefix('upstream '), 'its host')}"
    error.args = (error.message,)
    return error


def attempt_text(attempt: Attempt) -> str:
    """As a header tells it: ``openai/gpt-4o;timeout;5003ms``."""
    return f"{header_text(f'{attempt.provider}/{attempt.model}')};{attempt.kind};{attempt.latency_ms}ms"
