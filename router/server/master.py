"""The master process: binds the port, starts workers, replaces those that die, and reloads without losing a call.

Light on purpose: it imports neither gevent nor the application. A configuration is valid when a worker can serve it, so
the first worker that becomes ready is the check, at the start and at each reload.
"""

from __future__ import annotations

import logging
import selectors
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from router.errors import ConfigError
from router.metrics.masters import MasterMetrics
from router.server.children import Child, worker
from router.server.companion import Companion
from router.server.listener import GATEWAY_KEYS, ListenKeys, listen, url_of
from router.server.logs import log_to_stderr
from router.server.protocol import DEFAULT_APP
from router.server.signals import SignalQueue

__all__ = ["KILL_MARGIN_S", "Master", "serve"]

log = logging.getLogger("router.server")

START_MAX_S = 60.0  # a worker that is not ready by then is killed
KILL_MARGIN_S = 5.0  # beyond the workers' own grace, for closing the application
FROZEN_S = 20.0  # a worker that gave no sign of life for so long is killed, and replaced
TICK_S = 1.0
STEADY_S = 10.0  # a worker that lived so long did not die of its start
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 30.0
REAP_STEP_S = 0.02


def serve(
    config_path: str,
    host: str,
    port: int,
    workers: int,
    grace_s: float,
    on_ready: Callable[[str], None] | None = None,
    *,
    on_reload: Callable[[], None] | None = None,
    app: str = DEFAULT_APP,
    frozen_s: float = FROZEN_S,
    read: Callable[[], bytes | None] | None = None,
    environ: Mapping[str, str] | None = None,
    companion: Companion | None = None,
    metrics: MasterMetrics | None = None,
    queue: type[SignalQueue] = SignalQueue,
    name: str = "gateway",
    keys: ListenKeys = GATEWAY_KEYS,
    scheme: str = "http",
) -> int:
    """Run the gateway, or the portal, until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    Only in the main thread.

    A second SIGTERM or SIGINT ends it at once; the calls that were under way are settled at the next start.

    Args:
        config_path: handed to the workers.
        host: address to bind, IPv4 or IPv6.
        port: 0 lets the system choose.
        workers: processes to keep running.
        grace_s: how long calls in flight may take to end after SIGTERM.
        on_ready: called once with the URL when the first worker serves.
        on_reload: called when a reload has succeeded. Neither of the two may raise.
        app: ``MODULE:FUNCTION`` that builds a worker's application.
        frozen_s: a worker whose event loop stands still for so long is killed, and replaced.
        read: gives the configuration's text; None reads the file. May raise ``ConfigError``, which ends a reload.
        environ: the workers' environment; None is ours.
        companion, metrics: what is kept running beside the workers, once they serve; and what each counts on.
        queue: what signals are taken from.
        name, keys: what is served, and how its keys are called, for messages.
        scheme: what it speaks, for the URL that is told.

    Returns:
        The exit status: 0 after a stop, 1 when the port or the configuration is refused, or no worker is left.
    """
    try:
        sock = listen(host, port, keys)
    except ConfigError as error:
        print(f"router: {error}", file=sys.stderr, flush=True)
        return 1
    log_to_stderr()
    url = url_of(sock, scheme)
    announce, measured = on_ready or (lambda _: None), metrics or MasterMetrics()
    start = partial(worker, sock.fileno(), config_path, app)
    with sock, queue([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]) as signals:
        return Master(
            lambda text, well, again: start(text, well, environ, again=again, sheet=measured.sheet()),
            read or (lambda: _text_of(config_path)),
            workers,
            grace_s,
            frozen_s=frozen_s,
            on_ready=lambda: announce(url),
            on_reload=on_reload or (lambda: None),
            on_stop=sock.close,
            companion=companion or Companion(lambda text: None),
            metrics=measured,
            hidden=[sock.fileno()],
            name=name,
        ).run(signals)


