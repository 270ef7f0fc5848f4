"""Couriers beside each other: one that dies, two at once, slow receivers, failing ones; each event once, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable

from waiting import until
from webhooks_kit import Clock, Receiver, hook, states, tell

from router.office.office import Office
from router.office.webhooks.delivering import PAUSES_S, WebhookCourier
from router.store.accounts import create_account


def test_a_worker_that_dies_before_it_wrote_down_sends_the_same_again(
    office: Office, account: str, clock: Clock, receiver: Receiver, couriers: Callable[[Office], WebhookCourier]
) -> None:
    hook(office, account, receiver)
    tell(office, account, "top_1")
    dying = couriers(office)

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    dying._note = killed  # type: ignore[assignment, method-assign]
    dying.run(30)
    assert len(receiver.heard) == 1
    other = couriers(office)
    assert other.run(30) == 0, "the claim of the dead one still holds"
    clock.pass_s(office.settings.webhooks.timeout_s + 31)
    assert other.run(30) == 1
    assert len(receiver.heard) == 2 and len(set(receiver.ids())) == 1
    assert states(office, account) == [("sent", 2)]


def test_two_workers_at_once_send_each_event_once(
    office: Office, account: str, receiver: Receiver, couriers: Callable[[Office], WebhookCourier]
) -> None:
    accounts = [account, *(create_account(office.database, f"other {number}").id for number in range(3))]
    for one in accounts:
        hook(office, one, receiver, f"/{one}")
        for number in range(8):
            tell(office, one, f"top_{number}")
    workers = [couriers(office), couriers(office)]
    running = [threading.Thread(target=one.run, args=(30,)) for one in workers]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(receiver.heard) == len(accounts) * 8
    assert len(set(receiver.ids())) == len(receiver.heard)
    for one in accounts:
        assert set(states(office, one)) == {("sent", 1)}


def test_events_of_one_endpoint_come_in_order(local: Office, account: str, clock: Clock, receiver: Receiver) -> None:
    hook(local, account, receiver)
    for number in range(20):
        tell(local, account, f"top_{number}")
    WebhookCourier(local).run(30)
    assert [one.event["data"]["reference"] for one in receiver.heard] == [f"top_{number}" for number in range(20)]


def test_slow_receivers_hold_up_nobody_else(local: Office, account: str, receiver: Receiver) -> None:
    """An account with slow receivers has two places; another's events go out meanwhile."""
    held = threading.Event()
    receiver.answer = lambda path: 200 if not path.startswith("/slow") or held.wait(20) else 500
    for number in range(6):
        hook(local, account, receiver, f"/slow{number}")
    tell(local, account, "top_1")
    quick = create_account(local.database, "quick").id
    hook(local, quick, receiver, "/quick")
    courier = WebhookCourier(local)
    assert courier.run(0) == 2
    tell(local, quick, "top_2")
    assert courier.run(10) == 1
    assert receiver.ids("/quick") and states(local, quick) == [("sent", 1)]
    held.set()
    until(lambda: courier.run(1) == 0 and {one for one, _ in states(local, account)} == {"sent"})
    assert len(receiver.heard) == 7


def test_failing_endpoints_share_a_part_of_the_places(local: Office, receiver: Receiver, clock: Clock) -> None:
    receiver.answer = lambda path: 500
    accounts = [create_account(local.database, f"bad {number}").id for number in range(12)]
    for one in accounts:
        hook(local, one, receiver, f"/{one}")
        tell(local, one, "top_1")
    courier = WebhookCourier(local)
    assert courier.run(30) == 12
    clock.pass_s(PAUSES_S[0] * 2)
    held = threading.Event()
    receiver.answer = lambda path: 200 if held.wait(20) else 500
    assert courier.run(0) == 8
    held.set()
    courier.close(20)
