"""Events are sent: each endpoint's in order, endpoints beside each other, tried again with growing pauses.

An event is claimed in the database before it is sent, so that of several workers one sends it; where a worker is killed
between sending and writing down, it is sent again once the claim is over, under the same ID. What a slow or broken
receiver can hold up is its own account's events: an account has few places at a time, and endpoints that fail share a
part of all places.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from router.db.transaction import Transaction
from router.errors import ConfigError, RouterError, faults
from router.office.actor import GATEWAY
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members
from router.office.people.rules.passwords import off_loop
from router.office.providers import check_master_key_of
from router.office.webhooks.endpoints import secret_purpose
from router.office.webhooks.events import tell_operators
from router.store.sealing import unseal
from router.store.webhooks import deliveries, endpoints
from router.store.webhooks.deliveries import OPERATORS_WEBHOOK, Delivery, DueEndpoint
from router.store.webhooks.endpoints import EndpointRow
from router.types.webhook_signing import webhook_headers
from router.webhooks.sending import Answered, HttpWebhookSender, WebhookSender

__all__ = ["PAUSES_S", "WebhookCourier"]

PAUSES_S = (5.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 14_400.0, 18_000.0, 21_600.0)
"""After each failure before the next try; each is made up to a fifth longer or shorter. About a day in all."""

_JITTER = 0.2
_PLACES = 24
_FAILING_PLACES = 8  # of all: endpoints whose last event was not taken
_ACCOUNT_PLACES = 2
_ROUND_S = 30.0  # with one endpoint at a time; the next run goes on
_CLAIM_MARGIN_S = 30.0
_WATCH_S = 3.5
_LOOK_S = 0.8
_WAIT_S = 0.2  # for what was begun: it goes on by itself
_GONE = 410
_ASKED = 4  # times as many endpoints are asked for as there are places: some are not given one

_log = logging.getLogger("router.webhooks")


class WebhookCourier:
    """Brings events to endpoints. One for each worker; ``watch`` is its leased job.

    Args:
        office: where they are.
        sender: makes what sends, of whether every address may be reached; by default what ``[webhooks]`` says.
        jitter: a number from 0 to 1, by which pauses differ.
    """

    def __init__(
        self,
        office: Office,
        *,
        sender: Callable[[bool], WebhookSender] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._office = office
        self._sender = sender or self._http
        self._jitter = jitter
        self._lock = threading.Lock()
        self._under_way: dict[str, tuple[DueEndpoint, threading.Thread]] = {}
        self._stopped = threading.Event()
        self._unsealed = lru_cache(maxsize=256)(self._unseal)

    def watch(self, for_s: float = _WATCH_S) -> None:
        """Look every second whether something is due, for a little less than the time to the next run of the job."""
        ends = time.monotonic() + for_s
        while True:
            self.run()
            if time.monotonic() >= ends or self._stopped.wait(_LOOK_S):
                return

    def run(self, wait_s: float = _WAIT_S) -> int:
        """Begin with every endpoint that has events due and is given a place; with how many was begun.

        Args:
            wait_s: how long to wait for what was begun; what takes longer goes on by itself.
        """
        now = self._office.clock()
        due = deliveries.due_endpoints(self._office.database, now, limit=_ASKED * _PLACES)
        begun = [thread for one in due if (thread := self._begin(one)) is not None]
        ends = time.monotonic() + wait_s
        for thread in begun:
            thread.join(max(0.0, ends - time.monotonic()))
        return len(begun)

    def close(self, timeout_s: float = 2.0) -> None:
        """Begin nothing more, and wait a little for what is on its way."""
        self._stopped.set()
        ends = time.monotonic() + timeout_s
        for _, thread in list(self._under_way.values()):
            thread.join(max(0.0, ends - time.monotonic()))

    def _begin(self, due: DueEndpoint) -> threading.Thread | None:
        with self._lock:
            if self._stopped.is_set() or due.webhook_id in self._under_way or not self._has_place(due):
                return None
            name = f"webhook {due.webhook_id}"
            thread = threading.Thread(target=self._deliver_to, args=(due,), name=name, daemon=True)
            self._under_way[due.webhook_id] = due, thread
        thread.start()
        return thread

    def _has_place(self, due: DueEndpoint) -> bool:
        if due.webhook_id == OPERATORS_WEBHOOK:
            return True
        others = [one for one, _ in self._under_way.values() if one.webhook_id != OPERATORS_WEBHOOK]
        if due.failing and sum(one.failing for one in others) >= _FAILING_PLACES:
            return False
        return len(others) < _PLACES and Counter(one.account_id for one in others)[due.account_id] < _ACCOUNT_PLACES

    def _deliver_to(self, due: DueEndpoint) -> None:
        sender = self._sender(due.webhook_id == OPERATORS_WEBHOOK)
        try:
            ends = time.monotonic() + _ROUND_S
            while time.monotonic() < ends and not self._stopped.is_set():
                if not self._deliver_one(due.webhook_id, sender):
                    break
        except RouterError as error:
            _log.warning("webhooks: events for %s are sent later: %s", due.webhook_id, error)
        except faults():
            _log.exception("webhooks: events for %s are sent later", due.webhook_id)
        finally:
            sender.close()
            with self._lock:
                self._under_way.pop(due.webhook_id, None)

    def _deliver_one(self, webhook_id: str, sender: WebhookSender) -> bool:
        """Send an endpoint's oldest event that is due; whether there may be another to send now."""
        office = self._office
        for_s = office.settings.webhooks.timeout_s + _CLAIM_MARGIN_S
        delivery = deliveries.claim_delivery(office.database, webhook_id, office.clock(), for_s=for_s)
        if delivery is None:
            return False
        endpoint = None
        if webhook_id == OPERATORS_WEBHOOK:
            answered = self._send_operators(delivery, sender)
        else:
            endpoint = endpoints.find_endpoint(office.database, webhook_id)
            if endpoint is None or endpoint.status != "active" or not office.settings.webhooks.customers:
                office.database.write(
                    lambda connection: deliveries.end_waiting(connection, webhook_id, "the webhook is off")
                )
                return False
            answered = self._send(endpoint, delivery, sender)
        self._note(delivery, answered)
        if endpoint is not None:
            self._note_endpoint(endpoint, answered)
        return answered.taken

    def _send(self, endpoint: EndpointRow, delivery: Delivery, sender: WebhookSender) -> Answered:
        now = self._office.clock()
        try:
            secrets = [self._unsealed(endpoint.id, endpoint.secret)]
            if endpoint.old_secret and now < (endpoint.old_until or 0.0):
                secrets.append(self._unsealed(endpoint.id, endpoint.old_secret))
        except ConfigError as error:
            return Answered(None, f"its secret cannot be read here: {error.message}")
        return _sent(endpoint.url, delivery, now, secrets, sender)

    def _send_operators(self, delivery: Delivery, sender: WebhookSender) -> Answered:
        settings = self._office.settings.webhooks
        if not settings.url or not settings.secret:
            what = "url" if not settings.url else "secret"
            return Answered(None, f"[webhooks] {what} is not set here: {getattr(settings, what).source or 'set it'}")
        return _sent(settings.url.reveal(), delivery, self._office.clock(), [settings.secret.reveal()], sender)

    def _note(self, delivery: Delivery, answered: Answered) -> None:
        database, now = self._office.database, self._office.clock()
        if answered.taken:
            deliveries.mark_delivery(database, delivery, "sent", due_at=now, code=answered.status)
            return
        status, due_at = "failed", now
        if delivery.tries <= len(PAUSES_S):
            pause_s = PAUSES_S[delivery.tries - 1] * (1 - _JITTER + 2 * _JITTER * self._jitter())
            status, due_at = "due", now + pause_s
        else:
            more = answered.detail or answered.words
            _log.warning("webhooks: %s for %s is given up: %s", delivery.event_id, delivery.webhook_id, more)
        deliveries.mark_delivery(database, delivery, status, due_at=due_at, code=answered.status, error=answered.words)

    def _note_endpoint(self, endpoint: EndpointRow, answered: Answered) -> None:
        """Note whether an endpoint works, and switch it off where it has not for days, or says that it is gone."""
        office, now = self._office, self._office.clock()
        if answered.taken:
            if endpoint.failing_since is not None:
                endpoints.note_failing(office.database, endpoint.id, None)
            return
        since = now if endpoint.failing_since is None else endpoint.failing_since
        if endpoint.failing_since is None:
            endpoints.note_failing(office.database, endpoint.id, now)
            _log.warning("webhooks: %s began to fail: %s", endpoint.id, answered.detail or answered.words)
        before = now if answered.status == _GONE else now - office.settings.webhooks.off_after_s
        if since > before:
            return

        def switch_off(transaction: Transaction) -> Change[None]:
            made = endpoints.switch_off(transaction.connection, endpoint.id, before)
            if made:
                deliveries.end_waiting(transaction.connection, endpoint.id, "the webhook was switched off")
                values = {"url": endpoint.url, "error": answered.words, "since_at": str(since)}
                notify_members(
                    transaction, office, endpoint.account_id, "webhook_off", endpoint.id, str(int(since)), values
                )
                error = answered.detail or answered.words
                told = {"account": endpoint.account_id, "webhook": endpoint.id, "error": error}
                tell_operators(transaction, office, "webhook.switched_off", f"{endpoint.id}/{int(since)}", told)
            return Change(None, endpoint.id, {"account": endpoint.account_id, "error": answered.words}, made=made)

        write(office, GATEWAY, "webhooks switch-off", switch_off)

    def _http(self, anywhere: bool) -> WebhookSender:
        settings = self._office.settings.webhooks
        return HttpWebhookSender(settings.timeout_s, allow_loopback=settings.allow_loopback, anywhere=anywhere)

    def _unseal(self, endpoint_id: str, sealed: str) -> str:
        master = check_master_key_of(self._office)
        return off_loop(unseal, sealed, master, secret_purpose(endpoint_id))


def _sent(url: str, delivery: Delivery, now: float, secrets: list[str], sender: WebhookSender) -> Answered:
    body = delivery.body.encode("utf-8")
    return sender.send(url, body, webhook_headers(delivery.event_id, int(now), body, *secrets))
