"""Other people's policies, as distributions of their own, and the service on a socket that they keep their state in."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["QUOTA", "TALLY", "Bureau", "open_bureau"]

_COMMON = '''
from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

import gevent

from router import BALANCE, Claim, InsufficientQuota, RateLimited, Window, hookimpl


@dataclass(frozen=True)
class Settings:
    port: int = field(default=0, metadata={"min": 0, "max": 65535})


class Lease(Claim):
    """A claim that carries what the service knows the call by."""

    lease: str


def leased(lease, *claimed, **options):
    claim = Lease(*claimed, **options)
    claim.lease = lease
    return claim


def ask(context, **request):
    with socket.create_connection(("127.0.0.1", context.settings.port), timeout=2) as connection:
        connection.sendall(json.dumps(request).encode() + b"\\n")
        return json.loads(connection.makefile().readline())


def trick(call):
    """How the policy is to misbehave on this call."""
    return (call.body.get("metadata") or {}).get("trick", "")
'''

QUOTA = (
    _COMMON
    + '''
class Quota:
    """Half of each price, as long as the service has some quota left; anything else is free."""

    @hookimpl
    def settings(self):
        return Settings

    @hookimpl
    def billing_claims(self, call, key, quote, context):
        if trick(call) == "claim nothing":
            return []
        answer = ask(context, do="take", pool=f"quota:{key.account}", amount=quote.charge_nano)
        if not answer["lease"]:
            raise InsufficientQuota("The quota service says no.")
        made = leased(answer["lease"], BALANCE, quote.charge_nano, refusal="balance")
        if trick(call) == "settle without a claim on the balance":
            made = leased(answer["lease"], "nothing", 0)
        return [made]

    @hookimpl
    def billing_settle(self, claims, outcome, context):
        ask(context, do="settle", lease=claims[0].lease, amount=outcome.charge_nano)
        return [outcome.charge_nano // 2 if claim.bucket == BALANCE else 0 for claim in claims]

    @hookimpl
    def billing_undo(self, claims, context):
        ask(context, do="undo", lease=claims[0].lease)


plugin = Quota()
'''
)

TALLY = (
    _COMMON
    + '''
WRONG = {
    "nothing at all": lambda: None,
    "a text": lambda: "calls",
    "no claim": lambda: [{"bucket": "calls", "amount": 1}],
    "negative": lambda: [Claim("calls", -1, 5)],
    "a float": lambda: [Claim("calls", 1.0, 5)],
    "a bool": lambda: [Claim("calls", True, 5)],
    "too large": lambda: [Claim("calls", 2**63, 5)],
    "an odd ceiling": lambda: [Claim("calls", 1, "5")],
    "an odd bucket": lambda: [Claim("", 1, 5)],
    "an odd refusal": lambda: [Claim("calls", 1, 5, refusal="no")],
    "an odd window": lambda: [Claim("calls", 1, 5, Window("60"))],
    "an endless window": lambda: [Claim("calls", 1, 5, Window(float("inf")))],
    "an odd message": lambda: [Claim("calls", 1, 0, message=b"no")],
    "the balance": lambda: [Claim(BALANCE, 1)],
    "an error": lambda: 1 / 0,
    "a time-out": lambda: [gevent.sleep(5)],
}


class Tally:
    """As many calls at a time as the service has places."""

    @hookimpl
    def settings(self):
        return Settings

    @hookimpl
    def rate_limit_claims(self, call, key, context):
        if trick(call) in WRONG:
            with gevent.Timeout(0.05):
                return WRONG[trick(call)]()
        answer = ask(context, do="take", pool=f"tally:{key.account}", amount=1)
        if not answer["lease"]:
            raise RateLimited("All places are taken.", headers={"Retry-After": "7"})
        return [leased(answer["lease"], f"{trick(call)}:{key.id}", 3)]

    @hookimpl
    def rate_limit_settle(self, claims, outcome, context):
        ask(context, do="settle", lease=claims[0].lease, amount=outcome.charge_nano)
        how = claims[0].bucket.split(":")[0]
        if how == "settle and raise":
            raise ValueError("no")
        if how == "settle too late":
            with gevent.Timeout(0.05):
                gevent.sleep(5)
        return {"settle short": [], "settle below zero": [-1], "settle a half": [0.5]}.get(how, [1])

    @hookimpl
    def rate_limit_undo(self, claims, context):
        ask(context, do="undo", lease=claims[0].lease)


plugin = Tally()
'''
)


class Bureau:
    """The service: pools of amounts, from which leases are taken; each is to be settled or undone, once.

    Attributes:
        port: where it listens.
        pools: what each has left; 10¹² where nobody has said.
        ends: lease -> how it ended, ``settle`` or ``undo``, as often as that was said.
        amounts: lease -> what it was settled with.
        away: pools of which nobody is told anything.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.pools: defaultdict[str, int] = defaultdict(lambda: 10**12)
        self.ends: defaultdict[str, list[str]] = defaultdict(list)
        self.amounts: dict[str, int] = {}
        self.away: set[str] = set()
        self._taken: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What a policy is told."""
        with self._lock:
            if request["do"] == "take":
                return {"lease": self._take(request["pool"], request["amount"])}
            lease = request["lease"]
            self.ends[lease].append(request["do"])
            pool, amount = self._taken[lease]
            used = request.get("amount", 0) if pool.startswith("quota") else 0
            self.amounts[lease] = request.get("amount", 0)
            self.pools[pool] += amount - used
            return {}

    def endings(self, account: str, pool: str) -> Counter[str]:
        """How the leases that an account took of a pool have ended: each once."""
        leases = [lease for lease, (name, _) in list(self._taken.items()) if name == f"{pool}:{account}"]
        assert all(len(self.ends[lease]) == 1 for lease in leases), dict(self.ends)
        return Counter(self.ends[lease][0] for lease in leases)

    def settled(self, account: str, pool: str) -> list[int]:
        """The amounts that an account's leases were settled with."""
        taken = list(self._taken.items())
        return [self.amounts[lease] for lease, (name, _) in taken if name == f"{pool}:{account}"]

    def _take(self, pool: str, amount: int) -> str:
        if amount > self.pools[pool]:
            return ""
        self.pools[pool] -= amount
        lease = f"lease-{len(self._taken)}"
        self._taken[lease] = (pool, amount)
        return lease


@contextlib.contextmanager
def open_bureau() -> Iterator[Bureau]:
    """A bureau that answers one line of JSON on each connection."""

    class Desk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            if request.get("pool") not in bureau.away:
                self.wfile.write(json.dumps(bureau.answer(request)).encode() + b"\n")

    socketserver.ThreadingTCPServer.request_queue_size = 64
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Desk) as server:
        bureau = Bureau(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield bureau
        server.shutdown()
        thread.join()
