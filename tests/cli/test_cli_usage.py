"""``router usage``: rows, their export, their sums, and what is left when they are pruned; on both engines."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stored_usage import insert_usage

from router.db.connection import Connection
from router.db.database import Database
from router.metering.tallies import add_counters
from router.money.usage import Units
from router.office.operations.usage_csv import csv_pieces
from router.store.opening import open_database
from router.types.records import Attempt, CallRecord

pytestmark = pytest.mark.slow

HOUR = 3600.0


@pytest.fixture
def usage(bare, database_url: str, monkeypatch: pytest.MonkeyPatch):
    """``router`` on a database of each engine."""
    monkeypatch.setenv("ROUTER__DATABASE__URL", database_url)
    bare.first = bare.json("init", "--dir", str(bare.folder))
    return bare


@pytest.fixture
def database(usage, database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = open_database(database_url, tmp_path)
    yield database
    database.close()


def record(request_id: str, **fields: Any) -> CallRecord:
    values: dict[str, Any] = {
        "request_id": request_id,
        "created_at": time.time(),
        "route": "chat",
        "account": "",
        "key": "",
        "model": "openai/gpt-4o",
        "provider": "openai",
        "upstream_model": "gpt-4o",
        "status": 200,
        "ending": "ok",
        "error_code": "",
        "streamed": False,
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "cached_tokens": 3,
        "reasoning_tokens": 2,
        "estimated": False,
        "latency_ms": 12,
        "first_token_ms": 5,
        "attempts": (Attempt("openai", "gpt-4o", "ok", 200, 12),),
    }
    return CallRecord(**(values | fields))


def write(database: Database, *records: CallRecord) -> None:
    database.write(lambda connection: insert_usage(connection, records))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_rows(usage, database: Database) -> None:
    account = usage.first["account"]
    key = usage.json("keys", "list")[0]["id"]
    write(
        database,
        record("req_1", account=account, key=key, charge_nano=1_500_000, cost_nano=0, shortfall_nano=10**9),
        record("req_2", account=account, created_at=time.time() - 3 * 86_400, ending="disconnect"),
        record("req_3", model="\x1b[2Jtricky", estimated=True, clamped=True),
    )
    found = {row["request_id"]: row for row in usage.json("usage", "show")}
    assert set(found) == {"req_1", "req_2", "req_3"}
    one = found["req_1"]
    tokens = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
    assert [one[name] for name in tokens] == [11, 3, 7, 2]
    assert (one["model"], one["provider"], one["status"], one["charge"]) == ("openai/gpt-4o", "openai", 200, "0.0015")
    assert (one["cost"], one["shortfall"], one["ending"]) == ("0", "1", "ok")
    assert (one["estimated"], one["clamped"]) == (False, False)
    assert (found["req_3"]["estimated"], found["req_3"]["clamped"], found["req_3"]["cost"]) == (True, True, None)
    assert not [name for row in found.values() for name in row if name.endswith("_nano")]
    assert one["attempts"][0]["kind"] == "ok"
    assert [row["request_id"] for row in usage.json("usage", "show", "--key", key)] == ["req_1"]
    assert {row["request_id"] for row in usage.json("usage", "show", "--since", "24h")} == {"req_1", "req_3"}
    assert len(usage.json("usage", "show", "--limit", "1")) == 1
    assert len(usage.json("usage", "show", "--account", account)) == 2
    text = usage("usage", "show").out
    assert "\x1b" not in text
    assert "?[2Jtricky" in text
    assert "0.0015" in text
    assert "disconnect" in text


def test_units_stand_beside_the_tokens(usage, database: Database) -> None:
    at = time.time() // HOUR * HOUR
    units = Units(images=2, milliseconds=1_500, requests=1)
    write(database, record("req_1", created_at=at, units=units), record("req_2", created_at=at))
    found = {row["request_id"]: row["units"] for row in usage.json("usage", "show")}
    assert found == {"req_1": {"images": 2, "milliseconds": 1_500, "requests": 1}, "req_2": {}}
    assert "images 2, milliseconds 1500, requests 1" in usage("usage", "show").out
    rows = read_csv(usage("usage", "export").out)
    names = ("images", "milliseconds", "characters", "searches", "requests")
    assert [[row[name] for name in names] for row in rows] == [["2", "1500", "0", "0", "1"], ["0"] * 5]
    (hour,) = usage.json("usage", "hours")
    assert [hour[name] for name in names] == [2, 1_500, 0, 0, 1]
    heads = usage("usage", "hours").out.splitlines()[0].split()
    assert "IMAGES" in heads and "SEARCHES" not in heads


def test_a_rotated_keys_history_is_its_successors_too(usage, database: Database) -> None:
    """All of the line, whichever of its keys is named; no other key's."""
    account, first = usage.first["account"], usage.json("keys", "list")[0]["id"]
    second = usage.json("keys", "rotate", first)["id"]
    third = usage.json("keys", "rotate", second)["id"]
    other = usage.json("keys", "create", "--account", account)["id"]
    keys = {"req_1": first, "req_2": second, "req_3": third, "req_4": other}
    write(database, *(record(id, account=account, key=key) for id, key in keys.items()))
    for named in (first, second, third):
        rows = usage.json("usage", "show", "--key", named)
        assert {row["request_id"]: row["key"] for row in rows} == {id: keys[id] for id in ("req_1", "req_2", "req_3")}
    assert [row["request_id"] for row in usage.json("usage", "show", "--key", other)] == ["req_4"]


