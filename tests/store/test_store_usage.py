"""Usage rows."""

from __future__ import annotations

from collections.abc import Callable

from router.store.database import Database
from router.store.usage import insert_usage, list_usage
from router.types import CallRecord

New = Callable[..., CallRecord]


def _insert(database: Database, *records: CallRecord) -> None:
    database.write(lambda connection: insert_usage(connection, records))


def test_a_row_comes_back_as_it_went_in(database: Database, new_record: New) -> None:
    record = new_record("r1")
    bare = new_record("r0", attempts=(), first_token_ms=3, streamed=False, estimated=True, created_at=1.5)
    _insert(database, record, bare)
    assert list_usage(database) == [record, bare]


def test_a_row_written_twice_counts_once(database: Database, new_record: New) -> None:
    _insert(database, new_record("r1"), new_record("r2"))
    _insert(database, new_record("r1", model="other"), new_record("r3"))
    assert [(record.request_id, record.model) for record in list_usage(database)] == [
        ("r1", "openai/gpt-4o"),
        ("r2", "openai/gpt-4o"),
        ("r3", "openai/gpt-4o"),
    ]


def test_rows_are_filtered_newest_first(database: Database, new_record: New) -> None:
    _insert(
        database,
        *(new_record(f"r{n}", created_at=float(n), account=f"acct_{n % 2}", key=f"key_{n % 3}") for n in range(9)),
    )

    def found(**filters: object) -> str:
        return "".join(record.request_id[1:] for record in list_usage(database, **filters))  # type: ignore[arg-type]

    assert found() == "876543210"
    assert found(account="acct_1") == "7531"
    assert found(key="key_0") == "630"
    assert found(account="acct_1", key="key_0") == "3"
    assert found(since=6.0) == "876"
    assert found(limit=2) == "87"
    assert found(limit=0) == ""


def test_whatever_a_client_calls_a_model_is_kept(database: Database, new_record: New) -> None:
    texts = {
        "a\0b": "a\ufffdb",
        "\ud800": "\ufffd",
        "x\udfffy": "x\ufffdy",
        "🦊 ü\n": "🦊 ü\n",
        "%s ? '; DROP TABLE usage; --": "%s ? '; DROP TABLE usage; --",
    }
    _insert(database, *(new_record(f"r{number}", model=text) for number, text in enumerate(texts)))
    assert [record.model for record in list_usage(database)] == list(texts.values())
