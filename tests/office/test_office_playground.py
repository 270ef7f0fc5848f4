"""The playground's key: made of the log-in's cookie and of the database's secret, so that neither alone gives it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from office_kit import Opened, entries

from router.errors import Forbidden
from router.office import keys
from router.office.actor import Actor
from router.office.customers.playground import playground_key
from router.office.office import Office
from router.office.people.records import Person, WebSession
from router.store.keys import hash_key
from router.store.lookup import find_key
from router.types.keys import KEY_KINDS, Budget

pytestmark = pytest.mark.slow

PERSON = Person("pers_1", "ada@example.org", "Ada", True, "", "UTC", "system", "active", False, 1.0, 1.0, None)
ACTOR = Actor("person", "pers_1")


def session(account: str, person: Person = PERSON) -> WebSession:
    now = time.time()
    return WebSession("sess_1", person, account, "developer", True, False, now, now, now + 3600, now, "", "")


def hidden(office: Office, account: str) -> list[keys.KeyRow]:
    return keys.list_keys(office, account, kinds=("hidden",))


def test_it_is_the_same_for_a_log_in_and_on_no_list(office: Office, account: str) -> None:
    text = playground_key(office, ACTOR, session(account), "cookie")
    assert playground_key(office, ACTOR, session(account), "cookie") == text
    (row,) = hidden(office, account)
    assert (row.hash, row.kind, row.made_by, row.checked) == (hash_key(text), "hidden", "pers_1", True)
    assert (row.name, row.budget) == ("Playground (ada@example.org)", Budget(5 * 10**9, "month"))
    assert row.expires_at is not None and row.expires_at <= time.time() + 3600
    assert keys.list_keys(office, account) == []
    assert [one[0] for one in entries(office)].count("keys create") == 1
    assert text not in str(entries(office))


def test_another_log_in_workspace_or_database_has_another(office: Office, account: str) -> None:
    from router.office.accounts import create_account

    other = create_account(office, ACTOR, "Another").id
    texts = [
        playground_key(office, ACTOR, session(account), "cookie"),
        playground_key(office, ACTOR, session(account), "cookie2"),
        playground_key(office, ACTOR, session(other), "cookie"),
    ]
    office.database.write(lambda connection: connection.execute("DELETE FROM meta WHERE name LIKE 'pepper:%'"))
    texts.append(playground_key(office, ACTOR, session(account), "cookie"))
    assert len(set(texts)) == 4


def test_all_of_somebodys_are_counted_as_one(office: Office, account: str) -> None:
    for text in ("one", "two", "three"):
        playground_key(office, ACTOR, session(account), text)
    bob = replace(PERSON, id="pers_2", email="bob@example.org")
    playground_key(office, Actor("person", "pers_2"), session(account, bob), "one more")
    rows = hidden(office, account)
    assert {row.counted_as for row in rows[:3]} == {rows[0].id}
    assert rows[3].counted_as == rows[3].id


def test_the_operators_word_on_its_budget_holds_at_once(opened: Opened) -> None:
    office = opened()
    from router.office.accounts import create_account

    account = create_account(office, ACTOR, "Ours").id
    text = playground_key(office, ACTOR, session(account), "cookie")
    for said, budget in (("0.5", Budget(5 * 10**8, "month")), ("", None), ("7", Budget(7 * 10**9, "month"))):
        again = opened(f'[portal]\nplayground_budget = "{said}"\n')
        assert playground_key(again, ACTOR, session(account), "cookie") == text
        found = find_key(again.database, hash_key(text))
        assert found is not None and found.key.budget == budget
    off = opened('[portal]\nplayground_budget = "0"\n')
    with pytest.raises(Forbidden, match="switched off"):
        playground_key(off, ACTOR, session(account), "cookie")


def test_one_that_was_revoked_stays_so(office: Office, account: str) -> None:
    text = playground_key(office, ACTOR, session(account), "cookie")
    (row,) = keys.list_keys(office, account, kinds=KEY_KINDS)
    keys.revoke_key(office, ACTOR, row.id)
    assert playground_key(office, ACTOR, session(account), "cookie") == text  # and the gateway refuses it
    assert [one.status for one in hidden(office, account)] == ["revoked"]