def test_a_failed_call_is_explained(usage, database: Database) -> None:
    account, key = usage.first["account"], usage.json("keys", "list")[0]

    limited = Attempt("openai", "gpt-4o", "rate_limit", 429, 7, "Slow down, please.")
    write(
        database,
        record("req_1", account=account, key=key["id"]),
        record(
            "req_2",
            account=account,
            key=key["id"],
            status=429,
            ending="error",
            error_code="upstream_rate_limit",
            attempts=(limited, Attempt("acme", "large", "timeout", None, 5000)),
            client_request_id="mine-7",
            reported_model="gpt-4o-2026",
            marks=("unpriced_tool",),
            prices={"source": "pin", "input": "2.5"},
            reported={"completion_tokens": 4000},
        ),
        record(
            "req_3", model="fast", upstream_model="small", status=502, ending="cut", created_at=time.time() - 86_400
        ),
    )

    def ids(*filters: str) -> list[str]:
        return [row["request_id"] for row in usage.json("usage", "show", *filters)]

    assert ids("--errors") == ["req_2", "req_3"]
    assert ids("--status", "429") == ids("--status", "4xx", "--key", key["name"]) == ["req_2"]
    assert ids("--model", "fast") == ids("--model", "openai/small") == ids("--until", "1h") == ["req_3"]
    assert ids("--key", key["id"], "--until", "1h") == []
    assert ids("--key", key["id"], "--errors", "--since", "1h") == ["req_2"]
    names = usage.json("accounts", "show", account)["name"], key["name"]
    text = usage("usage", "show", "--errors").out
    assert all(word in text for word in ("upstream_rate_limit", "unpriced_tool", *names))

    (row,) = usage.json("usage", "show", "req_2")
    assert [row] == usage.json("usage", "show", "mine-7")
    assert (row["account_name"], row["key_name"]) == names
    assert (row["attempts"][0]["message"], row["reported"]) == ("Slow down, please.", {"completion_tokens": 4000})
    lines = usage("usage", "show", "req_2").out.splitlines()

    text = "\n".join(lines)
    assert "openai/gpt-4o rate_limit 429 after 7 ms: Slow down, please." in text
    assert "acme/large timeout after 5000 ms" in text
    assert all(word in text for word in ("input 2.5", "completion_tokens 4000", "gpt-4o-2026", "mine-7"))
    (exported,) = [one for one in read_csv(usage("usage", "export").out) if one["request_id"] == "req_2"]
    assert exported["attempt_messages"].startswith(
        "openai/gpt-4o rate_limit 429: Slow down, please. | acme/large timeout"
    )
    assert (exported["marks"], exported["client_request_id"]) == ("unpriced_tool", "mine-7")

    assert "There is no row of a request 'req_9'" in usage.refused("usage", "show", "req_9")
    assert "give REQUEST_ID or filters" in usage.refused("usage", "show", "req_2", "--errors", status=2)
    assert "'4y' is no status" in usage.refused("usage", "show", "--status", "4y", status=2)


