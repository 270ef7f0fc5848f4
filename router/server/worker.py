"""One worker process: ``python -m router.server.worker``, started by ``router.server.master``.

Exit status: 0 after a drain, 3 when the configuration is refused, 4 when the database does not answer, anything else
is a crash.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import contextlib
import gc
import importlib
import json
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

import gevent

from router.config.tls import TlsFiles
from router.errors import ConfigError, StoreError
from router.http1.connection import CallHandler, Site
from router.http1.limits import ClientLimits
from router.http1.refusals import RenderError
from router.metrics.worker_metrics import WorkerMetrics
from router.server.acceptor import Acceptor
from router.server.descriptors import connections_for, raise_limit
from router.server.leave import Leave
from router.server.logs import log_to_stderr
from router.server.memory import keep_trimming
from router.server.orphan import die_with_master, exit_after_master
from router.server.protocol import BEAT, BEAT_S, DEFAULT_APP, EXIT_REFUSED, EXIT_WAITING, READY, RETIRE
from router.server.vitals import keep_measuring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["WorkerApplication", "WorkerServerSettings", "WorkerSettings", "main", "serve"]

log = logging.getLogger("router.server")

_SWITCH_INTERVAL_S = 0.0005
"""How long a native thread (the database's) may keep the interpreter from the event loop; Python's own 5 ms would
be many calls' time."""


_LOOKED_S = 60.0
_CLOSE_S = 5.0

_NEW_OBJECTS = 10_000
"""How many objects there must be more before the collector looks for cycles. Calls in flight hold thousands, which it
would visit in vain for every ten calls or so; at Python's own 700 that is a tenth of a call's time."""


class WorkerServerSettings(Protocol):
    """The ``[server]`` section as the worker needs it; fields named as in ``ClientLimits`` set those."""

    @property
    def grace_s(self) -> float:
        """How long calls in flight may take to end after SIGTERM."""
        ...

    @property
    def unready_s(self) -> float:
        """How long the port stays open, unready, before that."""
        ...


class WorkerSettings(Protocol):
    """The configuration as the worker needs it."""

    @property
    def server(self) -> WorkerServerSettings:
        """The ``[server]`` section."""
        ...


class WorkerApplication(Protocol):
    """What the factory returns.

    Attributes:
        wsgi: the WSGI callable.
        calls: what serves calls without it; None where there is nothing of the kind.
        tls: the certificate that it is served with; None for HTTP.
        settings: the configuration it was built from.
        render_error: the shape of errors that never reach the WSGI callable.
        call_max_s: how long a call can take.
        plugins: name of each installed plugin -> why it does not load, empty where nothing is wrong.
        leaving: set once the worker is told to stop.
        asked_at: monotonic seconds at which somebody last asked whether it is ready; None for never.
        metrics: what it counts; None where it counts nothing.
    """

    wsgi: WSGIApplication
    calls: CallHandler | None
    tls: TlsFiles | None
    settings: WorkerSettings
    render_error: RenderError
    call_max_s: float
    plugins: Mapping[str, str]
    leaving: bool
    asked_at: float | None
    metrics: WorkerMetrics | None

    def busy(self) -> int:
        """Calls whose accounting is not finished, whether or not their client is still there."""
        ...

    def close(self) -> None:
        """Write what is not written yet, and release everything."""
        ...


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the master's end; the exit status."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    die_with_master(True)
    for descriptor in (options.listen_fd, options.control_fd, options.metrics_fd):
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal tells the whole group; reloading is the master's
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        application = _factory(options.app)(options.config, _handed(options.text_fd))
        _check_plugins(application, options.well)
        tls = _context(application, proves=not options.again)
    except ConfigError as error:
        print(f"router: {error}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    except StoreError as error:
        print(f"router: {error}", file=sys.stderr, flush=True)
        return EXIT_WAITING
    log_to_stderr(getattr(application.settings.server, "log_level", "warning"))
    serve(application, options.listen_fd, socket.socket(fileno=options.control_fd), tls, options.metrics_fd)
    return 0


def serve(
    application: WorkerApplication,
    listen_fd: int,
    control: socket.socket,
    tls: ssl.SSLContext | None = None,
    metrics_fd: int | None = None,
) -> None:
    """Serve until told to stop, then drain and close the application.

    Args:
        tls: what connections are encrypted by; None for none.
        metrics_fd: of the sheet on which it is to count; None for nothing.
    """
    settings = application.settings.server
    gc.collect()
    gc.freeze()  # what start-up made stays: no full collection need visit it while calls wait
    gc.set_threshold(_NEW_OBJECTS)
    leave = Leave(settings.grace_s, application.call_max_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, leave.stop)
    hub = gevent.get_hub()
    hub.SYSTEM_ERROR = (KeyboardInterrupt, SystemError)  # sys.exit() in a plugin's greenlet ends that, not the worker
    hub.NOT_ERROR = (gevent.GreenletExit,)
    limits = ClientLimits.of(settings)
    limits = replace(limits, max_connections=min(limits.max_connections, connections_for(raise_limit())))
    acceptor = Acceptor(listen_fd, Site(application.wsgi, limits, application.render_error, application.calls, tls))
    acceptor.start()
    if application.metrics is not None and metrics_fd is not None:
        keep_measuring(application.metrics, metrics_fd, lambda: acceptor.active)
    keep_trimming(application.busy)
    exit_after_master(control.fileno(), settings.grace_s + _CLOSE_S)
    die_with_master(False)
    gevent.spawn(_report_and_watch, application, control, leave)
    leave.wait()
    try:
        if leave.stopping:
            application.leaving = True
            pause_s = 0.0 if leave.orphaned else _pause_s(application)
            gevent.sleep(pause_s)
            leave.prolong(pause_s)
        if not acceptor.drain(application.busy, leave.left_s):
            log.warning(
                "stopped after %g s of grace with %d connections and %d calls unfinished",
                settings.grace_s if leave.stopping else application.call_max_s,
                acceptor.active,
                application.busy(),
            )
    finally:
        application.close()


def _pause_s(application: WorkerApplication) -> float:
    """How long the port is to stay open after readiness has gone: no time where nobody looks at it."""
    asked_at = application.asked_at
    if asked_at is None or time.monotonic() - asked_at > _LOOKED_S:
        return 0.0
    return application.settings.server.unready_s


def _report_and_watch(application: WorkerApplication, control: socket.socket, leave: Leave) -> None:
    """Tell the master that this worker serves, and that it lives; its end of the pair closes when it dies, however it
    dies.
    """
    settings = application.settings.server
    loaded = [name for name, problem in application.plugins.items() if not problem]
    said = {"stop_s": settings.grace_s + settings.unready_s + _CLOSE_S, "plugins": loaded}
    try:
        control.sendall(READY + json.dumps(said).encode("ascii") + b"\n")
        beating = gevent.spawn(_beat, control)
        words = b""
        while data := control.recv(16):
            words += data
            if RETIRE in words:
                leave.retire()
        beating.kill()
    except OSError:
        pass
    leave.orphaned = True
    leave.stop()


def _beat(control: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            gevent.sleep(BEAT_S)
            control.sendall(BEAT)


def _check_plugins(application: WorkerApplication, well: list[str]) -> None:
    """Refuse a configuration that loses a plugin which the running workers have.

    Raises:
        ConfigError: names it, and why it does not load.
    """
    for name in well:
        if problem := application.plugins.get(name):
            raise ConfigError(f"the plugin {name!r} is in use, and does not load any more: {problem}")


def _context(application: WorkerApplication, *, proves: bool) -> ssl.SSLContext | None:
    """What clients are spoken to with; None for HTTP.

    Args:
        proves: no worker before this one serves by the same configuration.

    Raises:
        ConfigError: the certificate or its key cannot be used.
    """
    if application.tls is None:
        return None
    from router.server.tls import server_context

    return server_context(application.tls, datetime.now(UTC) if proves else None)


def _handed(descriptor: int | None) -> bytes | None:
    """The configuration that the master handed over; read at a place of its own, as processes share the file's."""
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def _factory(name: str) -> Callable[[str, bytes | None], WorkerApplication]:
    module, _, attribute = name.partition(":")
    return cast("Callable[[str, bytes | None], WorkerApplication]", getattr(importlib.import_module(module), attribute))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="router.server.worker", description=__doc__)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--text-fd", type=int, help="a file with the configuration, in place of what --config has now")
    parser.add_argument("--metrics-fd", type=int, help="memory in which to count")
    parser.add_argument("--well", action="append", default=[], help="a plugin that must load")
    parser.add_argument("--again", action="store_true", help="others have proved this configuration before")
    parser.add_argument("--app", default=DEFAULT_APP, help="MODULE:FUNCTION that builds the application")
    return parser


if __name__ == "__main__":
    sys.exit(main())