class Master:
    """Keeps workers running.

    Args:
        spawn: starts one worker with a text of the configuration (None: the file's) and the plugins that it must load;
            told whether others have proved that before.
        read: the text that the file has now; None where it cannot be read.
        workers: how many to keep.
        grace_s, frozen_s: see ``serve``.
        on_ready: called once, when the first worker serves.
        on_reload: called whenever new workers have taken over from the old ones.
        on_stop: called once, when no further worker will be started.
        companion, metrics: see ``serve``.
        hidden: descriptors that it must not inherit.
        name: what is served.
    """

    def __init__(
        self,
        spawn: Callable[[bytes | None, Sequence[str], bool], Child],
        read: Callable[[], bytes | None],
        workers: int,
        grace_s: float,
        *,
        frozen_s: float,
        on_ready: Callable[[], None],
        on_reload: Callable[[], None],
        on_stop: Callable[[], None],
        companion: Companion,
        metrics: MasterMetrics,
        hidden: Sequence[int],
        name: str,
    ) -> None:
        self._spawn = spawn
        self._read = read
        self._frozen_s = frozen_s
        self._text: bytes | None = None  # by which the running workers serve
        self._next_text: bytes | None = None  # by which the incoming ones will
        self._woke_at = time.monotonic()
        self._workers = workers
        self._kill_after_s = grace_s + KILL_MARGIN_S
        self._on_ready = on_ready
        self._on_reload = on_reload
        self._on_stop = on_stop
        self._name = name
        self._metrics = metrics
        self._selector = selectors.DefaultSelector()
        self._companion = companion
        companion.attend(self._selector, hidden)
        self._serving: list[Child] = []
        self._incoming: list[Child] = []  # the generation that a start or a reload is bringing up
        self._leaving: list[Child] = []  # told to stop
        self._dying: list[Child] = []  # closed their end, exit status not there yet
        self._announced = False
        self._reload_again = False
        self._pause_s = 0.0
        self._restart_at: float | None = None
        self._status: int | None = None  # set once the gateway is stopping

    def run(self, signals: SignalQueue) -> int:
        """Serve until stopped; the exit status. Leaves no process behind."""
        self._selector.register(signals.readable, selectors.EVENT_READ, lambda: self._on_signals(signals.take()))
        self._next_text = self._read()
        try:
            self._start_incoming()
            while self._status is None or self._everyone() or self._companion.alive:
                for key, _ in self._selector.select(self._wait_s()):
                    key.data()
                self._on_time(time.monotonic())
        finally:
            self._companion.kill()
            for child in self._everyone():
                child.kill()
                child.wait()
            self._companion.bury()
            self._selector.close()
        return self._status

    def _everyone(self) -> list[Child]:
        return [*self._serving, *self._incoming, *self._leaving, *self._dying]

    def _start_incoming(self) -> None:
        """Of a generation that a start or a reload brings up. A plugin that works now must not be lost by a reload."""
        well = sorted({name for child in self._serving for name in child.plugins})
        self._start(self._incoming, self._next_text, well)

    def _start(self, group: list[Child], text: bytes | None, well: Sequence[str] = (), *, again: bool = False) -> None:
        child = self._spawn(text, well, again)
        child.kill_at = child.started_at + START_MAX_S
        self._selector.register(child.control, selectors.EVENT_READ, partial(self._on_word, child))
        group.append(child)

    def _on_signals(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == signal.SIGHUP:
                self._reload()
            elif self._status is None:
                self._stop(0)
            else:  # asked twice
                self._companion.kill()
                for child in self._everyone():
                    child.kill()

    def _on_word(self, child: Child) -> None:
        """A worker wrote, or closed its end."""
        was_ready = child.ready
        alive = child.listen()
        if child.ready and not was_ready:
            self._on_worker_ready(child)
        if not alive:
            self._selector.unregister(child.control)
            self._dying.append(child)
            self._bury(child)

    def _on_worker_ready(self, child: Child) -> None:
        if child in self._leaving:
            return
        child.kill_at = None
        if not self._announced:
            self._announced = True
            self._on_ready()
        if child in self._incoming:
            self._bring_up()

    def _bring_up(self) -> None:
        """The first worker of a generation proved the configuration; when all are ready, the old ones may go.

        At the start there are no old ones, so the first worker serves at once.
        """
        if not all(child.ready for child in self._incoming):
            return
        if self._serving and len(self._incoming) < self._workers:
            while len(self._incoming) < self._workers:
                self._start_incoming()
            return
        old, self._serving, self._incoming = self._serving, self._incoming, []
        self._text = self._next_text
        self._companion.follow(self._text)
        for child in old:
            child.retire()
            self._leaving.append(child)
        if old:
            self._metrics.reloaded(True)
            log.warning("reloaded: %d new workers serve, the old ones finish their calls", len(self._serving))
            self._on_reload()
        self._restart_at = time.monotonic() if len(self._serving) < self._workers else None
        if self._reload_again:
            self._reload()

    def _reload(self) -> None:
        if self._status is not None:
            return
        self._reload_again = bool(self._incoming)
        if self._incoming:
            return
        try:
            text = self._read()
        except ConfigError as error:
            self._metrics.reloaded(False)
            log.error("reload given up: %s", error)
            return
        if text is not None and _says_nothing(text) and not (self._text is not None and _says_nothing(self._text)):
            self._metrics.reloaded(False)
            log.error("reload given up: the configuration file is empty. The running workers go on as they were.")
            return
        self._next_text = text
        self._start_incoming()

    def _dismiss(self, children: list[Child]) -> None:
        for child in children:
            child.stop(self._kill_after_s)
            self._leaving.append(child)

    def _stop(self, status: int) -> None:
        self._status = status
        self._restart_at = None
        self._on_stop()
        self._companion.stop(self._kill_after_s)
        children = [*self._serving, *self._incoming, *self._leaving]  # those that retire have as long as the others now
        self._serving, self._incoming, self._leaving = [], [], []
        self._dismiss(children)

    def _bury(self, child: Child) -> None:
        """Forget a worker that has ended, and act on it if it should not have."""
        if not child.reap():
            return
        self._dying.remove(child)
        self._metrics.ended(child.sheet)
        if child in self._leaving:
            self._leaving.remove(child)
        elif child in self._incoming:
            self._incoming.remove(child)
            self._on_failed_start(child)
        elif child in self._serving:
            self._serving.remove(child)
            self._on_death(child)

    def _on_failed_start(self, child: Child) -> None:
        """A generation that cannot start: the old one stays; without an old one that is the end."""
        others, self._incoming = self._incoming, []
        self._dismiss(others)
        if not self._serving:
            log.error("the %s does not start: its first worker %s", self._name, child.ending())
            self._stop(1)
            return
        self._metrics.reloaded(False)
        log.error("reload given up: a new worker %s. The running workers go on as they were.", child.ending())
        if self._reload_again:
            self._reload()

    def _on_death(self, child: Child) -> None:
        self._metrics.died()
        lived_s = time.monotonic() - child.started_at
        self._pause_s = 0.0 if lived_s >= STEADY_S else min(max(PAUSE_MIN_S, 2 * self._pause_s), PAUSE_MAX_S)
        log.error("a worker %s after %.1f s; starting another in %g s", child.ending(), lived_s, self._pause_s)
        self._restart_at = time.monotonic() + self._pause_s

    def _on_time(self, now: float) -> None:
        self._companion.on_time(now)
        ready = sum(child.ready for child in self._serving)
        starting = len(self._incoming) + len(self._serving) - ready
        self._metrics.count(starting, ready, len(self._leaving))
        for child in list(self._dying):
            self._bury(child)
        if now - self._woke_at > self._frozen_s / 2:  # this process stood still itself: nobody was heard meanwhile
            for child in self._everyone():
                child.heard_at = now
        self._woke_at = now
        for child in self._everyone():
            if child.ready and child not in self._dying and now - child.heard_at >= self._frozen_s:
                log.error("worker %d gave no sign of life for %g s: killed", child.pid, self._frozen_s)
                child.heard_at = now
                child.kill()
            elif child.kill_at is not None and now >= child.kill_at:
                log.error("worker %d did not %s in time: killed", child.pid, "end" if child.ready else "start")
                child.kill()
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            while len(self._serving) < self._workers:
                self._start(self._serving, self._text, again=True)

    def _wait_s(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        due = [child.kill_at for child in self._everyone() if child.kill_at is not None]
        if self._restart_at is not None:
            due.append(self._restart_at)
        if self._dying:
            due.append(now + REAP_STEP_S)
        due += [now + min(TICK_S, self._frozen_s / 4), self._companion.due_at(now)]
        return max(0.0, min(due) - now)


def _text_of(path: str) -> bytes | None:
    """What the configuration file holds now; None where it cannot be read, which a worker will explain."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def _says_nothing(text: bytes) -> bool:
    """Whether a configuration has no line beside blank ones and comments: what a file is while it is being written."""
    return all(line.strip()[:1] in (b"", b"#") for line in text.splitlines())
