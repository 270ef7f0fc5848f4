"""``router accounts`` and ``router keys``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from router.store.keys import hash_key
from router.store.lookup import find_key
from router.store.opening import open_database
from router.types.records import Key

pytestmark = pytest.mark.slow


def look_up(folder: Path, text: str) -> Key | None:
    database = open_database("sqlite:///router.db", folder)
    try:
        found = find_key(database, hash_key(text))
        return found.key if found else None
    finally:
        database.close()


def test_accounts(router) -> None:
    made = router.json("accounts", "create", "Research & Söhne")
    assert made["id"].startswith("acct_")
    assert [row["name"] for row in router.json("accounts", "list")] == ["default", "Research & Söhne"]
    shown = router.json("accounts", "show", made["id"])
    assert (shown["balance"], shown["held"], shown["available"], shown["keys"]) == ("0", "0", "0", 0)
    assert made["id"] in router("accounts", "list").out


def test_a_suspended_account_is_refused_until_it_is_resumed(router) -> None:
    account, text = router.first["account"], router.first["api_key"]
    for command, status, key_status in (("suspend", "suspended", "disabled"), ("resume", "active", "active")):
        for _ in range(2):
            assert router.json("accounts", command, account)["status"] == status
        assert router.json("accounts", "show", account)["status"] == status
        key = look_up(router.folder, text)
        assert key is not None and key.status == key_status


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines"])
def test_an_account_needs_a_good_name(router, name: str) -> None:
    assert "account's name must" in router.refused("accounts", "create", name)


@pytest.mark.parametrize(
    "args",
    [
        ["accounts", "show"],
        ["accounts", "suspend"],
        ["accounts", "resume"],
        ["keys", "create", "--account"],
        ["keys", "list", "--account"],
        ["usage", "show", "--account"],
    ],
)
def test_an_unknown_account_is_named(router, args: list[str]) -> None:
    assert "There is no account 'acct_none'. `router accounts list` shows all." in router.refused(*args, "acct_none")


@pytest.mark.row("NG-11", "AG-5")
def test_a_key_is_shown_once_and_works_as_its_status_says(router) -> None:
    made = router.json("keys", "create", "--account", router.first["account"], "--name", "ci", "--expires", "30d")
    assert made["api_key"] not in router("keys", "list").out
    assert made["name"] == "ci"
    key = look_up(router.folder, made["api_key"])
    assert key is not None
    assert key.expires_at == pytest.approx(time.time() + 30 * 86_400, abs=60)

    for command, status in (("disable", "disabled"), ("enable", "active"), ("revoke", "revoked")):
        assert router.json("keys", command, made["id"])["status"] == status
        key = look_up(router.folder, made["api_key"])
        assert key is not None
        assert key.status == status
    assert "revoked, which is for good" in router.refused("keys", "enable", made["id"])


def test_the_note_on_a_new_key_is_not_in_its_output(router) -> None:
    run = router("keys", "create", "--account", router.first["account"])
    assert "shown this once" in run.err
    assert "shown this once" not in run.out


def test_rotation_keeps_the_old_key_for_its_grace(router) -> None:
    made = router.json("keys", "create", "--account", router.first["account"], "--name", "ci")
    new = router.json("keys", "rotate", made["id"], "--grace", "2h")
    assert new["id"] != made["id"]
    assert new["name"] == "ci"
    old = next(row for row in router.json("keys", "list") if row["id"] == made["id"])
    assert old["replaced_by"] == new["id"]
    assert old["expires_at"] is not None

    said = router("keys", "rotate", new["id"], "--grace", "2h").err
    old = router.json("keys", "show", new["id"])
    assert f"The old key works until {old['expires_at']}." in said


def test_a_key_whose_time_is_over_is_shown_as_expired(router) -> None:
    made = router.json("keys", "create", "--account", router.first["account"], "--expires", "1s")
    assert made["status"] == "active"
    time.sleep(1.1)
    assert router.json("keys", "show", made["id"])["status"] == "expired"


def test_rotation_without_a_grace_revokes_the_old_key(router) -> None:
    new = router.json("keys", "create", "--account", router.first["account"])
    run = router("keys", "rotate", new["id"], "--grace", "0s", "--json")
    assert "The old key is revoked." in run.err
    last = run.value
    assert last["api_key"] != new["api_key"]
    gone = look_up(router.folder, new["api_key"])
    assert gone is not None
    assert gone.status == "revoked"


def test_an_expiry_in_the_past_is_refused(router) -> None:
    said = router.refused("keys", "create", "--account", router.first["account"], "--expires", "2020-01-01")
    assert "must lie in the future" in said


def test_a_keys_text_in_place_of_its_id_is_not_repeated(router) -> None:
    said = router.refused("keys", "revoke", router.first["api_key"])
    assert router.first["api_key"] not in said
    assert "give its ID (key_...)" in said


def test_commands_without_a_database_say_how_to_make_one(router) -> None:
    (router.folder / "router.db").unlink()
    assert "`router db migrate`" in router.refused("keys", "list")
