"""An HTTP server that answers as Stripe's API does, with the page on which customers pay, and a sender of events."""

from __future__ import annotations

import contextlib
import html
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from stripe_account import Account, Refused, Thing

__all__ = ["KEY", "WEBHOOK_SECRET", "FakeStripe", "signed"]

KEY = "sk_test_51HxFakeFakeFakeFakeFake"
WEBHOOK_SECRET = "whsec_fakefakefakefakefakefake"
KNOWN = {
    "/v1/checkout/sessions": {
        *("mode", "client_reference_id", "line_items", "metadata", "payment_intent_data", "success_url", "cancel_url"),
        *("adaptive_pricing", "customer_creation", "customer_email", "payment_method_types", "expires_at"),
    },
    "/v1/payment_intents": {
        *("amount", "currency", "customer", "payment_method", "off_session", "confirm", "description", "metadata"),
    },
    "/v1/refunds": {"payment_intent", "amount", "reason", "metadata"},
}


def signed(event: Any, secret: str = WEBHOOK_SECRET, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an event, signed by Stripe's own function."""
    body = event if isinstance(event, str) else json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, None if at is None else int(at))
    return body.encode(), {"stripe-signature": header, "content-type": "application/json; charset=utf-8"}


class FakeStripe:
    """Stripe in a thread. ``webhook`` is where events go; while ``held``, they wait for ``release``.

    Attributes:
        asked: method, path and body of each request.
        failing: how many of the next requests are answered with 500.
        slow_s: how long each request takes.
        together: requests wait until so many of them are under way.
        url: of the API.
    """

    def __init__(self, *, live: bool = False, key: str = KEY) -> None:
        self.key, self.webhook, self.held = key, "", False
        self.waiting: list[Thing] = []
        self.account = Account(self._emitted, live=live)
        self.asked: list[tuple[str, str, Thing]] = []
        self.headers: list[Mapping[str, str]] = []
        self.failing = 0
        self.slow_s = 0.0
        self.together: threading.Barrier | None = None
        self._answers: dict[str, tuple[str, Thing, int, Thing]] = {}
        self._lock = threading.RLock()
        fake = self

        class Handler(_Handler):
            stripe = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeStripe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def events(self, *kinds: str) -> list[Thing]:
        """The events so far, of these kinds."""
        return [one for one in self.account.things["events"].values() if not kinds or one["type"] in kinds]

    def _emitted(self, event: Thing) -> None:
        if self.webhook:
            self.waiting.append(event)

    def release(self) -> list[int]:
        """Send the events that wait; the statuses that came back."""
        waiting, self.waiting = self.waiting, []
        return [self.send(event) for event in waiting]

    def send(self, event: Thing) -> int:
        body, headers = signed(event)
        request = urllib.request.Request(self.webhook, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def answer(self, method: str, target: str, body: str, headers: Mapping[str, str]) -> tuple[int, Thing]:
        """What the API says to a request."""
        path, query = urlsplit(target).path, urlsplit(target).query
        given = _nested(body if method == "POST" else query)
        with self._lock:
            self.asked.append((method, path, given))
            self.headers.append(headers)
            if self.failing:
                self.failing -= 1
                return 500, {"error": {"type": "api_error", "message": "Something went wrong at Stripe."}}
            try:
                if headers.get("authorization") != f"Bearer {self.key}":
                    raise Refused(401, f"Invalid API Key provided: {self.key[:8]}****", type="invalid_request_error")
                return self._once(method, path, given, headers.get("idempotency-key", ""))
            except Refused as error:
                return error.status, error.body

    def _once(self, method: str, path: str, given: Thing, key: str) -> tuple[int, Thing]:
        if method != "POST":
            return 200, self._read(path, given)
        if unknown := given.keys() - KNOWN.get(path, set()):
            raise Refused(400, f"Received unknown parameter: {min(unknown)}", "parameter_unknown", param=min(unknown))
        if key in self._answers:
            before, asked, status, answer = self._answers[key]
            if (before, asked) != (path, given):
                message = "Keys for idempotent requests can only be used with the same parameters."
                raise Refused(400, message, type="idempotency_error")
            return status, answer
        try:
            status, answer = 200, self._write(path, given)
        except Refused as error:
            if error.status != 402:
                raise
            status, answer = error.status, error.body
        if key:
            self._answers[key] = (path, given, status, json.loads(json.dumps(answer)))
        return status, answer

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._answers.clear()

    def _write(self, path: str, given: Thing) -> Thing:
        if path == "/v1/checkout/sessions":
            return _shown(self.account.open_session(given, self.url))
        if path == "/v1/payment_intents":
            return self.account.charge_off_session(given)
        if path.endswith("/detach"):
            return self.account.detach(path.split("/")[3])
        if path == "/v1/refunds":
            return self.account.refund(given)
        raise Refused(404, f"Unrecognized request URL (POST: {path}).")

    def _read(self, path: str, given: Thing) -> Thing:
        account = self.account
        match path.removeprefix("/v1/").split("/"):
            case ["account"]:
                more = {"country": account.country, "charges_enabled": account.charges_enabled}
                return {"id": "acct_1Fake", "object": "account", **more}
            case ["country_specs", country]:
                return {"id": country, "object": "country_spec", "supported_payment_currencies": account.currencies}
            case ["webhook_endpoints"]:
                return _page(account.endpoints, given)
            case ["checkout", "sessions", name]:
                return self._whole(account.get("sessions", name), given)
            case ["payment_intents", "search"]:
                wanted = str(given["query"]).split("'")[3]
                intents = account.things["intents"].values()
                return _page([one for one in intents if one["metadata"].get("topup") == wanted], {})
            case ["payment_methods", name]:
                return account.get("methods", name)
            case ["payment_intents", name]:
                return self._whole(account.get("intents", name), given)
            case ["checkout", "sessions"]:
                return _page([_shown(one) for one in account.things["sessions"].values()], given)
            case [("refunds" | "disputes" | "events" | "payment_intents") as kind]:
                named = {"payment_intents": "intents"}.get(kind, kind)
                return _page(list(account.things[named].values()), given)
        raise Refused(404, f"Unrecognized request URL (GET: {path}).")

    def _whole(self, thing: Thing, given: Thing) -> Thing:
        """A thing with those parts in place of their IDs that ``expand`` names."""
        shown = dict(_shown(thing))
        for path in (given.get("expand") or {}).values():
            at = shown
            for part in path.split("."):
                kind = {"payment_intent": "intents", "payment_method": "methods"}[part]
                if isinstance(at.get(part), str):
                    at[part] = dict(self.account.get(kind, at[part]))
                if not isinstance(at.get(part), dict):
                    break
                at = at[part]
        return shown

    def page(self, session: Thing) -> str:
        """Where customers pay."""
        amount, name = f"{session['amount_total']} {session['currency']}", html.escape(session["id"])
        buttons = "".join(
            f'<form method="post" action="/pay/{name}/{action}"><button>{title}</button></form>'
            for action, title in (("pay", "Pay"), ("delay", "Pay by bank debit"), ("fail", "Fail"), ("back", "Back"))
        )
        title = f"<!doctype html><html lang=en><title>Fake Stripe</title><h1>Pay {amount}</h1>"
        return title + (buttons if session["status"] == "open" else f"<p>This page is {session['status']}.</p>")

    def clicked(self, name: str, action: str) -> str:
        """What a button of the page does, and where it leads."""
        with self._lock:
            session = self.account.get("sessions", name)
            if action in ("pay", "delay"):
                self.account.pay(name, method="card" if action == "pay" else "sepa_debit")
            elif action == "fail":
                return f"/pay/{name}"
        if not self.held:
            threading.Thread(target=self.release, daemon=True).start()
        return str(session["cancel_url"] if action == "back" else session["success_url"])


def _shown(thing: Thing) -> Thing:
    return {name: value for name, value in thing.items() if name != "asked"}


def _nested(text: str) -> Thing:
    """``a[b][0]=c`` as ``{"a": {"b": {"0": "c"}}}``."""
    made: Thing = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        parts = name.replace("]", "").split("[")
        at = made
        for part in parts[:-1]:
            at = at.setdefault(part, {})
        at[parts[-1]] = value
    return made


def _page(things: list[Thing], given: Thing) -> Thing:
    """A page of a list, newest first, as its parameters want it."""
    found = list(reversed(things))
    since = int((given.get("created") or {}).get("gte") or 0)
    types = list((given.get("types") or {}).values())
    found = [one for one in found if one.get("created", since) >= since and (not types or one.get("type") in types)]
    for name in ("charge", "payment_intent"):
        if name in given:
            found = [one for one in found if one.get(name) == given[name]]
    ids = [one["id"] for one in found]
    limit = int(given.get("limit") or 10)
    for name in ("starting_after", "ending_before"):
        if name in given and given[name] not in ids:
            raise Refused(404, f"No such event: '{given[name]}'", "resource_missing", param=name)
    if "ending_before" in given:
        newer = found[: ids.index(given["ending_before"])]
        return {"object": "list", "data": newer[-limit:], "has_more": len(newer) > limit, "url": "/v1"}
    if "starting_after" in given:
        found = found[ids.index(given["starting_after"]) + 1 :]
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": "/v1"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stripe: FakeStripe

    def do_GET(self) -> None:
        if self.path.startswith("/pay/"):
            session = self.stripe.account.get("sessions", self.path.split("/")[2])
            self._reply(200, self.stripe.page(session).encode(), {"Content-Type": "text/html; charset=utf-8"})
        elif self.path == "/favicon.ico":
            self._reply(204, b"", {})
        else:
            self._api()

    def do_POST(self) -> None:
        if self.path.startswith("/pay/"):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _, _, name, action = self.path.split("/")
            self._reply(303, b"", {"Location": self.stripe.clicked(name, action)})
        else:
            self._api()

    def _api(self) -> None:
        time.sleep(self.stripe.slow_s)
        if self.stripe.together is not None:
            self.stripe.together.wait(60)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.stripe.answer(self.command, self.path, body, headers)
        self._reply(status, json.dumps(answer).encode(), {"Content-Type": "application/json", "Request-Id": "req_1"})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # who asked has left
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at ``asked``."""
