"""``router health``: whether the gateway on this machine answers, for containers and scripts."""

from __future__ import annotations

import click
import requests

from router.cli.support.own_gateway import own_session, why_no_answer
from router.cli.support.session import CommandSession, common
from router.config.tls import local_url
from router.errors import Unavailable

__all__ = ["health"]

_OK = 200


@click.command()
@click.option("--ready", is_flag=True, help="Ask /readyz: whether it can serve calls, not only whether it lives.")
@click.option("--url", help="The gateway's URL.  [default: from the configuration's host and port]")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, metavar="S")
@common
def health(session: CommandSession, ready: bool, url: str | None, timeout_s: float) -> None:
    """Ask the running gateway how it is; exit status 0 if it is well, 1 if not.

    The health check of containers and scripts. Where the gateway speaks HTTPS, it is known by its very certificate. No
    provider is asked, and no database but by --ready.
    """
    place = f"{(url or local_url(session.settings)).rstrip('/')}/{'readyz' if ready else 'healthz'}"
    try:
        with requests.Session() if url else own_session(session.settings) as client:
            answer = client.get(place, timeout=timeout_s, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        told = "look whether `router serve` runs, and at its log; --url names another place"
        raise Unavailable(f"{place} does not answer: {why_no_answer(error)}; {told}", code="not_healthy") from None
    if answer.status_code != _OK:
        raise Unavailable(f"{place} answers with {answer.status_code}: {answer.text[:200]}", code="not_healthy")
    session.show({"ok": True, "url": place, "status": answer.status_code}, f"{place} answers.")
