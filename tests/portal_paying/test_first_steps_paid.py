"""The first steps where something can be paid in: topping up is one, before the call where that needs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from paying_site import Install, Paying, start_paying, text_of
from portal_site import Client
from waiting import until

pytestmark = pytest.mark.slow

VERIFY, KEY, TOP_UP = "Verify your address", "Make a key", "Top up"
CALL = "Make a call; this turns green by itself"


def card(page: str) -> str:
    found = re.search(r'<section[^>]* id="first-steps".*?</section>', page, re.S)
    return found[0] if found is not None else ""


def steps(client: Client) -> tuple[str, list[tuple[str, bool]]]:
    """What the first page says of them: how many are done, and each with whether it is."""
    _, _, page = client.get("/app/")
    assert "<h1>Overview" in page, page
    shown = card(page)
    if not shown:
        return "", []
    alone = client.get("/app/first-steps")[2]
    assert alone.split() == shown.split(), "the part that asks for itself says the same"
    lines = re.findall(r"<li(.*?)>(.*?)</li>", shown, re.S)
    told = [(text_of(text).split(" ", 1)[1], "done" in start) for start, text in lines]
    count = re.search(r'<span class="badge[^>]*>([^<]+)<', shown)
    assert count is not None
    return count[1], told


def new_key(client: Client) -> str:
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', client.post("/app/keys/new", {"name": "first"})[2])
    assert found is not None
    return found[1]


def call(paying: Paying, client: Client, key: str) -> None:
    """Make a call, and wait until the pages have it."""
    messages = [{"role": "user", "content": "hello"}]
    paying.site.gateway.client(key).chat.completions.create(model="echo/echo", messages=messages)  # type: ignore[arg-type]
    until(lambda: "echo/echo" in client.get("/app/logs")[2], limit_s=10)


def test_without_free_credit_it_comes_before_the_call(tmp_path: Path, install: Install) -> None:
    with start_paying(tmp_path, install, free_credit="0") as paying:
        owner = paying.owner
        assert steps(owner) == ("1 of 4", [(VERIFY, True), (KEY, False), (TOP_UP, False), (CALL, False)])
        assert 'href="/app/topup">Top up' in card(owner.get("/app/")[2])
        key = new_key(owner)
        status, headers, _ = owner.post("/app/topup/code/gift", {"code": "GOOD-FIRST"})
        assert status == 303 and headers["Location"].startswith("/app/topup/")
        assert steps(owner) == ("3 of 4", [(VERIFY, True), (KEY, True), (TOP_UP, True), (CALL, False)])
        call(paying, owner, key)
        assert steps(owner) == ("", []), "all is done"
        assert "4 of 4" in owner.get("/app/first-steps")[2]


def test_with_free_credit_it_comes_last_and_goes_after_a_week(paying: Paying) -> None:
    owner = paying.owner
    assert steps(owner) == ("1 of 4", [(VERIFY, True), (KEY, False), (CALL, False), (TOP_UP, False)])
    call(paying, owner, new_key(owner))
    assert steps(owner) == ("3 of 4", [(VERIFY, True), (KEY, True), (CALL, True), (TOP_UP, False)])
    assert "hx-get" not in card(owner.get("/app/")[2]), "nothing more turns green by itself"
    email, other = paying.site.new_address("dev"), Client(paying.site)
    assert owner.post("/app/team/invite", {"email": email, "role": "developer"})[0] == 303
    link = paying.site.next_link(email).removeprefix(paying.site.url)
    assert other.post(link, {"password": "a sentence for a member of a team"})[0] == 303
    assert steps(other) == ("", []), "who cannot pay is not asked to"
    with paying.office() as office:
        sql = "UPDATE accounts SET created_at = created_at - 800000 WHERE id = ?"
        office.database.write(lambda connection: connection.execute(sql, (paying.account,)))
    assert steps(owner) == ("", [])
    stranger = Client(paying.site)
    stranger.sign_up(name="Sam")
    stranger.post("/app/topup/code/gift", {"code": "GOOD-SAM"})
    assert steps(stranger)[0] == "2 of 4"
    call(paying, stranger, new_key(stranger))
    assert steps(stranger) == ("", [])
