"""Keys, their cache and their end, on a clock of the test's own."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from router.calls.auth import Authenticator
from router.db.ids import checked_text
from router.errors import BadRequest, RouterError, StoreError, Unauthorized
from router.types.records import Key


class Desk:
    """An authenticator, the keys that it finds, and two clocks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.today = 1_000_000.0
        self.keys: dict[str, Key] = {}
        self.asked = 0
        self.away = False
        self.authenticator = Authenticator(
            self.find, max_age_s=1.0, clock=lambda: self.now, wall_clock=lambda: self.today
        )

    def find(self, digest: str) -> Key | None:
        self.asked += 1
        if self.away:
            raise StoreError("away")
        return self.keys.get(digest)

    def put(self, text: str, key: Key) -> None:
        self.keys[hashlib.sha256(text.encode()).hexdigest()] = key

    def bearer(self, text: str) -> Key:
        return self.authenticator.key(f"Bearer {text}", None)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.put("good", Key("key_1", "acct_1"))
    return made


@pytest.mark.parametrize(
    ("authorization", "x_api_key"),
    [("Bearer good", None), ("bearer  good ", None), (None, "good"), (None, " good "), ("BEARER good", "good")],
)
def test_where_a_key_may_stand(desk: Desk, authorization: str | None, x_api_key: str | None) -> None:
    assert desk.authenticator.key(authorization, x_api_key).id == "key_1"


@pytest.mark.parametrize(
    ("authorization", "x_api_key", "kind"),
    [
        (None, None, Unauthorized),
        ("", None, Unauthorized),
        ("Bearer", None, Unauthorized),
        ("Bearer ", "", Unauthorized),
        ("good", None, Unauthorized),
        ("Token good", None, Unauthorized),
        ("Token good", "good", Unauthorized),
        ("Bearer bad", None, Unauthorized),
        ("Bearer \udcff\xff", None, Unauthorized),
        ("Bearer good", "bad", BadRequest),
        ("Bearer bad", "good", BadRequest),
    ],
)
def test_who_is_not_let_in(
    desk: Desk, authorization: str | None, x_api_key: str | None, kind: type[RouterError]
) -> None:
    with pytest.raises(kind) as caught:
        desk.authenticator.key(authorization, x_api_key)
    assert "good" not in caught.value.message


@pytest.mark.parametrize("status", ["disabled", "revoked"])
def test_a_status_is_named(desk: Desk, status: str) -> None:
    desk.put("bad", Key("key_2", "acct_1", status=status))
    with pytest.raises(Unauthorized, match=f"^This API key is {status}\\.$") as caught:
        desk.bearer("bad")
    assert caught.value.reason == status


def test_a_key_ends_on_time_even_while_it_is_remembered(desk: Desk) -> None:
    desk.put("brief", Key("key_2", "acct_1", expires_at=desk.today + 0.5))
    assert desk.bearer("brief").id == "key_2"
    desk.today += 0.5
    with pytest.raises(Unauthorized, match="expired"):
        desk.bearer("brief")


@pytest.mark.parametrize("before", [{"status": "disabled"}, {"expires_at": 1.0}], ids=["disabled", "expired"])
def test_a_refused_key_is_good_again_at_once(desk: Desk, before: dict[str, Any]) -> None:
    """No transaction would tell its worker that it has changed."""
    desk.put("back", Key("key_2", "acct_1", **before))
    with pytest.raises(Unauthorized):
        desk.bearer("back")
    desk.put("back", Key("key_2", "acct_1"))
    assert desk.bearer("back").id == "key_2"


def test_an_answer_is_remembered_for_a_second_and_no_longer(desk: Desk) -> None:
    desk.bearer("good")
    desk.put("good", Key("key_1", "acct_1", status="revoked"))
    desk.now = 1.0
    desk.bearer("good")
    assert desk.asked == 1
    desk.now = 1.01
    with pytest.raises(Unauthorized, match="revoked"):
        desk.bearer("good")


def test_an_unknown_key_is_remembered_too(desk: Desk) -> None:
    for _ in range(3):
        with pytest.raises(Unauthorized):
            desk.bearer("unknown")
    assert desk.asked == 1


def test_a_database_that_is_away_is_not_remembered(desk: Desk) -> None:
    desk.away = True
    with pytest.raises(StoreError):
        desk.bearer("good")
    desk.away = False
    assert desk.bearer("good").id == "key_1"


def test_a_key_that_was_found_stale_is_looked_up_again(desk: Desk) -> None:
    desk.put("good", Key("key_1", "acct_1", version=4))
    desk.put("other", Key("key_2", "acct_1", version=4))
    stale = desk.bearer("good")
    desk.bearer("other")
    desk.put("good", Key("key_1", "acct_1", version=5, scope=("a/b",)))
    desk.put("other", Key("key_2", "acct_1", version=5))
    desk.authenticator.forget(stale)
    assert desk.bearer("good").scope == ("a/b",)
    assert desk.bearer("other").version == 5
    desk.authenticator.forget(stale)  # another call that began with the old one
    assert desk.bearer("good").version == 5
    assert desk.asked == 4


def test_all_can_be_forgotten(desk: Desk) -> None:
    desk.bearer("good")
    desk.authenticator.forget()
    desk.bearer("good")
    assert desk.asked == 2


def test_a_key_is_not_read_again_while_nothing_changes(desk: Desk) -> None:
    """One look at the version a second does for all keys; a change is seen within that second."""
    versions = []

    def version() -> int:
        versions.append(desk.now)
        return 7 if desk.now < 10 else 8

    desk.authenticator = Authenticator(
        desk.find, version=version, max_age_s=1.0, clock=lambda: desk.now, wall_clock=lambda: desk.today
    )
    for text in ("one", "two"):
        desk.put(text, Key(f"key_{text}", "acct_1", version=7))
    for moment in range(90):
        desk.now = moment / 10
        assert (desk.bearer("one").id, desk.bearer("two").id) == ("key_one", "key_two")
    assert desk.asked == 2
    assert len(versions) <= 18
    desk.put("one", Key("key_one", "acct_1", status="revoked", version=8))
    desk.now = 11.0
    with pytest.raises(Unauthorized, match="revoked"):
        desk.bearer("one")


def test_a_key_that_was_made_up_is_refused_without_a_look() -> None:
    """Unless there are keys that were made before keys had a checksum."""
    desk, old_keys = Desk(), [False]
    made = checked_text("sk-", 43)
    desk.put(made, Key("key_1", "acct_1"))
    desk.authenticator = Authenticator(desk.find, unchecked=lambda: old_keys[0], clock=lambda: desk.now)
    assert desk.bearer(made).id == "key_1"
    mistyped = made[:10] + ("a" if made[10] != "a" else "b") + made[11:]
    for text in (mistyped, "sk-" + "a" * 43, "x", "\udce9" * 10):
        with pytest.raises(Unauthorized):
            desk.bearer(text)
    assert desk.asked == 1
    old_keys[0] = True
    desk.now += 2
    with pytest.raises(Unauthorized):
        desk.bearer(mistyped)
    assert desk.asked == 2
