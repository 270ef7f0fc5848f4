"""The rate of USD: fetched over real HTTP, kept, and not believed when it jumps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from router.app.exchange_rate import fetch_rate, rate_jobs, refresh_rate
from router.config.file import Settings
from router.config.schema import BillingSettings, GatewaySettings
from router.db.database import Database
from router.errors import Unavailable
from router.store.migrating import migrate
from router.store.models import catalogue_version
from router.store.opening import open_database
from router.store.rates import get_rate, set_rate


@dataclass
class Bank:
    """Answers every request with ``body``."""

    port: int = 0
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def billing(self) -> BillingSettings:
        return BillingSettings(
            usd_rate_url=f"http://user:secret@127.0.0.1:{self.port}/latest?key=secret", usd_rate_field="rates.TMT"
        )

    def says(self, rate: str) -> None:
        self.body = b'{"base": "USD", "rates": {"TMT": %s}}' % rate.encode()


@pytest.fixture
def bank() -> Iterator[Bank]:
    bank = Bank()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(bank.status)
            for name, value in bank.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(bank.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        bank.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield bank
        server.shutdown()
        thread.join()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database("sqlite:///router.db", tmp_path, create=True)
    migrate(database)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("said", "rate_nano"),
    [
        ("3.5", 3_500_000_000),
        ('"3.5"', 3_500_000_000),
        ("16384", 16_384_000_000_000),
        ("0.1", 100_000_000),
        ("3.50000000049", 3_500_000_000),
        ("3.5e0", 3_500_000_000),
    ],
)
def test_a_rate_is_read_digit_by_digit(bank: Bank, said: str, rate_nano: int) -> None:
    bank.says(said)
    assert fetch_rate(bank.billing) == rate_nano


@pytest.mark.parametrize(
    "said", ["-1", "0", "NaN", "Infinity", "1e400", "null", "true", '"much"', "{}", "1" * 100, "1e8"]
)
def test_what_is_no_rate_is_refused_without_secrets(bank: Bank, said: str) -> None:
    bank.says(said)
    with pytest.raises(Unavailable, match=r"has no rate at 'rates\.TMT'") as refused:
        fetch_rate(bank.billing)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"{}", "status 500"),
        (302, b"{}", "status 302"),
        (200, b"<html>", "no answer of use"),
        (200, b"[" * 10**5, "no answer of use"),
        (200, b" " * (2**20 + 1), "too long"),
        (200, b"[]", "has no rate"),
        (200, b'{"rates": 5}', "has no rate"),
    ],
)
def test_answers_of_no_use(bank: Bank, status: int, body: bytes, said: str) -> None:
    bank.status, bank.body = status, body
    with pytest.raises(Unavailable, match=said):
        fetch_rate(bank.billing)


def test_nobody_answers() -> None:
    with pytest.raises(Unavailable, match=r"did not answer \(ConnectionError\)"):
        fetch_rate(BillingSettings(usd_rate_url="http://127.0.0.1:9/", usd_rate_field="r"))


@pytest.mark.row("AG-1")
def test_a_rate_is_kept_and_a_jump_is_not_believed(bank: Bank, database: Database) -> None:
    settings = Settings(Path("router.toml"), gateway=GatewaySettings(currency="TMT"), billing=bank.billing)
    (job,) = rate_jobs(settings, database)
    before = catalogue_version(database)
    bank.says("3.5")
    job.function()
    kept = get_rate(database, "TMT")
    assert kept is not None and (kept.rate_nano, kept.source) == (3_500_000_000, bank.billing.usd_rate_url)
    assert catalogue_version(database) > before
    for jump in ("35.1", "0.34"):
        bank.says(jump)
        with pytest.raises(Unavailable, match="too much of a jump"):
            refresh_rate(settings, database)
    assert get_rate(database, "TMT") == kept
    bank.says("35")
    assert refresh_rate(settings, database) == 35_000_000_000


def test_there_is_no_job_where_the_rate_is_written_down(database: Database) -> None:
    assert rate_jobs(Settings(Path("router.toml")), database) == []
    set_rate(database, "EUR", 5, "x")
    assert get_rate(database, "USD") is None
