"""Customers may ask for so many events: each is a request to whatever URL they have set."""

from __future__ import annotations

import pytest
from webhooks_kit import Clock

from router.errors import RateLimited
from router.office.actor import Actor
from router.office.office import Office
from router.office.webhooks.endpoints import create_endpoint, drop_endpoint, send_test
from router.office.webhooks.sent import list_deliveries, send_again

PERSON, KEY, OPERATOR = Actor("person", "pers_1"), Actor("key", "key_1"), Actor("operator", "ops")
URL = "https://example.com/in"


def made(office: Office, account: str) -> str:
    return create_endpoint(office, PERSON, account, URL).row.id


def test_test_events_of_an_hour(office: Office, account: str, clock: Clock) -> None:
    hook = made(office, account)
    for _ in range(10):
        send_test(office, PERSON, hook)
    with pytest.raises(RateLimited, match="try again in 3600 seconds") as told:
        send_test(office, PERSON, hook)
    assert (told.value.status, told.value.code, told.value.retry_after_s) == (429, "too_many_attempts", 3600)
    send_test(office, OPERATOR, hook)
    assert len(list_deliveries(office)) == 11
    clock.pass_s(3599)
    with pytest.raises(RateLimited):
        send_test(office, KEY, hook)
    clock.pass_s(1)
    send_test(office, KEY, hook)


def test_a_webhook_that_is_made_anew_begins_not_from_nothing(office: Office, account: str) -> None:
    for _ in range(5):
        hook = made(office, account)
        for _ in range(10):
            send_test(office, PERSON, hook)
        drop_endpoint(office, PERSON, hook)
    hook = made(office, account)
    with pytest.raises(RateLimited):
        send_test(office, PERSON, hook)
    assert list_deliveries(office) == []


def test_events_sent_again(office: Office, account: str) -> None:
    hook = made(office, account)
    delivery = send_test(office, OPERATOR, hook)
    for _ in range(300):
        send_again(office, PERSON, delivery, hook)
    with pytest.raises(RateLimited):
        send_again(office, PERSON, delivery, hook)
    send_again(office, OPERATOR, delivery)
