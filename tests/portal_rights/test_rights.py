"""Who may do what: every page there is, by everybody, read and written. The list is the application's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from portal_site import Client, PortalSite, start_portal

from router.portal.all_pages import ALL_PAGES
from router.portal.web.pages import PageRoute

pytestmark = pytest.mark.slow

ROLES = ("viewer", "developer", "owner")
STRANGE = {"key_id": "key_aaaaaaaaaaaaaaaa", "request_id": "req_" + "0" * 24, "person_id": "pers_aaaaaaaaaaaaaaaa"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with start_portal(tmp_path_factory.mktemp("rights"), proof_of_work=False) as running:
        yield running


@pytest.fixture(scope="module")
def people(site: PortalSite) -> dict[str, Client]:
    """A workspace's owner, developer and viewer, a stranger with a workspace of their own, and a visitor."""
    made = {"owner": Client(site), "stranger": Client(site), "visitor": Client(site)}
    made["owner"].sign_up(name="Olga")
    made["stranger"].sign_up(name="Sam")
    for role in ("developer", "viewer"):
        email = site.new_address(role)
        status, _, text = made["owner"].post("/app/team/invite", {"email": email, "role": role})
        assert status == 303, text
        made[role] = Client(site)
        link = site.next_link(email).removeprefix(site.url)
        status, headers, text = made[role].post(link, {"password": "a sentence for a member of a team"})
        assert status == 303 and headers["Location"].startswith("/app/"), text
    return made


@cache
def pages() -> tuple[PageRoute, ...]:
    return tuple(one for one in ALL_PAGES if not one.json)


def path_of(page: PageRoute, **values: str) -> str:
    """A page's address, with IDs that nobody has where none is given."""

    def put(found: re.Match[str]) -> str:
        return values.get(found[1], STRANGE.get(found[1], "unknown-thing"))

    return re.sub(r"<(?:path:)?(\w+)>", put, page.path)


def test_there_is_something_to_test() -> None:
    assert len(pages()) > 40
    assert {one.access for one in pages()} >= {"public", "person", "viewer", "developer", "owner"}


@pytest.mark.parametrize(
    "page", [one for one in pages() if one.access != "public"], ids=lambda one: one.method + one.path
)
def test_a_visitor_is_led_to_the_log_in(people: dict[str, Client], page: PageRoute) -> None:
    ask = people["visitor"].get if page.method == "GET" else people["visitor"].post
    status, headers, _ = ask(path_of(page))
    assert status == 303 and headers["Location"].startswith("/app/login")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_asked_for(people: dict[str, Client], role: str) -> None:
    for page in pages():
        if page.access in ROLES and page.path not in ("/app/team/leave",):
            ask = people[role].get if page.method == "GET" else people[role].post
            status, _, text = ask(path_of(page))
            least = ROLES.index(page.access)
            if ROLES.index(role) < least:
                assert status == 403 and "Ask one of them" in text, (page.method, page.path)
            else:
                assert status != 403, (page.method, page.path, text[-800:])
                assert status < 500, (page.method, page.path, text[-800:])


@pytest.mark.parametrize("role", [*ROLES, "stranger", "visitor"])
def test_operators_pages_are_none_for_others(people: dict[str, Client], role: str) -> None:
    for page in (one for one in pages() if one.access == "operator"):
        status, _, text = (people[role].get if page.method == "GET" else people[role].post)(path_of(page))
        if role == "visitor":
            assert status == 303
        else:
            assert status == 404 and "There is no such page" in text, (page.method, page.path, status)


def test_what_is_another_s_is_not_there(site: PortalSite, people: dict[str, Client]) -> None:
    owner, stranger = people["owner"], people["stranger"]
    status, _, text = owner.post("/app/keys/new", {"name": "theirs"})
    assert status == 201
    key_id = re.search(r"/app/keys/(key_\w+)", text)
    assert key_id is not None
    members = re.findall(r"/app/team/(pers_\w+)/role", owner.get("/app/team")[2])
    status, _, text = owner.post("/app/webhooks/new", {"url": "https://example.invalid/hook"})
    hook = re.search(r"/app/webhooks/(hook_\w+)", text)
    assert status == 201 and hook is not None
    theirs = {"key_id": key_id[1], "person_id": members[0], "webhook_id": hook[1]}
    for page in pages():
        if any(f"<{name}>" in page.path for name in theirs):
            ask = stranger.get if page.method == "GET" else stranger.post
            foreign, unknown = ask(path_of(page, **theirs)), ask(path_of(page))
            assert foreign[0] == unknown[0] == 404, (page.method, page.path, foreign[0], unknown[0])
            assert _same(foreign[2]) == _same(unknown[2]), page.path
    assert owner.get(f"/app/keys/{key_id[1]}")[0] == 200


def test_reading_changes_nothing(site: PortalSite, people: dict[str, Client]) -> None:
    before = site.gateway.router("audit", "show", "--limit", "1")
    for page in (one for one in pages() if one.method == "GET"):
        for _ in range(2):
            people["owner"].get(path_of(page))
    assert site.gateway.router("audit", "show", "--limit", "1") == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": ""},
    ],
)
def test_forms_of_other_pages_do_nothing(people: dict[str, Client], headers: dict[str, str]) -> None:
    before = people["owner"].get("/app/keys?show=all")[2].count("/app/keys/key_")
    for page in (one for one in pages() if one.method == "POST"):
        status, _, text = people["owner"].site.ask(
            path_of(page),
            b"name=forged",
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": "; ".join(f"{name}={text}" for name, text in people["owner"].cookies.items()),
                **{name: value for name, value in headers.items() if value},
            },
        )
        assert status == 403 and "did not come from a page" in text, (page.path, status)
    assert people["owner"].get("/app/keys?show=all")[2].count("/app/keys/key_") == before


def _same(text: str) -> str:
    """A page without what differs for each request."""
    return re.sub(r"req_[0-9a-f]{24}|key_\w{16}|hook_\w{16}|pers_\w{16}|unknown-thing", "ID", text)
