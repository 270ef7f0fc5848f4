"""``router people``: who logs into the portal, and what is decided about sign-ups."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from router.cli.support.session import CommandSession
from router.office.actor import Actor
from router.office.office import Office
from router.office.people import sessions
from router.office.people.people import get_person
from router.office.people.records import Visit
from router.office.people.signup import sign_up
from router.office.people.tickets import verify_email
from router.store.people.outbox import find_mail, list_mails

pytestmark = pytest.mark.slow

T = TypeVar("T")
VISIT = Visit("198.51.100.7", "Firefox", "en")
ADA = "ada@example.com"


def by_the_office(router: Any, act: Callable[[Office, Actor], T]) -> T:
    """What the portal's pages would do."""
    with CommandSession(router.config, True) as session:
        return act(session.office, Actor("person", "test", address=VISIT.address))


def ticket_in(office: Office, purpose: str) -> str:
    """The text of the newest mailed link of a purpose."""
    listed = next(one for one in list_mails(office.database, limit=50) if one.purpose == purpose)
    mail = find_mail(office.database, listed.id)
    found = re.search(r"/app/t/([\w-]+)", mail.text) if mail is not None else None
    assert found is not None
    return found[1]


def signed_up(router: Any, email: str = ADA, *, proof_ok: bool = True) -> str:
    """Somebody who signed up and proved the address; the ID."""

    def act(office: Office, actor: Actor) -> str:
        sign_up(office, actor, VISIT, email=email, password="a few words of no use", proof_ok=proof_ok)
        return verify_email(office, actor, ticket_in(office, "verify"), VISIT).person.id

    return by_the_office(router, act)


def test_an_operator_is_made_by_a_link(router) -> None:
    made = router.json("people", "operator", ADA)
    assert made["link"].startswith("http://127.0.0.1:8081/app/t/")
    (person,) = router.json("people", "list")
    assert person["email"] == ADA and not person["operator"], "whoever opens the link is one"
    assert router.json("people", "list", "--operators") == []
    entry = router.json("audit", "show", "--action", "operators make")[0]
    assert entry["subject"] == person["id"] and "link" not in str(entry)


def test_links_begin_with_the_public_url(router) -> None:
    router("config", "set", "portal.public_url", "https://portal.example.com/")
    assert router.json("people", "operator", ADA)["link"].startswith("https://portal.example.com/app/t/")


def test_persons_are_found_by_address_and_by_id(router) -> None:
    person_id = signed_up(router)
    for reference in (person_id, ADA, "ADA@example.com"):
        shown = router.json("people", "show", reference)
        assert (shown["id"], shown["email"], shown["status"]) == (person_id, ADA, "active")
    assert shown["verified_at"] and shown["password"] and shown["second_factors"] == []
    assert [at["role"] for at in shown["workspaces"]] == ["owner"]
    assert "nobody with the address 'eve@example.com'" in router.refused("people", "show", "eve@example.com")
    assert "no person 'pers_x'" in router.refused("people", "suspend", "pers_x")
    assert [one["email"] for one in router.json("people", "list", "--search", "ada")] == [ADA]
    assert router.json("people", "list", "--search", "eve") == []
    assert "scrypt" not in str(shown) and "argon2" not in str(shown)


def test_who_is_suspended_is_logged_out_until_resumed(router) -> None:
    person_id = signed_up(router)

    def log_in(office: Office, actor: Actor) -> str:
        return sessions.open_session(office, get_person(office, person_id), VISIT, complete=True)

    text = by_the_office(router, log_in)
    (shown,) = router.json("people", "sessions", ADA)
    assert (shown["address"], shown["agent"]) == (VISIT.address, "Firefox") and text not in str(shown)
    suspended = router.json("people", "suspend", ADA, "--reason", "chargeback")
    assert suspended["status"] == "suspended" and router.json("people", "sessions", ADA) == []
    assert by_the_office(router, lambda office, _: sessions.find_session(office, text)) is None
    entry = router.json("audit", "show", "--action", "people suspend")[0]
    assert (entry["subject"], entry["detail"]["reason"]) == (person_id, "chargeback")
    assert router.json("people", "resume", ADA)["status"] == "active"


