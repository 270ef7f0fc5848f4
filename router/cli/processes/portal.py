"""``router portal``: the portal by itself, without a gateway beside it."""

from __future__ import annotations

import dataclasses
import os

import click

from router.cli.support.output import print_json
from router.cli.support.portal_process import PORTAL_APP, portal_text
from router.cli.support.session import CommandSession, common
from router.config.portal import PortalSettings, portal_scheme
from router.errors import ConfigError
from router.server.listener import PORTAL_KEYS
from router.server.master import serve as serve_workers

__all__ = ["portal"]


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; wins over [portal] listen.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes; wins over [portal] workers.")
@common
def portal(session: CommandSession, listen: str | None, workers: int | None) -> int:
    """Serve the portal alone until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.

    `router serve` starts a portal of its own where [portal] enabled is true; this one is for another machine, user or
    unit. Its workers are given no provider's key, and need none. It makes no tables: `router serve` or `router db
    migrate` does.
    """
    from router.app.keyless import keyless_environ

    settings = session.settings
    place = _place(settings.portal, listen)
    config = session.config.absolute()

    def on_ready(url: str) -> None:
        shown = settings.portal.public_url.rstrip("/") or url
        if session.as_json:
            print_json({"url": shown, "listen": url, "pid": os.getpid(), "config": str(config)})
        session.note(f"The portal is at {shown}")

    return serve_workers(
        str(config),
        place.host,
        place.port,
        workers or place.workers or 1,
        settings.server.grace_s + settings.server.unready_s,
        on_ready,
        app=PORTAL_APP,
        read=lambda: portal_text(config, settings),
        environ=keyless_environ(settings, session.registry),
        name="portal",
        keys=PORTAL_KEYS,
        scheme=portal_scheme(settings.portal, settings.server),
    )


def _place(settings: PortalSettings, listen: str | None) -> PortalSettings:
    """The settings with ``--listen`` in them. Raises ``ConfigError``."""
    if listen is None:
        return settings
    try:
        return dataclasses.replace(settings, listen=listen)
    except ValueError as error:
        raise ConfigError(f"--listen: {str(error).removeprefix('listen ')}") from None
