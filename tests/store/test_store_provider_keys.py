"""Providers' keys at rest: what the database holds of them, and who can read it."""

from __future__ import annotations

import pytest

from router.config.provider import Secret
from router.db.database import Database
from router.errors import ConfigError, NotFound
from router.store.provider_keys import load_provider_keys, remove_provider_key, store_provider_key
from router.store.sealing import seal, unseal

pytestmark = pytest.mark.slow

MASTER = Secret("a master key of some length", "env:ROUTER_MASTER_KEY")
KEY = "sk-canary-1618"


def test_a_key_comes_back_with_its_master_key_alone(database: Database) -> None:
    store_provider_key(database, "acme", 0, KEY, MASTER)
    store_provider_key(database, "acme", 2, "sk-two", MASTER)
    store_provider_key(database, "acme", 2, "sk-second", MASTER)
    found = load_provider_keys(database, MASTER)
    assert {place: stored.key.reveal() for place, stored in found.items()} == {
        ("acme", 0): KEY,
        ("acme", 2): "sk-second",
    }
    assert KEY not in repr(found)
    for other, words in ((Secret("b master key of some length"), "is not the master key"), (Secret(), "no master key")):
        for stored in load_provider_keys(database, other).values():
            assert not stored.key and words in stored.problem and "sk-" not in stored.problem
    remove_provider_key(database, "acme", 2)
    with pytest.raises(NotFound, match="endpoint 2"):
        remove_provider_key(database, "acme", 2)


def test_rows_cannot_change_places(database: Database) -> None:
    store_provider_key(database, "acme", 0, KEY, MASTER)
    database.write(lambda connection: connection.execute("UPDATE provider_keys SET provider = 'evil'"))
    (stored,) = load_provider_keys(database, MASTER).values()
    assert not stored.key and stored.problem


def test_the_same_text_is_sealed_differently_each_time() -> None:
    sealed = {seal(KEY, MASTER, "a") for _ in range(3)}
    assert len(sealed) == 3 and {unseal(one, MASTER, "a") for one in sealed} == {KEY}


@pytest.mark.parametrize("damaged", ["", ".", "AAAA.", "nonsense", "AAAA.gAAAAA==", "é.x"])
def test_what_is_damaged_is_a_problem_and_no_crash(damaged: str) -> None:
    with pytest.raises(ConfigError):
        unseal(damaged, MASTER, "a")