def test_log_ins_are_ended_one_by_one_and_all(router) -> None:
    person_id = signed_up(router)

    def log_in(office: Office, actor: Actor) -> str:
        return sessions.open_session(office, get_person(office, person_id), VISIT, complete=True)

    for _ in range(3):
        by_the_office(router, log_in)
    first = router.json("people", "sessions", ADA)[0]["id"]
    assert router.json("people", "end-sessions", ADA, "--session", first)["ended"] == 1
    assert "There is no such log-in" in router.refused("people", "end-sessions", ADA, "--session", first)
    assert "router people sessions" in router.refused("people", "end-sessions", ADA, "--session", "x")
    assert router.json("people", "end-sessions", ADA)["ended"] == 2
    assert router.json("people", "sessions", ADA) == []


def test_somebody_is_invited_into_an_account(router) -> None:
    account = router.first["account"]
    assert router.json("people", "invite", account, ADA, "--role", "viewer")["role"] == "viewer"

    def mails(office: Office, actor: Actor) -> list[tuple[str, str]]:
        return [(one.purpose, one.recipient) for one in list_mails(office.database, limit=50)]

    assert by_the_office(router, mails) == [("invite", ADA)]
    assert "no such workspace" in router.refused("people", "invite", "acc_nosuch", ADA)
    assert "not an address of mail" in router.refused("people", "invite", account, "ada")


def test_switches_hold_and_say_why(router) -> None:
    assert {one["name"]: one["state"] for one in router.json("people", "switches")} == {
        "signup": "on",
        "free-credit": "on",
        "topup": "on",
    }
    off = router.json("people", "switch", "free-credit", "off", "--reason", "being farmed")
    assert (off["state"], off["reason"]) == ("off", "being farmed")
    by_name = {one["name"]: one for one in router.json("people", "switches")}
    assert by_name["free-credit"]["state"] == "off" and by_name["signup"]["state"] == "on"
    assert router("people", "switch", "free-credit", "on").status == 2, "a reason is asked for"
    router.json("people", "switch", "free-credit", "on", "--reason", "over")
    assert [one["detail"]["reason"] for one in router.json("audit", "show", "--action", "signups switch")] == [
        "over",
        "being farmed",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("domain", "@Example.NET", "example.net"),
        ("address", "A.B+c@googlemail.com", "ab@gmail.com"),
        ("network", "198.51.100.77", "198.51.100.0/24"),
    ],
)
def test_blocks_are_kept_in_the_form_that_is_compared(router, kind: str, value: str, kept: str) -> None:
    made = router.json("people", "block", kind, value, "--reason", "spam")
    assert (made["kind"], made["value"], made["reason"]) == (kind, kept, "spam")
    assert [one["value"] for one in router.json("people", "blocks")] == [kept]
    router.json("people", "unblock", kind, kept)
    assert router.json("people", "blocks") == []
    assert "no block of" in router.refused("people", "unblock", kind, kept)


def test_what_cannot_be_blocked_is_said(router) -> None:
    assert "wider than" in router.refused("people", "block", "network", "10.0.0.0/8", "--reason", "x")
    assert router("people", "block", "country", "XX", "--reason", "x").status == 2


def test_a_sign_up_that_waits_is_decided(router) -> None:
    router("config", "set", "portal.free_credit", "3")
    signed_up(router, proof_ok=False)
    signed_up(router, "eve@example.com", proof_ok=False)
    eve, ada = router.json("people", "signups", "--verdict", "waits")
    assert ada["reasons"] == ["no_proof"] and ada["credit"] is None and ada["domain"] == "example.com"
    given = router.json("people", "decide", ada["id"], "give", "--reason", "known")
    assert (given["verdict"], given["credit"]) == ("given", "3")
    assert router.json("accounts", "show", given["account"])["available"] == "3"
    assert router.json("people", "decide", eve["id"], "refuse")["verdict"] == "refused"
    assert "does not wait" in router.refused("people", "decide", eve["id"], "give")
    assert router.json("people", "signups", "--verdict", "waits") == []
    assert len(router.json("people", "signups")) == 2


def test_tables_show_the_same(router) -> None:
    signed_up(router)
    for args, word in (
        (["list"], ADA),
        (["signups"], "example.com"),
        (["switches"], "free-credit"),
        (["blocks"], "Nothing is blocked."),
        (["sessions", ADA], "Not logged in anywhere."),
        (["show", ADA], "(owner)"),
    ):
        run = router("people", *args)
        assert run.status == 0 and word in run.out, (args, run)
