"""Events on their way: signed, in order, once normally, again where nobody took them, and never at others' cost."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError
from webhooks_kit import ME, Clock, Receiver, hook, states, tell

from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from router.office.office import Office
from router.office.people.notices import notify_members
from router.office.webhooks.delivering import PAUSES_S, WebhookCourier
from router.office.webhooks.endpoints import (
    change_endpoint,
    create_endpoint,
    drop_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
    send_test,
)
from router.office.webhooks.sent import list_deliveries, send_again
from router.store.accounts import create_account
from router.webhooks.sending import Answered


def test_customers_are_not_told_which_names_there_are_inside(
    office: Office,
    account: str,
    couriers: Callable[[Office], WebhookCourier],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A private address, no such name, and a name server that does not answer read alike; the log tells them apart."""
    known = {"inside.example": "10.1.2.3", "mapped.example": "::ffff:10.1.2.3"}
    faults = {"none.example": socket.EAI_NONAME, "later.example": socket.EAI_AGAIN}

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host in faults:
            raise socket.gaierror(faults[host], f"the words of a resolver on {host}")
        if host == "slow.example":
            raise TimeoutError("timed out")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    said = set()
    for host in (*known, *faults, "slow.example"):
        made = create_endpoint(office, ME, account, f"https://{host}/a")
        send_test(office, ME, made.row.id)
        couriers(office).run(30)
        (sent,) = list_deliveries(office, webhook_id=made.row.id)
        said.add((sent.error.replace(host, "HOST"), sent.code, sent.status, sent.tries))
        drop_endpoint(office, ME, made.row.id)
    assert said == {("HOST does not lead to a public address, and nothing is sent there", None, "due", 1)}
    assert "inside.example leads to 10.1.2.3" in caplog.text
    assert "look-up of none.example failed" in caplog.text


def test_what_a_notice_tells_is_sent_signed_and_once(
    office: Office, account: str, receiver: Receiver, couriers: Callable[[Office], WebhookCourier]
) -> None:
    made = hook(office, account, receiver)
    for subject in ("top_1", "top_2", "top_1"):
        tell(office, account, subject)
    courier = couriers(office)
    assert courier.run(30) == 1
    assert courier.run(30) == 0
    first, second = receiver.heard
    assert first.verified(made.secret) == first.event
    assert first.event["type"] == "credit.added"
    data = {"account": account, "amount": "2.50", "balance": "2.50", "currency": "USD"}
    assert first.event["data"] == {**data, "reference": "top_1"}
    assert second.event["data"]["reference"] == "top_2"
    assert first.id != second.id and first.id.startswith("evt_")
    assert first.headers["content-type"] == "application/json"
    assert states(office, account) == [("sent", 1), ("sent", 1)]
    secret = office.database.read(lambda connection: connection.tuples("SELECT secret FROM webhooks"))[0][0]
    assert made.secret not in secret and "whsec_" not in secret


def test_an_event_is_there_if_and_only_if_its_transaction_is(local: Office, account: str, receiver: Receiver) -> None:
    hook(local, account, receiver)

    def undone(connection: object) -> None:
        transaction = Transaction(connection, local.database.place)  # type: ignore[arg-type]
        notify_members(transaction, local, account, "topup", "top_1", "", {"amount_nano": "1", "balance_nano": "1"})
        raise Unavailable("it was not to be")

    with pytest.raises(Unavailable):
        local.database.write(undone)
    assert list_deliveries(local) == []


def test_kinds_are_chosen_and_ids_are_shared(local: Office, account: str, receiver: Receiver) -> None:
    hook(local, account, receiver, "/all")
    hook(local, account, receiver, "/refunds", events=["payment.refunded"])
    tell(local, account, "top_1")
    tell(local, account, "ref_1", "refund")
    tell(local, account, "model", "model_retires")
    WebhookCourier(local).run(30)
    by_path = {path: receiver.ids(path) for path in ("/all", "/refunds")}
    assert len(by_path["/all"]) == 2 and by_path["/refunds"] == by_path["/all"][1:]


