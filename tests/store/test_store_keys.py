"""Accounts and keys."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from router.db.database import Database
from router.errors import BadRequest, NotFound
from router.store.accounts import Account, create_account, get_account, list_accounts, set_account_status
from router.store.keys import (
    create_key,
    disable_key,
    enable_key,
    get_key,
    hash_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from router.store.lookup import find_key

pytestmark = pytest.mark.slow


def test_accounts_are_kept(database: Database) -> None:
    account = create_account(database, "  Ärzte ohne Grenzen 🦊 ")
    assert re.fullmatch(r"acct_[a-z0-9]{16}", account.id)
    assert (account.name, account.status) == ("Ärzte ohne Grenzen 🦊", "active")
    assert time.time() - account.created_at < 60
    assert get_account(database, account.id) == account
    second = create_account(database, "Second")
    assert list_accounts(database) == [account, second]


def test_a_bad_name_is_refused(database: Database, account: Account) -> None:
    for name in ("", "  ", "x" * 201, "a\nb", "a\0b", "\x1b[31mred", "half \ud800", "a\u2028b"):
        with pytest.raises(BadRequest, match=r"An account's name must"):
            create_account(database, name)
        with pytest.raises(BadRequest, match=r"A key's name must"):
            create_key(database, account.id, name)
    assert list_keys(database) == []


def test_an_unknown_account_is_named(database: Database) -> None:
    for call in (
        get_account,
        lambda *given: create_key(*given, "k"),
        lambda *given: set_account_status(*given, "active"),
    ):
        with pytest.raises(NotFound, match=r"no account 'acct_none'.*router accounts list"):
            call(database, "acct_none")


def test_a_new_key_is_found_by_its_hash_only(database: Database, account: Account) -> None:
    row, text = create_key(database, account.id, "ci", prefix="rk-", expires_at=time.time() + 60)
    assert re.fullmatch(r"rk-[A-Za-z0-9]{43}", text)
    assert re.fullmatch(r"key_[a-z0-9]{16}", row.id)
    assert (row.hash, row.hint) == (hash_key(text), text[-4:])
    found = find_key(database, hash_key(text))
    assert found is not None
    key = found.key
    assert (key.id, key.account, key.name, key.status) == (row.id, account.id, "ci", "active")
    assert key.expires_at == row.expires_at
    assert find_key(database, hash_key(text + "x")) is None
    assert get_key(database, row.id) == row


def test_no_keys_text_is_stored(database: Database, account: Account, tmp_path: Path) -> None:
    texts = [create_key(database, account.id, "k")[1] for _ in range(3)]
    texts.append(rotate_key(database, list_keys(database)[0].id, grace_s=5)[1])
    if database.engine == "postgresql":
        kept = repr(database.read(lambda connection: connection.rows("SELECT * FROM api_keys"))).encode()
    else:
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("router.db*"))
    for text in texts:
        assert text[:-4].encode() not in kept
        assert hash_key(text).encode() in kept


def test_keys_are_listed_by_account(database: Database, account: Account) -> None:
    other = create_account(database, "Other")
    first, second = (create_key(database, account.id, name)[0] for name in ("one", "two"))
    third = create_key(database, other.id, "three")[0]
    assert list_keys(database) == [first, second, third]
    assert list_keys(database, account.id) == [first, second]


def test_a_key_is_disabled_enabled_and_revoked_for_good(database: Database, account: Account) -> None:
    row, text = create_key(database, account.id, "k")

    def status() -> str:
        found = find_key(database, hash_key(text))
        assert found is not None
        return found.key.status

    assert disable_key(database, row.id).status == status() == "disabled"
    assert enable_key(database, row.id).status == status() == "active"
    assert revoke_key(database, row.id).status == status() == "revoked"
    assert revoke_key(database, row.id).status == "revoked"
    for change in (enable_key, disable_key):
        with pytest.raises(BadRequest, match=r"is revoked, which is for good: create a new key"):
            change(database, row.id)


def test_a_suspended_accounts_keys_count_as_disabled(database: Database, account: Account) -> None:
    text = create_key(database, account.id, "k")[1]
    for status, key_status in (("suspended", "disabled"), ("active", "active")):
        set_account_status(database, account.id, status)
        found = find_key(database, hash_key(text))
        assert found is not None
        assert found.key.status == key_status
    with pytest.raises(BadRequest, match=r"one of active, suspended"):
        set_account_status(database, account.id, "gone")


def test_an_unknown_key_is_reported_without_repeating_a_secret(database: Database) -> None:
    for change in (revoke_key, disable_key, enable_key, get_key):
        with pytest.raises(NotFound, match=r"no key key_none: give its ID.*router keys list"):
            change(database, "key_none")
        with pytest.raises(NotFound) as caught:
            change(database, "sk-pasted-by-mistake")
        assert "pasted" not in str(caught.value)


def test_rotation_lets_the_old_key_work_for_a_while(database: Database, account: Account) -> None:
    old, old_text = create_key(database, account.id, "k")
    new, new_text = rotate_key(database, old.id, grace_s=60)
    assert (new.account_id, new.name, new.expires_at) == (account.id, "k", None)
    assert new_text != old_text
    ended = get_key(database, old.id)
    assert (ended.status, ended.replaced_by) == ("active", new.id)
    assert ended.expires_at == pytest.approx(time.time() + 60, abs=10)
    with pytest.raises(BadRequest, match=r"was rotated already"):
        rotate_key(database, old.id, grace_s=60)


def test_rotation_without_grace_revokes_and_never_lengthens_a_life(database: Database, account: Account) -> None:
    expires_at = time.time() + 30
    old = create_key(database, account.id, "k", expires_at=expires_at)[0]
    new = rotate_key(database, old.id, grace_s=3600)[0]
    assert get_key(database, old.id).expires_at == new.expires_at == expires_at
    rotate_key(database, new.id, grace_s=0)
    assert get_key(database, new.id).status == "revoked"


def test_a_senseless_grace_or_expiry_is_refused(database: Database, account: Account) -> None:
    key = create_key(database, account.id, "k")[0]
    for grace_s in (-1, float("nan")):
        with pytest.raises(BadRequest, match=r"grace period"):
            rotate_key(database, key.id, grace_s=grace_s)
    with pytest.raises(BadRequest, match=r"expiry must lie in the future"):
        create_key(database, account.id, "k", expires_at=time.time() - 1)
