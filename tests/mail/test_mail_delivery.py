"""Mails are sent once, by a real server; one that is down, slow or refuses delays or ends them, and nothing else."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mail_kit import ADA, VALUES, MailServer, MakeOffice, MovedClock, StartServer, outbox

from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound, Unavailable
from router.mail.smtp import SmtpTransport
from router.office.office import Office
from router.office.people.mailing import (
    deliver_due,
    list_outbox,
    mark_bounced,
    retry_mail,
    send_test_mail,
    tidy_outbox,
)
from router.office.people.outbox import queue_mail

pytestmark = pytest.mark.slow


def queue(office: Office, *recipients: str, purpose: str = "login") -> None:
    for recipient in recipients:
        office.database.write(
            lambda connection, to=recipient: queue_mail(Transaction(connection, ""), office, to, purpose, "en", VALUES)
        )


def test_a_mail_arrives_by_starttls_and_auth(
    make_office: MakeOffice, start_server: StartServer, clock: MovedClock
) -> None:
    server = start_server(tls=True)
    office = make_office(server.settings('user = "portal"\npassword = "secret"\nreply_to = "help@example.com"'))
    queue(office, "Ann@example.com", purpose="verify")
    context = ssl.create_default_context(cafile=str(server.authority))
    assert deliver_due(office, SmtpTransport(office.settings.mail, context=context)) == 1
    (taken,) = server.taken()
    assert (taken["tls"], taken["user"], taken["hello"]) == (True, "portal", "example.com")
    assert (taken["from"], taken["to"]) == ("portal@example.com", ["Ann@example.com"])
    message = taken["message"]
    assert message["From"] == "Our portal <portal@example.com>"
    assert message["Reply-To"] == "help@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "/app/t/a-Ticket_1\n" in text.get_content()
    assert "<img" not in html.get_content() and 'src="' not in html.get_content()
    (row,) = outbox(office)
    assert (row["status"], row["tries"], row["sent_at"], row["text"], row["html"]) == ("sent", 1, clock.now, "", "")
    assert message["Message-ID"] == f"<{row['id']}@example.com>"
    assert deliver_due(office) == 0


def test_a_certificate_that_nobody_vouches_for_is_refused(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server(tls=True)
    office = make_office(server.settings('user = "portal"\npassword = "secret"'))
    queue(office, "ann@example.com")
    assert deliver_due(office) == 0
    (row,) = outbox(office)
    assert row["status"] == "due" and "CERTIFICATE_VERIFY_FAILED" in row["error"]
    assert server.taken() == []


def test_a_wrong_password_is_told_and_not_shown(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server(tls=True)
    office = make_office(server.settings('user = "portal"\npassword = "wrong-and-secret"'))
    queue(office, "ann@example.com")
    context = ssl.create_default_context(cafile=str(server.authority))
    deliver_due(office, SmtpTransport(office.settings.mail, context=context))
    (row,) = outbox(office)
    assert row["status"] == "due" and "535 5.7.8" in row["error"] and "wrong-and-secret" not in row["error"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_without_tls_gets_no_mail(make_office: MakeOffice, start_server: StartServer, security: str) -> None:
    server = start_server()
    office = make_office(server.settings().replace('"none"', f'"{security}"'))
    queue(office, "ann@example.com")
    assert deliver_due(office) == 0
    assert server.taken() == [] and outbox(office)[0]["status"] == "due"


def test_a_server_that_is_down_is_tried_again_after_growing_pauses_and_given_up(
    make_office: MakeOffice, clock: MovedClock
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        server = MailServer(taken.getsockname()[1], Path(), None)
        office = make_office(server.settings("give_up_after_s = 600"))
        queue(office, "ann@example.com")
        pauses = []
        for _ in range(4):
            assert deliver_due(office) == 0
            (row,) = outbox(office)
            assert row["status"] == "due" and "refused" in row["error"]
            assert deliver_due(office) == 0 and outbox(office)[0]["tries"] == row["tries"]  # not before it is due
            pauses.append(row["due_at"] - clock.now)
            clock.move(pauses[-1])
        assert pauses == [60, 120, 240, 480]
        deliver_due(office)
        (row,) = outbox(office)
        assert (row["status"], row["tries"]) == ("failed", 5)
        assert row["text"]  # an operator may have it tried again


def test_a_slow_server_is_cut_off(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server("slow")
    office = make_office(server.settings("timeout_s = 0.2"))
    queue(office, *(f"{name}@example.com" for name in "abcdefgh"))
    begun = time.monotonic()
    assert deliver_due(office) == 0
    assert time.monotonic() - begun < 5  # all at once
    assert {(row["status"], row["tries"]) for row in outbox(office)} == {("due", 1)}


def test_a_server_that_drips_is_cut_off(make_office: MakeOffice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(10)
        pool.submit(_drip, listening)
        office = make_office(MailServer(listening.getsockname()[1], Path(), None).settings("timeout_s = 0.2"))
        queue(office, "ann@example.com")
        begun = time.monotonic()
        assert deliver_due(office) == 0
        assert 1 < time.monotonic() - begun < 10
        assert outbox(office)[0]["status"] == "due"


def _drip(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        try:
            connection.sendall(b"220")
            while True:
                connection.sendall(b"-")
                time.sleep(0.05)
        except OSError:
            return


def test_a_refused_recipient_has_bounced_and_others_get_theirs(
    make_office: MakeOffice, start_server: StartServer
) -> None:
    server = start_server("refuses")
    office = make_office(server.settings())
    queue(office, "nobody@example.com", "ann@example.com")
    assert deliver_due(office) == 1
    rows = {row["recipient"]: row for row in outbox(office)}
    assert rows["ann@example.com"]["status"] == "sent"
    assert rows["nobody@example.com"]["status"] == "bounced"
    assert "550 5.1.1 there is nobody of that name" in rows["nobody@example.com"]["error"]
    assert [one.recipient for one in list_outbox(office, status="bounced")] == ["nobody@example.com"]


def test_a_server_that_asks_to_come_again_is_asked_again(make_office: MakeOffice, start_server: StartServer) -> None:
    office = make_office(start_server("later").settings())
    queue(office, "ann@example.com")
    deliver_due(office)
    (row,) = outbox(office)
    assert row["status"] == "due" and "451 4.7.1" in row["error"]


def test_what_goes_wrong_after_the_mail_was_taken_sends_it_no_second_time(
    make_office: MakeOffice, start_server: StartServer, clock: MovedClock
) -> None:
    server = start_server("hangs-up")
    office = make_office(server.settings())
    queue(office, "ann@example.com")
    assert deliver_due(office) == 1
    clock.move(86_400)
    assert deliver_due(office) == 0
    assert len(server.taken()) == 1


def test_two_workers_send_each_mail_once(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server()
    offices = [make_office(server.settings()) for _ in range(2)]
    recipients = [f"p{number}@example.com" for number in range(30)]
    queue(offices[0], *recipients)
    with ThreadPoolExecutor(2) as pool:
        sent = sum(pool.map(deliver_due, offices))
    assert sent == 30
    assert sorted(one["to"][0] for one in server.taken()) == sorted(recipients)


def test_a_mail_of_a_worker_that_was_killed_is_sent_by_another(
    make_office: MakeOffice, start_server: StartServer, clock: MovedClock
) -> None:
    from router.store.people.outbox import claim_mails

    server = start_server()
    office = make_office(server.settings())
    queue(office, "ann@example.com")
    assert len(claim_mails(office.database, clock.now, limit=5, for_s=300)) == 1  # and nothing comes of it
    assert deliver_due(office) == 0
    clock.move(301)
    assert deliver_due(office) == 1


@pytest.mark.parametrize(
    "recipient", ["ann@example.com\r\nBcc: eve@example.com", "ann@example.com, eve@example.com", "ann", "@", ""]
)
def test_an_address_that_is_none_or_holds_a_header_goes_nowhere(
    make_office: MakeOffice, start_server: StartServer, recipient: str
) -> None:
    server = start_server()
    office = make_office(server.settings())
    queue(office, recipient, "bob@example.com")
    assert deliver_due(office) == 1
    assert [one["to"] for one in server.taken()] == [["bob@example.com"]]
    assert {row["recipient"]: row["status"] for row in outbox(office)}[recipient] == "bounced"


def test_letters_outside_ascii_arrive(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server()
    office = make_office(server.settings())
    queue(office, "айна@example.com", "ann@bücher.example")
    assert deliver_due(office) == 2
    assert sorted(one["to"][0] for one in server.taken()) == ["ann@xn--bcher-kva.example", "айна@example.com"]


def test_the_log_takes_mails_by_default(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    queue(office, "ann@example.com")
    assert deliver_due(office) == 1
    (line,) = [record.getMessage() for record in caplog.records if record.name == "router.mail"]
    assert "ann@example.com" in line and " https://portal.example.com/app/t/a-Ticket_1 " in line and "\n" not in line
    assert outbox(office)[0]["status"] == "sent"


def test_an_operator_has_a_mail_tried_again(
    make_office: MakeOffice, start_server: StartServer, clock: MovedClock
) -> None:
    server = start_server("refuses")
    office = make_office(server.settings())
    queue(office, "nobody@example.com", "ann@example.com")
    deliver_due(office)
    bounced = next(row for row in outbox(office) if row["status"] == "bounced")
    sent = next(row for row in outbox(office) if row["status"] == "sent")
    retry_mail(office, ADA, bounced["id"])
    assert {row["id"]: (row["status"], row["tries"]) for row in outbox(office)}[bounced["id"]] == ("due", 0)
    with pytest.raises(Conflict, match="was sent"):
        retry_mail(office, ADA, sent["id"])
    with pytest.raises(NotFound, match="router mail list"):
        retry_mail(office, ADA, "mail_none")
    deliver_due(office)
    clock.move(8 * 86_400)
    tidy_outbox(office)
    with pytest.raises(Conflict, match="older than a week"):
        retry_mail(office, ADA, bounced["id"])
    clock.move(91 * 86_400)
    tidy_outbox(office)
    assert outbox(office) == []


def test_a_mail_that_came_back_is_noted(office: Office) -> None:
    queue(office, "ann@example.com")
    deliver_due(office)
    (row,) = outbox(office)
    mark_bounced(office, ADA, row["id"], "mailbox full")
    (row,) = outbox(office)
    assert (row["status"], row["error"]) == ("bounced", "mailbox full")


def test_mails_are_listed_by_pages(office: Office, clock: MovedClock) -> None:
    for number in range(5):
        queue(office, f"p{number}@example.com")
        clock.move(1)
    first = list_outbox(office, limit=3)
    rest = list_outbox(office, limit=3, before=first[-1].id)
    assert [one.recipient[:2] for one in (*first, *rest)] == ["p4", "p3", "p2", "p1", "p0"]
    assert [one.text for one in first] == ["", "", ""]
    assert [one.recipient for one in list_outbox(office, recipient="p2@example.com")] == ["p2@example.com"]


def test_a_test_mail_says_what_took_it_or_what_is_wrong(make_office: MakeOffice, start_server: StartServer) -> None:
    server = start_server("refuses")
    office = make_office(server.settings())
    assert send_test_mail(office, ADA, "ann@example.com") == f"localhost:{server.port}"
    assert server.taken()[0]["message"]["Subject"] == "Test mail from LLM gateway"
    with pytest.raises(BadRequest, match="there is nobody of that name"):
        send_test_mail(office, ADA, "nobody@example.com")
    with pytest.raises(BadRequest, match="cannot be written"):
        send_test_mail(office, ADA, "nobody")
    office = make_office(server.settings().replace(f"port = {server.port}", "port = 1"))
    with pytest.raises(Unavailable, match=r"localhost:1: .*\[mail\]"):
        send_test_mail(office, ADA, "ann@example.com")