def test_an_unknown_account_or_key_is_refused(usage) -> None:
    assert "There is no key key_none" in usage.refused("usage", "show", "--key", "key_none")
    for command in ("show", "export", "hours"):
        assert "There is no account 'acct_none'" in usage.refused("usage", command, "--account", "acct_none")
    assert "did you mean 'model'?" in usage.refused("usage", "hours", "--by", "modle", status=2)


@pytest.mark.row("NG-9")
def test_an_export_is_csv_in_order_of_arrival(usage, database: Database) -> None:
    account = usage.first["account"]
    write(
        database,
        record("req_2", created_at=1_700_000_000.25, account=account, charge_nano=1, cost_nano=2, rate_nano=3 * 10**9),
        record("req_1", created_at=1_600_000_000.0, account=account, ending="error", error_code="timeout"),
        record("req_3", created_at=1_700_000_001.0, model='a,"b"\n🦊 ü', streamed=True, first_token_ms=None),
    )
    done = usage("usage", "export")
    assert done.status == 0
    assert done.err == "3 rows written.\n"
    rows = read_csv(done.out)
    assert [row["request_id"] for row in rows] == ["req_1", "req_2", "req_3"]
    one = rows[1]
    assert one["created_at"] == "2023-11-14T22:13:20.250Z"
    assert (one["charge"], one["cost"], one["rate"], one["shortfall"]) == ("0.000000001", "0.000000002", "3", "0")
    assert (one["prompt_tokens"], one["attempts"], one["streamed"], one["clamped"]) == ("11", "1", "false", "false")
    assert (rows[2]["model"], rows[2]["streamed"], rows[2]["cost"]) == ('a,"b"\n🦊 ü', "true", "")
    some = usage("usage", "export", "--account", account, "--since", "2023-01-01", "--until", "2024-01-01").out
    assert [row["request_id"] for row in read_csv(some)] == ["req_2"]
    assert read_csv(usage("usage", "export", "--since", "1s").out) == []

    file = usage.folder / "usage.csv"
    assert usage("usage", "export", "--output", str(file)).out == ""
    assert file.read_bytes().decode("utf-8").replace("\r\n", "\n") == done.out.replace("\r\n", "\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert usage.json("usage", "export", "--output", str(file)) == {"rows": 3, "file": str(file)}
    assert "No such file or directory" in usage.refused("usage", "export", "--output", str(usage.folder / "no/file"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"])
def test_no_cell_is_a_formula(text: str) -> None:
    (row,) = read_csv("".join(csv_pieces([record("req_1", model=text, upstream_model=text, error_code=text)])))
    assert [row[name] for name in ("model", "upstream_model", "error_code")] == [f"'{text}"] * 3


def test_an_export_takes_no_more_memory_for_more_rows() -> None:
    tracemalloc.start()
    try:
        pieces = csv_pieces(record(f"req_{number}") for number in range(5000))
        assert sum(piece.count("req_") for piece in pieces) == 5000
        assert tracemalloc.get_traced_memory()[1] < 1_500_000  # held, they would be five times that
    finally:
        tracemalloc.stop()


def test_a_plain_c_locale_gets_utf_8_all_the_same(router) -> None:
    database = open_database("sqlite:///router.db", router.folder)
    write(database, record("req_1", model="🦊 ü"))
    database.close()
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "ROUTER_CONFIG": str(router.config)}
    command = [sys.executable, "-m", "router", "usage", "export"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    assert "🦊 ü" in done.stdout.decode("utf-8")


def test_a_reader_of_an_export_may_stop(router) -> None:
    database = open_database("sqlite:///router.db", router.folder)
    write(database, *(record(f"req_{number}") for number in range(2000)))
    database.close()
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-W", "error", "-m", "router", "usage", "export", "--config", str(router.config)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_hours(usage, database: Database) -> None:
    account = usage.first["account"]
    at = 1_700_000_000.0
    write(
        database,
        record("req_1", created_at=at, account=account, charge_nano=10**9, cost_nano=10**8),
        record("req_2", created_at=at + HOUR, account=account, model="other", charge_nano=1),
        record("req_3", created_at=at, ending="error"),
    )
    first, second = usage.json("usage", "hours", "--account", account)
    assert first == {
        "hour": "2023-11-14T22:00:00Z",
        "calls": 1,
        "errors": 0,
        "prompt_tokens": 11,
        "cached_tokens": 3,
        "completion_tokens": 7,
        "reasoning_tokens": 2,
        "charge": "1",
        "cost": "0.1",
        "uncosted": 0,
        **dict.fromkeys(("images", "milliseconds", "characters", "searches", "requests"), 0),
    }
    assert (second["hour"], second["charge"], second["uncosted"]) == ("2023-11-14T23:00:00Z", "0.000000001", 1)
    by = usage.json("usage", "hours", "--by", "day", "--by", "model", "--until", "2023-11-15")
    assert [(row["day"], row["model"], row["calls"], row["errors"]) for row in by] == [
        ("2023-11-14T00:00:00Z", "openai/gpt-4o", 2, 1),
        ("2023-11-14T00:00:00Z", "other", 1, 0),
    ]
    assert usage.json("usage", "hours", "--since", "1h") == []
    assert "UNCOSTED" in usage("usage", "hours").out


def test_pruning_says_how_many_first(usage, database: Database) -> None:
    write(database, *(record(f"req_{day}", created_at=time.time() - day * 86_400) for day in range(5)))
    assert usage.json("usage", "prune", "--before", "60h") == {"rows": 2, "deleted": False}
    said = usage("usage", "prune", "--before", "60h")
    assert "2 rows of calls before" in said.out
    assert "run it again with --yes" in said.err
    assert len(usage.json("usage", "show")) == 5
    assert usage.json("usage", "prune", "--before", "60h", "--yes") == {"rows": 2, "deleted": True}
    assert {row["request_id"] for row in usage.json("usage", "show")} == {"req_0", "req_1", "req_2"}
    assert sum(row["calls"] for row in usage.json("usage", "hours")) == 5
    assert usage.json("audit", "show")[0]["action"] == "usage prune"


def test_pruning_what_is_to_come_is_refused(usage, database: Database) -> None:
    write(database, record("req_1"))
    assert "must lie in the past" in usage.refused("usage", "prune", "--before", "2100-01-01", "--yes")
    assert "neither a duration" in usage.refused("usage", "prune", "--before", "soon", status=2)
    assert "--before is missing" in usage.refused("usage", "prune", "--yes", status=2)
    assert len(usage.json("usage", "show")) == 1


def test_counters(usage, database: Database) -> None:
    def add(connection: Connection) -> None:
        add_counters(connection, {"sweeps": 2, "shortfall_nano": 1_250_000_000})

    database.write(add)
    assert usage.json("usage", "counters") == {
        "clamped_usage": 0,
        "holds_open": 0,
        "late_settlements": 0,
        "over_bound": 0,
        "refused_claims": 0,
        "shortfall": "1.25",
        "sweeps": 2,
    }
    assert "shortfall         1.25" in usage("usage", "counters").out
