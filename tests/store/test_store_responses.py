"""Kept responses: whose they are, what leads to them, and how they go."""

from __future__ import annotations

from typing import Any

import pytest

from router.db.database import Database
from router.errors import BadRequest
from router.store.kept.responses import (
    KeptResponse,
    delete_response,
    expire_responses,
    keeping_response,
    kept_bytes,
    read_chain,
    read_items,
    read_response,
)

pytestmark = pytest.mark.slow

NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def accounts(database: Database) -> None:
    sql = "INSERT INTO accounts (id, name, status, created_at) VALUES (?, ?, 'active', 0)"
    for name in ("acct_1", "acct_2"):
        run(database, (sql, (name, name)))


def run(database: Database, *statements: tuple[str, tuple[Any, ...]]) -> None:
    for statement in statements:
        database.write(lambda connection, one=statement: connection.execute(*one))  # type: ignore[misc]


def kept(id: str, previous_id: str = "", account: str = "acct_1", **more: Any) -> KeptResponse:
    given = {"type": "message", "role": "user", "content": "é\u2028"}
    told = {"id": id, "output": [{"id": f"msg_{id}", "type": "message"}, {"type": "odd"}]}
    made: dict[str, Any] = {"created_at": NOW, "expires_at": NOW + 60, "input": [given], "response": told} | more
    return KeptResponse(account, id, previous_id, **made)


def chain(database: Database, id: str, max_bytes: int = 10_000) -> list[KeptResponse] | None:
    return read_chain(database, "acct_1", id, NOW, max_bytes=max_bytes)


def keep(database: Database, *some: KeptResponse) -> None:
    for one in some:
        run(database, *keeping_response(one, max_bytes=10_000))


def test_an_answer_is_its_accounts_alone(database: Database) -> None:
    one = kept("resp_1")
    keep(database, one, one)
    assert read_response(database, "acct_1", "resp_1", NOW) == one
    assert read_response(database, "acct_2", "resp_1", NOW) is None
    assert read_items(database, "acct_2", ["msg_resp_1"], NOW, max_bytes=10_000) == {}
    assert not delete_response(database, "acct_2", "resp_1", NOW)
    keep(database, kept("resp_1", account="acct_2", input=[]))
    theirs = read_response(database, "acct_2", "resp_1", NOW)
    assert theirs is not None and theirs.input == [] and read_response(database, "acct_1", "resp_1", NOW) == one


def test_a_chain_is_read_from_its_beginning_and_none_has_a_gap(database: Database) -> None:
    some = [kept("resp_1"), kept("resp_2", "resp_1"), kept("resp_3", "resp_2")]
    keep(database, *some)
    assert chain(database, "resp_3") == some
    assert chain(database, "resp_9") is None
    with pytest.raises(BadRequest, match="too long"):
        chain(database, "resp_3", max_bytes=200)
    assert delete_response(database, "acct_1", "resp_2", NOW)
    assert chain(database, "resp_3") is None
    assert not delete_response(database, "acct_1", "resp_2", NOW)


def test_items_lead_to_themselves(database: Database) -> None:
    many = [{"id": f"in_{number}", "type": "message"} for number in range(250)]
    keep(database, kept("resp_1", input=many), kept("resp_2"))
    wanted = ["in_0", "in_249", "msg_resp_2", "nothing"]
    found = read_items(database, "acct_1", wanted, NOW, max_bytes=10_000)
    assert sorted(found) == ["in_0", "in_249", "msg_resp_2"] and found["in_249"] == many[249]


def test_what_items_lead_to_is_read_once_and_as_far_as_it_may(database: Database) -> None:
    same = [{"id": "in_same", "type": "message", "content": "x" * 1000}]
    keep(database, *(kept(f"resp_{number}", input=same) for number in range(5)))
    found = read_items(database, "acct_1", ["in_same"], NOW, max_bytes=2000)
    assert found == {"in_same": same[0]}
    with pytest.raises(BadRequest, match="too long"):
        read_items(database, "acct_1", ["in_same", "msg_resp_4"], NOW, max_bytes=2000)


def test_what_is_too_large_is_not_kept_and_what_is_kept_is_counted(database: Database) -> None:
    assert keeping_response(kept("resp_1", input=["x" * 10_000]), max_bytes=10_000) == []
    assert kept_bytes(database, "acct_1") == 0
    keep(database, kept("resp_1", input=["x" * 1000]))
    assert 1000 < kept_bytes(database, "acct_1") < 1200 and kept_bytes(database, "acct_2") == 0


def test_answers_expire_with_their_items(database: Database) -> None:
    keep(database, *(kept(f"resp_{number}") for number in range(120)), kept("resp_new", expires_at=NOW + 100))
    later = NOW + 61
    assert read_response(database, "acct_1", "resp_1", later) is None
    assert read_items(database, "acct_1", ["msg_resp_1"], later, max_bytes=10_000) == {}
    assert (expire_responses(database, later), expire_responses(database, later)) == (120, 0)
    assert database.read(lambda connection: connection.tuples("SELECT item_id FROM response_items")) == [
        ("msg_resp_new",)
    ]
