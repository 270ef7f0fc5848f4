"""One worker process: ``python -m router.server.worker``, started by ``router.server.master``.

Exit status: 0 after a drain, 3 when the configuration is refused, 4 when the database does not answer, anything else
is a crash.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import gc
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

import gevent
from gevent.event import Event

from router.errors import ConfigError, StoreError
from router.server.acceptor import Acceptor
from router.server.connection import Site
from router.server.limits import Limits
from router.server.logs import log_to_stderr
from router.server.protocol import DEFAULT_APP, EXIT_REFUSED, EXIT_WAITING, READY
from router.server.refusals import RenderError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Application", "ServerSettings", "Settings", "main", "serve"]

log = logging.getLogger("router.server")

_SWITCH_INTERVAL_S = 0.0005
"""How long a native thread (the database's) may keep the interpreter from the event loop; Python's own 5 ms would
be many calls' time."""


_NEW_OBJECTS = 10_000
"""How many objects there must be more before the collector looks for cycles. Calls in flight hold thousands, which it
would visit in vain for every ten calls or so; at Python's own 700 that is a tenth of a call's time."""


class ServerSettings(Protocol):
    """The ``[server]`` section as the worker needs it; fields named as in ``Limits`` set those."""

    @property
    def grace_s(self) -> float:
        """How long calls in flight may take to end after SIGTERM."""
        ...


class Settings(Protocol):
    """The configuration as the worker needs it."""

    @property
    def server(self) -> ServerSettings:
        """The ``[server]`` section."""
        ...


class Application(Protocol):
    """What the factory returns.

    Attributes:
        wsgi: the WSGI callable.
        settings: the configuration it was built from.
        render_error: the shape of errors that never reach the WSGI callable.
    """

    wsgi: WSGIApplication
    settings: Settings
    render_error: RenderError

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
    for descriptor in (options.listen_fd, options.control_fd):
        os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal tells the whole group; reloading is the master's
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        application = _factory(options.app)(options.config)
    except ConfigError as error:
        print(f"router: {error}", file=sys.stderr, flush=True)
        return EXIT_REFUSED
    except StoreError as error:
        print(f"router: {error}", file=sys.stderr, flush=True)
        return EXIT_WAITING
    serve(application, options.listen_fd, socket.socket(fileno=options.control_fd))
    return 0


def serve(application: Application, listen_fd: int, control: socket.socket) -> None:
    """Serve until told to stop, then drain and close the application."""
    settings = application.settings.server
    gc.collect()
    gc.freeze()  # what start-up made stays: no full collection need visit it while calls wait
    gc.set_threshold(_NEW_OBJECTS)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    hub = gevent.get_hub()
    hub.SYSTEM_ERROR = (KeyboardInterrupt, SystemError)  # sys.exit() in a plugin's greenlet ends that, not the worker
    hub.NOT_ERROR = (gevent.GreenletExit,)
    acceptor = Acceptor(listen_fd, Site(application.wsgi, Limits.of(settings), application.render_error))
    acceptor.start()
    gevent.spawn(_report_and_watch, control, stop.set)
    stop.wait()
    try:
        if not acceptor.drain(settings.grace_s, application.busy):
            log.warning(
                "stopped after %g s of grace with %d connections and %d calls unfinished",
                settings.grace_s,
                acceptor.active,
                application.busy(),
            )
    finally:
        application.close()


def _report_and_watch(control: socket.socket, stop: Callable[[], object]) -> None:
    """Tell the master that this worker serves; its end of the pair closes when it dies, however it dies."""
    try:
        control.sendall(READY)
        while control.recv(16):
            pass
    except OSError:
        pass
    stop()


def _factory(name: str) -> Callable[[str], Application]:
    module, _, attribute = name.partition(":")
    return cast("Callable[[str], Application]", getattr(importlib.import_module(module), attribute))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="router.server.worker", description=__doc__)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--app", default=DEFAULT_APP, help="MODULE:FUNCTION that builds the application")
    return parser


if __name__ == "__main__":
    sys.exit(main())
