"""SIGKILL for workers, whole gateways and the database's processes, and how tests wait until these are back."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import psycopg

from router.errors import StoreError
from router.testing import Gateway

__all__ = ["Blow", "blows_of", "patient"]

Blow = Callable[[], None]


def blows_of(gateway: Gateway, url: str) -> list[Blow]:
    """What may die of a gateway on a database of this URL: a worker, rather than all of it, or a process of the
    database's.
    """
    blows: list[Blow] = [lambda: _worker(gateway), lambda: _worker(gateway), lambda: _all(gateway)]
    if url.startswith("postgresql"):
        blows.append(lambda: _backend(url))
    return blows


def patient(ask: Callable[[], Any], ends: float) -> Any:
    """What the database says, once it has recovered."""
    while True:
        try:
            return ask()
        except StoreError:
            assert time.monotonic() < ends, "the database did not recover"
            time.sleep(0.1)


def _worker(gateway: Gateway) -> None:
    """SIGKILL for one worker; its master starts another."""
    children = psutil.Process(gateway.pid).children()
    if children:
        random.choice(children).kill()


def _all(gateway: Gateway) -> None:
    gateway.kill()
    gateway.start(120)  # the database may have to recover first


def _backend(url: str) -> None:
    """SIGKILL for a process of the database's: its server takes all others down, and recovers."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            sql = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            pids = [pid for (pid,) in connection.execute(sql)]
        if pids:
            os.kill(random.choice(pids), signal.SIGKILL)
    except (psycopg.OperationalError, ProcessLookupError):
        pass  # it is down already
