"""The portal's master as a process of its own: ``python -m router.server.companion_process``.

Started by the gateway's master (``router.server.companion``), which hands it the configuration and each later one; it
reads no file. As light as that one: it imports neither gevent nor the application.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time

from router.metrics.masters import ForwardingMetrics
from router.server.listener import PORTAL_KEYS
from router.server.master import KILL_MARGIN_S, serve
from router.server.protocol import READY, RELOAD
from router.server.signals import SignalQueue

__all__ = ["main"]

_EXIT = 1
_MARGIN_S = 2 * KILL_MARGIN_S  # for the workers' own, and for collecting them
_GIVES_WAY = 5
"""By how much nicer it and its workers are than the gateway's: where the processor is short, calls go before pages."""
_WORDS_MAX = 64
_TEXTS_MAX = 8


def main(arguments: list[str] | None = None) -> int:
    """Serve the portal until SIGTERM, or the end of the gateway's master; the exit status."""
    options = _parser().parse_args(arguments)
    os.nice(_GIVES_WAY)
    os.set_inheritable(options.control_fd, False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the queue takes it: what it would tell is read at the start
    control = socket.socket(fileno=options.control_fd)
    handed = _Handed(control, _content(options.text_fd), options.grace_s + _MARGIN_S)
    threading.Thread(target=handed.follow, daemon=True).start()
    said = {"stop_s": options.grace_s + _MARGIN_S, "plugins": []}
    return serve(
        options.config,
        options.host,
        options.port,
        options.workers,
        options.grace_s,
        lambda url: control.sendall(READY + json.dumps({**said, "url": url}).encode("ascii") + b"\n"),
        app=options.app,
        metrics=ForwardingMetrics(control) if options.metrics else None,
        read=lambda: handed.text,
        queue=_StopOnce,
        name="portal",
        keys=PORTAL_KEYS,
        scheme=options.scheme,
    )


class _Handed:
    """The configuration as the gateway's master has handed it last.

    Args:
        control: our end of the pair.
        text: the first one.
        limit_s: how long this process may live on when the other end is gone.

    Attributes:
        text: the last one.
    """

    def __init__(self, control: socket.socket, text: bytes, limit_s: float) -> None:
        self.text = text
        self._control = control
        self._limit_s = limit_s

    def follow(self) -> None:
        """Reload whenever another comes, and end with the gateway's master."""
        while self._take():
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._limit_s)
        os._exit(_EXIT)

    def _take(self) -> bool:
        """Wait for a configuration; False when the other end is gone."""
        try:
            words, descriptors, _, _ = socket.recv_fds(self._control, _WORDS_MAX, _TEXTS_MAX)
        except OSError:
            return False
        for descriptor in descriptors:
            self.text = _content(descriptor)
        return words.endswith(RELOAD)


class _StopOnce(SignalQueue):
    """Whoever is told twice to stop, by a terminal and by the gateway's master, is not in a hurry for that."""

    _stopping = False

    def take(self) -> list[int]:
        """The signals that arrived since the last call, but for further ones to stop."""
        taken = []
        for number in super().take():
            stop = number in (signal.SIGTERM, signal.SIGINT)
            if not (stop and self._stopping):
                taken.append(number)
            self._stopping = self._stopping or stop
        return taken


def _content(descriptor: int) -> bytes:
    """What a file that was handed over holds; read at a place of its own, as processes share the file's."""
    with os.fdopen(descriptor, "rb") as file:
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="router.server.companion_process", description=__doc__)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--text-fd", type=int, required=True, help="a file with the configuration")
    parser.add_argument("--config", required=True, help="the configuration's file, for what is told of it")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--grace-s", type=float, required=True)
    parser.add_argument("--scheme", default="http", help="what it speaks, for its URL")
    parser.add_argument("--metrics", action="store_true", help="have workers count, for the gateway's master")
    parser.add_argument("--app", required=True, help="MODULE:FUNCTION that builds the application")
    return parser


if __name__ == "__main__":
    sys.exit(main())
