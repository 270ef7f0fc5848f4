"""Two tabs, two presses of a button, a form of an older state, and the back button after the log-out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from portal_site import PASSWORD, Client, PortalSite, start_portal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    folder: Path = tmp_path_factory.mktemp("tabs")
    with start_portal(folder, profile="nexgate", proof_of_work=False) as running:
        yield running


@pytest.fixture
def ada(site: PortalSite) -> Client:
    client = Client(site)
    client.sign_up(name="Ada")
    return client


def once_of(page: str) -> str:
    """The hidden field by which a form is known again."""
    found = re.search(r'name="once" value="([\w-]{16,})"', page)
    assert found is not None, page
    return found[1]


def keys_of(client: Client) -> list[str]:
    return re.findall(r'href="/app/keys/(key_\w+)"', client.get("/app/keys?show=all")[2])


def test_a_key_is_made_once_however_often_its_form_is_sent(ada: Client) -> None:
    form = {"name": "production", "once": once_of(ada.get("/app/keys/new")[2])}
    status, _, made = ada.post("/app/keys/new", form)
    assert status == 201
    text = re.search(r'id="new-key"[^>]*value="([^"]+)"', made)
    assert text is not None
    for _ in range(2):  # the page that showed it is loaded again
        status, _, page = ada.post("/app/keys/new", form)
        assert status == 409 and "This form was sent twice: one key was made" in page
        assert text[1] not in page and 'value="production"' in page
    assert len(keys_of(ada)) == 1
    again = {**form, "once": once_of(page)}
    assert ada.post("/app/keys/new", again)[0] == 201, "one more press means another key"
    assert len(keys_of(ada)) == 2


def test_a_form_that_was_refused_may_be_sent_again(ada: Client) -> None:
    once = once_of(ada.get("/app/keys/new")[2])
    status, _, page = ada.post("/app/keys/new", {"name": "x", "models": "nobody/knows", "once": once})
    assert status == 422 and once_of(page) == once, "nothing was made by it"
    assert ada.post("/app/keys/new", {"name": "x", "once": once})[0] == 201


def test_two_tabs_make_two_keys_and_another_person_is_another_form(site: PortalSite, ada: Client) -> None:
    forms = [once_of(ada.get("/app/keys/new")[2]) for _ in range(2)]
    assert [ada.post("/app/keys/new", {"name": "tab", "once": one})[0] for one in forms] == [201, 201]
    bob = Client(site)
    bob.sign_up(name="Bob")
    assert bob.post("/app/keys/new", {"name": "tab", "once": forms[0]})[0] == 201


def test_a_workspace_is_made_once(ada: Client) -> None:
    form = {"name": "Second", "once": once_of(ada.get("/app/workspaces")[2])}
    assert ada.post("/app/workspaces/new", form)[0] == 303
    status, _, page = ada.post("/app/workspaces/new", form)
    assert status == 409 and "one workspace was made" in page
    assert page.count("<strong>Second</strong>") == 1


def test_a_key_is_replaced_once(ada: Client) -> None:
    ada.post("/app/keys/new", {"name": "old"})
    (old,) = keys_of(ada)
    assert ada.post(f"/app/keys/{old}/rotate", {"grace": "3600"})[0] == 201
    status, _, page = ada.post(f"/app/keys/{old}/rotate", {"grace": "3600"})
    assert status == 400 and "rotated" in page
    assert len(keys_of(ada)) == 2


def test_an_invitation_that_is_sent_twice_is_one_with_the_newer_link(site: PortalSite, ada: Client) -> None:
    email = site.new_address("guest")
    for _ in range(2):
        assert ada.post("/app/team/invite", {"email": email, "role": "viewer"})[0] == 303
    links = [site.next_link(email).removeprefix(site.url) for _ in range(2)]
    assert ada.get("/app/team")[2].count(f"<bdi>{email}</bdi>") == 1
    guest = Client(site)
    answers = [guest.post(link, {"password": PASSWORD})[0] for link in links]
    assert answers == [410, 303]


def test_a_form_of_a_role_that_one_has_no_more_is_refused(site: PortalSite, ada: Client) -> None:
    email, guest = site.new_address("guest"), Client(site)
    ada.post("/app/team/invite", {"email": email, "role": "developer"})
    guest.post(site.next_link(email).removeprefix(site.url), {"password": PASSWORD})
    form = {"name": "mine", "once": once_of(guest.get("/app/keys/new")[2])}
    person = re.findall(r"/app/team/(pers_\w+)/role", ada.get("/app/team")[2])
    roles = [one for one in person if ada.post(f"/app/team/{one}/role", {"role": "viewer"})[0] == 303]
    assert roles
    status, _, page = guest.post("/app/keys/new", form)
    assert status == 403 and "only its developers, owners" in page
    assert keys_of(ada) == []


def test_a_form_of_a_key_that_was_revoked_meanwhile_changes_nothing(ada: Client) -> None:
    ada.post("/app/keys/new", {"name": "short"})
    (key,) = keys_of(ada)
    assert ada.post(f"/app/keys/{key}/revoke", {"confirm": "short"})[0] == 303
    for path, fields in (
        (f"/app/keys/{key}", {"name": "long", "expires": "keep"}),
        (f"/app/keys/{key}/enable", {}),
        (f"/app/keys/{key}/rotate", {"grace": "0"}),
    ):
        status, _, page = ada.post(path, fields)
        assert status in (303, 400, 404, 409, 422), (path, status, page)
    page = ada.get(f"/app/keys/{key}")[2]
    assert "Revoked" in page
    assert keys_of(ada) == [key]


def test_after_the_log_out_nothing_is_kept_and_old_forms_do_nothing(site: PortalSite, ada: Client) -> None:
    paths = ("/app/", "/app/keys", "/app/logs", "/app/transactions", "/app/settings", "/api/balance")
    for path in paths:
        status, headers, _ = ada.get(path)
        assert (status, headers["Cache-Control"]) == (200, "no-store"), path
    kept = dict(ada.cookies)
    form = {"name": "late", "once": once_of(ada.get("/app/keys/new")[2])}
    status, headers, _ = ada.post("/app/logout")
    assert status == 303 and headers["Clear-Site-Data"] == '"cache"'
    ada.cookies.update(kept)  # a browser that kept the cookie: it is worth nothing
    for path in paths[:-1]:
        status, headers, _ = ada.get(path)
        assert status == 303 and headers["Location"].startswith("/app/login?next="), path
    status, _, text = ada.get("/api/balance")
    assert (status, json.loads(text)["error"]["code"]) == (401, "no_session")
    status, _, page = ada.post("/app/keys/new", form)
    assert status == 401 and "<h1>Log in</h1>" in page


def test_a_log_out_in_another_tab_leads_parts_of_pages_to_the_log_in(ada: Client) -> None:
    kept = dict(ada.cookies)
    ada.post("/app/logout")
    ada.cookies.update(kept)
    status, headers, text = ada.get("/app/first-steps", **{"HX-Request": "true"})
    assert (status, text) == (204, "") and headers["HX-Redirect"].startswith("/app/login")
