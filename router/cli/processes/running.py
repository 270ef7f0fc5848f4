"""``router reload`` and ``router stop``: the gateway that runs on this configuration, found by its PID file."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from router.cli.support.session import CommandSession, common
from router.config.file import Settings
from router.errors import NotFound, Unavailable

__all__ = ["pid_file", "reload", "running_pid", "stop"]

_STEP_S = 0.1
_MARGIN_S = 15.0  # beyond the workers' grace: closing, and the master's own margin


@click.command()
@common
def reload(session: CommandSession) -> None:
    """Have the running gateway read its configuration again, as SIGHUP does. Its log tells how that went."""
    pid = _pid(session)
    os.kill(pid, signal.SIGHUP)
    session.show({"pid": pid, "signal": "SIGHUP"}, f"The gateway (process {pid}) reads its configuration again.")


@click.command()
@click.option("--wait/--no-wait", default=True, show_default=True, help="Whether to wait until it has ended.")
@common
def stop(session: CommandSession, wait: bool) -> None:
    """End the running gateway, as SIGTERM does: calls in flight may end within [server] grace_s."""
    pid = _pid(session)
    os.kill(pid, signal.SIGTERM)
    server = session.settings.server
    limit_s = server.grace_s + server.unready_s + _MARGIN_S
    if wait and not _ended(session.settings, limit_s):
        raise Unavailable(f"The gateway (process {pid}) has not ended within {limit_s:g} s; its log says why.")
    session.show({"pid": pid, "ended": wait}, f"The gateway (process {pid}) {'has ended' if wait else 'is ending'}.")


@contextmanager
def pid_file(settings: Settings) -> Iterator[bool]:
    """Hold the PID file while the gateway runs; gives False where another gateway has it, or it cannot be written.

    The lock says that the process lives: a file that a crash left, or a number that came again, misleads nobody.
    """
    path = _path(settings)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        yield False
        return
    try:
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode("ascii"))
        yield True
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def running_pid(settings: Settings) -> int | None:
    """The master's process ID; None where no gateway runs on this configuration, as far as its PID file tells."""
    try:
        with _path(settings).open("r", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (OSError, ValueError):
        pass
    return None


def _pid(session: CommandSession) -> int:
    pid = running_pid(session.settings)
    if pid is None:
        path = _path(session.settings)
        raise NotFound(
            f"No gateway runs on {session.config}: nobody holds {path} ([server] pid_file).", code="not_running"
        )
    return pid


def _ended(settings: Settings, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while running_pid(settings) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_S)
    return True


def _path(settings: Settings) -> Path:
    file = settings.path.absolute()
    return file.parent / settings.server.pid_file if settings.server.pid_file else file.with_suffix(".pid")
