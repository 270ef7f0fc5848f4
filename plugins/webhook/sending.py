"""Batches are sent: the oldest first, signed, again with growing pauses where they are not taken."""

from __future__ import annotations

import random
import time

from router_plugins.webhook.outbox import Batch, Outbox

from router import PluginContext, webhook_headers

__all__ = ["send_due"]

_AT_ONCE = 20
_RUN_S = 20.0
_PAUSE_S, _PAUSE_MAX_S = 5.0, 3600.0
_READ_MAX = 4096


def send_due(context: PluginContext) -> int:
    """Send what is due, until something is not taken; how many batches were taken."""
    outbox, taken = Outbox(context), 0
    ends = time.monotonic() + _RUN_S
    while time.monotonic() < ends:
        batches = outbox.due(time.time(), _AT_ONCE)
        for batch in batches:
            problem = _problem_of(context, batch)
            if problem:
                _later(context, outbox, batch, problem)
                return taken
            outbox.remove([batch.id])
            taken += 1
        if len(batches) < _AT_ONCE:
            break
    return taken


def _later(context: PluginContext, outbox: Outbox, batch: Batch, problem: str) -> None:
    """Have a batch sent later, or give it up."""
    now = time.time()
    if now - batch.created_at >= context.settings.give_up_after_s:
        outbox.remove([batch.id])
        context.log.error("webhook: %d calls (%s) were given up: %s", batch.calls, batch.id, problem)
        return
    pause_s = min(_PAUSE_S * 2.0 ** min(batch.tries, 12), _PAUSE_MAX_S) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    outbox.again(batch, now + pause_s)
    if batch.tries == 0:
        context.log.warning("webhook: a batch of calls was not taken, and is sent again: %s", problem)


def _problem_of(context: PluginContext, batch: Batch) -> str:
    """Why a batch was not taken; empty where it was."""
    import requests  # only where there is a URL: workers start without it

    settings, body = context.settings, batch.body.encode("utf-8")
    headers = webhook_headers(batch.id, int(time.time()), body, settings.secret.reveal())
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.post(
            settings.url.reveal(),
            data=body,
            headers={"content-type": "application/json", "user-agent": "router-webhook/1", **headers},
            timeout=settings.timeout_s,
            allow_redirects=False,
            stream=True,
        )
        answer.raw.read(_READ_MAX)
        return "" if 200 <= answer.status_code < 300 else f"answered {answer.status_code}"
    except (requests.RequestException, OSError, ValueError) as error:
        return type(error).__name__
    finally:
        session.close()
