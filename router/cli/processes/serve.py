"""``router serve``: bring the database up to date, then watch over workers."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable

import click

from router.cli.processes.measuring import measuring
from router.cli.processes.running import pid_file
from router.cli.support.output import print_json
from router.cli.support.portal_process import PORTAL_APP, listening, portal_address, portal_plan
from router.cli.support.session import CommandSession, common
from router.config.file import Settings, load_settings
from router.errors import ConfigError, RouterError, StoreError
from router.server.companion import Companion
from router.server.master import serve as serve_workers

__all__ = ["AT_START", "serve"]

AT_START = ("host", "port", "workers")
"""The keys of ``[server]`` that hold until the gateway is started anew."""

_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 10.0
_log = logging.getLogger("router.server")


@click.command()
@click.option("--host", help="Address to listen on; wins over [server] host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(0, 512), help="Worker processes; 0 is one per core.")
@common
def serve(session: CommandSession, host: str | None, port: int | None, workers: int | None) -> int:
    """Serve the gateway until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.

    Pending migrations are applied first, on both engines: each is one transaction under a lock that all nodes share, so
    a new version needs no extra step, and one that fails is rolled back and refuses the start. A database without
    tables is refused: `router db migrate` says that it is to be a new gateway's. While PostgreSQL does not answer, or
    takes no writes, the start waits, for [database] wait_s at most.

    Where [portal] enabled is true, the portal runs beside it, in a process of its own that knows no provider's key;
    what becomes of that never stops the gateway. With [portal] workers = 0 the gateway's workers serve it.
    """
    server = session.settings.server
    _prepare(session)
    count = server.workers if workers is None else workers
    options = {"host": host, "port": port, "workers": workers}
    from_file = [key for key in AT_START if options[key] is None]

    def on_ready(url: str) -> None:
        address = portal_address(session.settings, url)
        if session.as_json:
            told = {"url": url, "portal": address or None, "pid": os.getpid()}
            told |= {"metrics": measured.url} if measured.url else {}
            print_json({**told, "config": str(session.config.absolute())})
        if measured.url:
            session.note(f"Prometheus finds the gateway's figures at {measured.url}")
        session.note(f"The gateway serves at {url} (clients' base URL: {url}/v1)")
        if address and not session.settings.portal.workers:
            session.note(f"The portal is at {address}")

    with measuring(session.settings) as measured, pid_file(session.settings) as held:
        if not held:
            session.note(
                "warning: the PID file cannot be held ([server] pid_file): `router stop` will not find this one"
            )
        return serve_workers(
            str(session.config.absolute()),
            server.host if host is None else host,
            server.port if port is None else port,
            count or _cores(),
            server.grace_s + server.unready_s,
            on_ready,
            environ=listening(os.environ, host, port),
            metrics=measured.metrics,
            on_reload=lambda: _warn_of_restart(session.settings, from_file),
            scheme="https" if server.tls_cert else "http",
            companion=Companion(
                portal_plan(session.settings, PORTAL_APP, host, port),
                lambda url: session.note(f"The portal is at {session.settings.portal.public_url or url}"),
                measured.sheets,
            ),
        )


def _prepare(session: CommandSession) -> None:
    """Wait for the database where waiting may help, and bring it up to date."""
    left_s, pause_s = session.settings.database.wait_s, _PAUSE_MIN_S
    while True:
        begun = time.monotonic()
        try:
            _migrate(session)
            break
        except StoreError as error:
            left_s -= time.monotonic() - begun + pause_s
            if session.database.engine != "postgresql" or left_s < 0:
                raise
            session.note(f"{error.message} The gateway waits for it, {left_s:.0f} s more at most.")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)
    session.database.close()


def _migrate(session: CommandSession) -> None:
    from router.app.installed import plugin_migrations
    from router.db.generation import renew_generation
    from router.db.sqlite import SqliteEngine
    from router.store.migrating import check_writable, is_new, migrate

    def failed(plugin: str, error: ConfigError) -> None:
        session.registry.leave_out(plugin, error.message)

    if isinstance(session.database.backend, SqliteEngine) and session.database.backend.path.exists():
        renew_generation(session.database.backend)
    if is_new(session.database):
        raise ConfigError(
            f"{session.settings.where('database.url')}: the {session.database.place} is empty. If another is meant, "
            "correct the URL; if this is to be a new gateway's, say so with `router db migrate`, then serve."
        )
    for step in migrate(session.database, plugin_migrations(session.registry), failed):
        session.note(f"applied migration {step.number} of {step.owner}: {step.title}")
    check_writable(session.database)


def _warn_of_restart(start: Settings, keys: Iterable[str]) -> None:
    """Say which of these keys have changed since the start, in vain as long as the gateway is only reloaded."""
    try:
        now = load_settings(start.path)
    except RouterError:
        return  # changed again since the new workers read it; the next reload tells
    for key in keys:
        old, new = getattr(start.server, key), getattr(now.server, key)
        if old != new:
            where = now.where(f"server.{key}")
            _log.warning("%s is %r now, and needs a restart: until then it is that of the start, %r", where, new, old)
    if now.metrics != start.metrics:
        _log.warning("%s has changed, and needs a restart: until then it is as it was", now.where("metrics"))


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