def test_what_is_not_taken_is_sent_again_for_a_day(
    office: Office, account: str, clock: Clock, receiver: Receiver, couriers: Callable[[Office], WebhookCourier]
) -> None:
    hook(office, account, receiver)
    receiver.answer = lambda path: 503
    tell(office, account, "top_1")
    courier, began = couriers(office), clock.at
    pauses = []
    while list_deliveries(office)[0].status == "due":
        assert courier.run(30) == 1
        row = list_deliveries(office)[0]
        if row.status == "due":
            pauses.append(row.due_at - clock.at)
            clock.pass_s(row.due_at - clock.at - 1)
            assert courier.run(30) == 0, "not before its time"
            clock.pass_s(1)
    assert pauses == list(PAUSES_S)
    assert 0.8 < (clock.at - began) / 86_400 < 1.2
    assert len(set(receiver.ids())) == 1 and len(receiver.heard) == len(PAUSES_S) + 1
    times = [one.headers["webhook-timestamp"] for one in receiver.heard]
    assert len(set(times)) == len(times), "each sending is signed for its own time"
    row = list_deliveries(office)[0]
    assert (row.status, row.code, row.error) == ("failed", 503, "answered 503")
    receiver.answer = lambda path: 200
    send_again(office, ME, row.id)
    assert courier.run(30) == 1
    assert (list_deliveries(office)[0].status, receiver.ids()[-1]) == ("sent", row.event_id)


def test_pauses_differ(local: Office, account: str, clock: Clock, receiver: Receiver) -> None:
    receiver.answer = lambda path: 500
    found = []
    for number, luck in enumerate((0.0, 1.0)):
        hook(local, account, receiver, f"/{number}", events=["payment.failed"])
        tell(local, account, f"top_{number}", "payment_failed")
        WebhookCourier(local, jitter=lambda luck=luck: luck).run(30)  # type: ignore[misc]
        found.append(list_deliveries(local)[0].due_at - clock.at)
    assert found == [PAUSES_S[0] * 0.8, PAUSES_S[0] * 1.2]


def test_an_endpoint_that_fails_for_days_is_switched_off_and_its_owner_told(
    office: Office, account: str, clock: Clock, receiver: Receiver, couriers: Callable[[Office], WebhookCourier]
) -> None:
    made = hook(office, account, receiver)
    receiver.answer = lambda path: 500
    courier = couriers(office)
    for day in range(7):
        tell(office, account, f"top_{day}")
        for _ in range(10):
            courier.run(30)
        if get_endpoint(office, made.row.id).status == "failed":
            break
        clock.pass_s(86_400)
    row = get_endpoint(office, made.row.id)
    assert (row.status, day) == ("failed", 5)
    assert {one.status for one in list_deliveries(office)} == {"failed"}
    with pytest.raises(Conflict, match="switch it on"):
        send_again(office, ME, list_deliveries(office)[0].id)
    tell(office, account, "top_later")
    assert courier.run(30) == 0
    receiver.answer = lambda path: 200
    change_endpoint(office, ME, row.id, {"disabled": False})
    send_again(office, ME, list_deliveries(office)[0].id)
    assert courier.run(30) == 1
    assert get_endpoint(office, row.id).failing_since is None


def test_one_that_is_gone_is_switched_off_at_once(local: Office, account: str, receiver: Receiver) -> None:
    made = hook(local, account, receiver)
    receiver.answer = lambda path: 410
    tell(local, account, "top_1")
    WebhookCourier(local).run(30)
    assert get_endpoint(local, made.row.id).status == "failed"


