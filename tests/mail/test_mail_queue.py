"""Mails are written in the transaction that they tell of, in the person's language, with links to the portal alone."""

from __future__ import annotations

import pytest
from mail_kit import VALUES, MakeOffice, outbox

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.office.office import Office
from router.office.people.outbox import queue_mail

pytestmark = pytest.mark.slow


def test_a_mail_is_kept_with_what_it_tells_of(office: Office) -> None:
    def change(connection: Connection) -> None:
        queue_mail(Transaction(connection, ""), office, "Ann@Example.com", "verify", "en", VALUES, person_id="pers_1")

    office.database.write(change)
    (row,) = outbox(office)
    assert (row["recipient"], row["purpose"], row["person_id"]) == ("Ann@Example.com", "verify", "pers_1")
    assert (row["status"], row["tries"], row["due_at"]) == ("due", 0, office.clock())
    assert row["subject"] == "Confirm your address for Ours"
    assert "\nhttps://portal.example.com/app/t/a-Ticket_1\n" in row["text"]
    assert 'href="https://portal.example.com/app/t/a-Ticket_1"' in row["html"]


def test_a_change_that_is_undone_sends_nothing(office: Office) -> None:
    def change(connection: Connection) -> None:
        queue_mail(Transaction(connection, ""), office, "ann@example.com", "verify", "en", VALUES)
        raise RuntimeError("not after all")

    with pytest.raises(RuntimeError, match="not after all"):
        office.database.write(change)
    assert outbox(office) == []


@pytest.mark.parametrize(
    ("portal", "url"),
    [
        ("", "http://127.0.0.1:8081"),
        ('[portal]\nlisten = "0.0.0.0:9000"\n', "http://localhost:9000"),
        ('[portal]\nlisten = "[::1]:9000"\n', "http://[::1]:9000"),
        ("[portal]\nworkers = 0\n[server]\nport = 7000\n", "http://127.0.0.1:7000"),
        ('[portal]\npublic_url = "https://p.example.com/"\n', "https://p.example.com"),
    ],
)
def test_links_lead_to_where_the_portal_is(make_office: MakeOffice, portal: str, url: str) -> None:
    office = make_office(portal)
    office.database.write(
        lambda connection: queue_mail(Transaction(connection, ""), office, "ann@example.com", "login", "", VALUES)
    )
    (row,) = outbox(office)
    assert f"\n{url}/app/t/a-Ticket_1\n" in row["text"]
    assert row["subject"] == "Your link to log in to LLM gateway"
