"""A migrated database, and processes of their own for what must run patched or be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from router.db.database import Database
from router.store.accounts import Account, create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.records import Attempt, CallRecord

_SCENARIOS = Path(__file__).with_name("scenarios.py")
_ROOT = Path(__file__).parents[2]


class Scenario:
    """A running ``scenarios.py``: it tells its progress in lines of JSON, and waits for lines of ours."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(_SCENARIOS), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if arguments[0] == "kept_out" else None,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )

    def hear(self) -> Any:
        """Its next line, decoded."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the scenario ended with status {self.process.wait(5)}"
        return json.loads(line)

    def tell(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def __enter__(self) -> Scenario:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:  # closes the pipes
            self.process.kill()


@pytest.fixture
def scenario() -> Iterator[Callable[..., Scenario]]:
    """``scenario(name, url)`` starts one; it is ended with the test."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Scenario(*arguments))


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def account(database: Database) -> Account:
    return create_account(database, "Ours")


@pytest.fixture
def new_record() -> Callable[..., CallRecord]:
    """``new_record("r1", model=...)``: a usage row."""

    def new(request_id: str, **changes: Any) -> CallRecord:
        values: dict[str, Any] = {
            "request_id": request_id,
            "created_at": 1_700_000_000.25,
            "route": "chat",
            "account": "acct_1",
            "key": "key_1",
            "model": "openai/gpt-4o",
            "provider": "openai",
            "upstream_model": "gpt-4o",
            "status": 200,
            "ending": "ok",
            "error_code": "",
            "streamed": True,
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "cached_tokens": 5,
            "reasoning_tokens": 7,
            "estimated": False,
            "latency_ms": 120,
            "first_token_ms": None,
            "attempts": (Attempt("openai", "gpt-4o", "timeout", None, 50), Attempt("openai", "gpt-4o", "ok", 200, 70)),
        }
        return CallRecord(**(values | changes))

    return new


@pytest.fixture
def add_hold(database: Database) -> Callable[..., None]:
    """``add_hold("req_1", owner="wrk_1")``: a call under way."""

    def add(request_id: str, *, owner: str) -> None:
        sql = "INSERT INTO holds VALUES (?, 'acct_1', 'key_1', ?, 'm', 'chat', false, 5, '[]', 1, 2, '')"
        database.write(lambda connection: connection.execute(sql, (request_id, owner)))

    return add