def test_a_secret_is_changed_with_an_overlap(local: Office, account: str, clock: Clock, receiver: Receiver) -> None:
    old = hook(local, account, receiver)
    new = rotate_secret(local, ME, old.row.id, overlap_s=3600)
    courier = WebhookCourier(local)
    tell(local, account, "top_1")
    courier.run(30)
    assert receiver.heard[0].verified(old.secret) == receiver.heard[0].verified(new.secret)
    local.database.write(lambda connection: connection.execute("UPDATE webhooks SET old_until = ?", (clock.at - 1,)))
    tell(local, account, "top_2")
    courier.run(30)
    assert receiver.heard[1].verified(new.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.heard[1].verified(old.secret)
    newest = rotate_secret(local, ME, old.row.id, overlap_s=0)
    tell(local, account, "top_3")
    courier.run(30)
    assert receiver.heard[2].headers["webhook-signature"].count("v1,") == 1
    assert receiver.heard[2].verified(newest.secret)


def test_what_waits_and_how_many_there_are_is_bounded(
    open_office: Callable[..., Office], sqlite_url: str, receiver: Receiver
) -> None:
    office = open_office(sqlite_url, "endpoints = 2\nwaiting = 5\n")
    account = create_account(office.database, "acme").id
    made = hook(office, account, receiver)
    hook(office, account, receiver, "/b", events=["payment.failed"])
    with pytest.raises(Conflict, match="2 webhooks at most"):
        hook(office, account, receiver, "/c")
    for number in range(9):
        tell(office, account, f"top_{number}")
    assert len(list_deliveries(office)) == 5
    assert get_endpoint(office, made.row.id).dropped == 4
    with pytest.raises(Conflict, match="Too many"):
        send_test(office, ME, made.row.id)


def test_disabling_and_deleting(local: Office, account: str, receiver: Receiver) -> None:
    made = hook(local, account, receiver)
    tell(local, account, "top_1")
    change_endpoint(local, ME, made.row.id, {"disabled": True})
    assert [one.status for one in list_deliveries(local)] == ["failed"]
    with pytest.raises(Conflict):
        send_test(local, ME, made.row.id)
    tell(local, account, "top_2")
    change_endpoint(local, ME, made.row.id, {"disabled": False, "url": receiver.url + "/new", "events": []})
    send_test(local, ME, made.row.id)
    WebhookCourier(local).run(30)
    assert [(one.path, one.event["type"]) for one in receiver.heard] == [("/new", "webhook.test")]
    drop_endpoint(local, ME, made.row.id)
    assert (list_endpoints(local), list_deliveries(local)) == ([], [])
    with pytest.raises(NotFound):
        drop_endpoint(local, ME, made.row.id)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"events": ["nothing"]}, "no event 'nothing'"),
        ({"low": "-1"}, "neither"),
        ({"low": "0%"}, "neither"),
        ({"low": "101%"}, "neither"),
        ({"low": "many"}, "neither"),
        ({"low": "9" * 30}, "neither"),
        ({"about": "x" * 201}, "one line"),
    ],
)
def test_bad_input(local: Office, account: str, receiver: Receiver, values: dict[str, Any], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        hook(local, account, receiver, **values)
    assert list_endpoints(local) == []


def test_customers_may_have_none_and_a_form_counts_once(
    open_office: Callable[..., Office], sqlite_url: str, receiver: Receiver
) -> None:
    office = open_office(sqlite_url)
    account = create_account(office.database, "acme").id
    hook(office, account, receiver, once="form1")
    with pytest.raises(Conflict, match="twice"):
        hook(office, account, receiver, once="form1")
    shut = open_office(sqlite_url, "customers = false\n")
    with pytest.raises(Forbidden):
        hook(shut, account, receiver)


def test_where_customers_have_none_any_more_nothing_is_sent(
    open_office: Callable[..., Office],
    sqlite_url: str,
    receiver: Receiver,
    couriers: Callable[[Office], WebhookCourier],
) -> None:
    office = open_office(sqlite_url)
    account = create_account(office.database, "acme").id
    hook(office, account, receiver)
    tell(office, account, "top_1")
    shut = open_office(sqlite_url, "customers = false\n")
    tell(shut, account, "top_2")
    couriers(shut).run(30)
    assert receiver.heard == []
    assert {status for status, _ in states(shut, account)} == {"failed"}


def test_a_sender_that_breaks_is_no_end_of_the_courier(local: Office, account: str, receiver: Receiver) -> None:
    class Broken:
        def send(self, *_: object) -> Answered:
            raise RuntimeError("a fault of ours")

        def close(self) -> None:
            return None

    hook(local, account, receiver)
    tell(local, account, "top_1")
    courier = WebhookCourier(local, sender=lambda anywhere: Broken())
    assert courier.run(30) == 1
    time.sleep(0)
    assert courier._under_way == {}
