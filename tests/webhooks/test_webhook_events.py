"""What the gateway finds by itself, and what operators are told: each once for its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from webhooks_kit import Clock, Receiver

from router.db.transaction import Transaction
from router.errors import Conflict
from router.office.actor import Actor
from router.office.credits import adjust_credit, grant_credit
from router.office.keys import create_key
from router.office.office import Office
from router.office.webhooks.delivering import WebhookCourier
from router.office.webhooks.endpoints import create_endpoint
from router.office.webhooks.events import tell_operators
from router.office.webhooks.operators import send_operators_test
from router.office.webhooks.sent import list_deliveries
from router.office.webhooks.watching import queue_what_is_due, tidy_deliveries
from router.store.accounts import create_account
from router.types.keys import Budget
from router.types.webhook_signing import new_signing_secret

ME = Actor("operator", "Ada")
NANO = 10**9


def data(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    return [one.event["data"] for one in receiver.heard if one.event["type"] == kind]


@pytest.mark.parametrize(("low", "threshold"), [("5", "5.00"), ("50%", "5.00")])
def test_a_low_balance_is_told_once_until_it_was_above(
    office: Office, account: str, clock: Clock, receiver: Receiver, low: str, threshold: str
) -> None:
    create_endpoint(office, ME, account, receiver.url, events=["balance.low"], low=low)
    courier = WebhookCourier(office)
    assert queue_what_is_due(office) == 0, "an account that never had anything"
    grant_credit(office, ME, account, 10 * NANO, reason="a test")
    assert queue_what_is_due(office) == 0
    adjust_credit(office, ME, account, -6 * NANO, reason="a test")
    assert (queue_what_is_due(office), queue_what_is_due(office)) == (1, 0)
    adjust_credit(office, ME, account, -1 * NANO, reason="a test")
    assert queue_what_is_due(office) == 0
    courier.run(30)
    [told] = data(receiver, "balance.low")
    assert (told["balance"], told["threshold"], told["workspace"]) == ("4.00", threshold, "acme")
    clock.pass_s(400 * 86_400)
    tidy_deliveries(office)
    assert queue_what_is_due(office) == 0, "what was told is known for as long as it holds"
    adjust_credit(office, ME, account, 4 * NANO, reason="a test")
    adjust_credit(office, ME, account, -4 * NANO, reason="a test")
    assert queue_what_is_due(office) == 1


def test_budgets_are_told_at_half_at_four_fifths_and_at_all(office: Office, account: str, receiver: Receiver) -> None:
    create_endpoint(office, ME, account, receiver.url)
    key = create_key(office, ME, account, "app", budget=Budget(10 * NANO, "")).row
    courier = WebhookCourier(office)
    for used, due in ((4, 0), (5, 1), (6, 0), (8, 1), (10, 1), (11, 0)):
        office.database.write(
            lambda connection, used=used: connection.execute(  # type: ignore[misc]
                "INSERT INTO buckets (id, window_start, used, held) VALUES (?, 0, ?, 0) "
                "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
                (f"host:budget:{key.id}", used * NANO),
            )
        )
        assert queue_what_is_due(office) == due, used
        courier.run(30)
    told = data(receiver, "budget.used")
    assert [one["percent"] for one in told] == ["50", "80", "100"]
    assert {(one["key"], one["key_id"], one["budget"]) for one in told} == {("app", key.id, "10.00")}


def test_operators_are_told_once_for_a_cause_by_their_own_url(
    open_office: Callable[..., Office], sqlite_url: str, receiver: Receiver
) -> None:
    secret = new_signing_secret()
    office = open_office(sqlite_url, f'url = "{receiver.url}/ops"\nsecret = "{secret}"\n', loopback=False)
    account = create_account(office.database, "acme").id
    grant_credit(office, ME, account, 10 * NANO, reason="a test")

    def tell(cause: str) -> bool:
        return office.database.write(
            lambda connection: tell_operators(
                Transaction(connection, office.database.place), office, "provider.failing", cause, {"provider": "echo"}
            )
        )

    assert [tell(cause) for cause in ("echo/1", "echo/1", "echo/2")] == [True, False, True]
    send_operators_test(office, ME)
    WebhookCourier(office).run(30)
    kinds = sorted(one.verified(secret)["type"] for one in receiver.heard)
    assert kinds == ["credit.added", "provider.failing", "provider.failing", "webhook.test"]
    assert {one.path for one in receiver.heard} == {"/ops"}
    assert {one.status for one in list_deliveries(office, webhook_id="operators")} == {"sent"}
    chosen = open_office(sqlite_url, f'url = "{receiver.url}"\nsecret = "{secret}"\nevents = ["webhook.other"]\n')
    grant_credit(chosen, ME, account, NANO, reason="a test")
    assert list_deliveries(chosen, status="due") == []


def test_without_a_url_nothing_is_written_for_operators(local: Office, account: str) -> None:
    grant_credit(local, ME, account, NANO, reason="a test")
    assert list_deliveries(local) == []
    with pytest.raises(Conflict, match="There is no URL"):
        send_operators_test(local, ME)
