"""Long lists come in pages, without a gap and without a row twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from office_kit import ADA
from stored_usage import insert_usage

from router.errors import NotFound
from router.office import accounts, audit, credits, keys, statements, usage
from router.office.office import Office
from router.types.records import CallRecord


def paged(read: Callable[..., Sequence[Any]], cursor: Callable[[Any], Any], name: str) -> list[Any]:
    """All rows, two at a time."""
    found = list(read(limit=2))
    page = found
    while page:
        page = list(read(limit=2, **{name: cursor(page[-1])}))
        found += page
    return found


def test_accounts_and_keys(office: Office) -> None:
    made = [accounts.create_account(office, ADA, f"a{number}").id for number in range(5)]
    found = paged(lambda **page: accounts.list_accounts(office, **page), lambda one: one.id, "after")
    assert [one.id for one in found] == [one.id for one in accounts.list_accounts(office)]
    assert set(made) <= {one.id for one in found}
    texts = [keys.create_key(office, ADA, made[0], f"k{number}").row.id for number in range(5)]
    keys.create_key(office, ADA, made[1], "another's")
    found = paged(lambda **page: keys.list_keys(office, made[0], **page), lambda one: one.id, "after")
    assert sorted(one.id for one in found) == sorted(texts)
    with pytest.raises(NotFound, match="no account 'acct_none'"):
        accounts.list_accounts(office, after="acct_none")
    with pytest.raises(NotFound, match="no key key_none"):
        keys.list_keys(office, after="key_none")
    with pytest.raises(NotFound, match="no account 'acct_none'"):
        keys.list_keys(office, "acct_none")


def test_statements_and_the_audit_log(office: Office, account: str) -> None:
    for number in range(5):
        credits.grant_credit(office, ADA, account, number + 1, reason="r")
    found = paged(lambda **page: statements.read_statement(office, account, **page), lambda one: one.seq, "before")
    assert [one.amount_nano for one in found] == [5, 4, 3, 2, 1]
    entries = paged(lambda **page: audit.list_audit(office, **page), lambda one: one.seq, "before")
    assert [one.action for one in entries] == ["credits grant"] * 5 + ["accounts create"]
    assert audit.list_audit(office, actor="Eve") == []


def call(number: int, at: float, account: str, key: str) -> CallRecord:
    return CallRecord(
        request_id=f"req_{number:03}",
        created_at=at,
        route="chat",
        account=account,
        key=key,
        model="echo/echo",
        provider="echo",
        upstream_model="echo",
        status=200,
        ending="ok",
        error_code="",
        streamed=False,
        prompt_tokens=1,
        completion_tokens=1,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=False,
        latency_ms=1,
        first_token_ms=None,
    )


def test_calls(office: Office, account: str) -> None:
    key = keys.create_key(office, ADA, account, "mine").row.id
    at = [1_700_000_000.0, 1_700_000_000.0, 1_700_000_000.0, 1_700_009_000.5, 1_700_009_000.5, 1_700_090_000.0]
    records = [call(number, moment, account, key) for number, moment in enumerate(at)]
    office.database.write(lambda connection: insert_usage(connection, records))
    whole = [one.record.request_id for one in usage.list_calls(office)]
    assert whole == ["req_005", "req_003", "req_004", "req_000", "req_001", "req_002"]
    for filters in ({}, {"account": account}, {"key": key}):
        found = paged(
            lambda filters=filters, **page: usage.list_calls(office, **filters, **page),
            lambda one: one.record.request_id,
            "before",
        )
        assert [one.record.request_id for one in found] == whole
        assert {(one.account_name, one.key_name) for one in found} == {("Ours", "mine")}
    with pytest.raises(NotFound, match="no row of that request"):
        usage.list_calls(office, before="req_none")
