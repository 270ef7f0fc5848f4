"""What the console's tests share: a portal with customers and calls, and an operator who is logged in."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyotp
from portal_site import Client, PortalSite
from stored_usage import insert_usage

from router.app.start import assemble
from router.office.actor import Actor
from router.office.office import Office
from router.office.people.operators import make_operator
from router.types.records import Attempt, CallRecord

__all__ = ["PROGRAM", "Operator", "a_call", "office_of", "seed_calls", "text_of"]

PROGRAM = Actor("system", "test")
_MASTER = "a master key for tests, long enough"


@contextmanager
def office_of(site: PortalSite) -> Iterator[Office]:
    """The office on the portal's database, in this process."""
    assembly = assemble(site.gateway.config_path, {"ROUTER_MASTER_KEY": _MASTER})
    try:
        yield assembly.office
    finally:
        assembly.close()


class Operator(Client):
    """An operator with a second factor, whose proof is fresh.

    Attributes:
        email: their address.
        secret: of their authenticator.
        codes: their recovery codes.
    """

    def __init__(self, site: PortalSite, name: str = "olga") -> None:
        super().__init__(site)
        self.email = site.new_address(name)
        self.secret = ""
        self.codes: list[str] = []

    def open_link(self) -> None:
        """Open the link that makes an operator."""
        with office_of(self.site) as office:
            text = make_operator(office, PROGRAM, self.email)
        status, _, said = self.post(f"/app/t/{text}")
        assert status == 303, said

    def become(self) -> Operator:
        """The same, and set up an authenticator."""
        self.open_link()
        status, _, page = self.post("/app/settings/security/totp")
        assert status == 200, page
        found = re.search(r"\b([A-Z2-7]{32})\b", page)
        assert found is not None, page
        self.secret = found[1]
        status, _, page = self.post("/app/settings/security/totp/confirm", {"code": pyotp.TOTP(self.secret).now()})
        assert status == 200, page
        self.codes = re.findall(r"\b\w{4}-\w{4}-\w{4}-\w{4}\b", page)
        return self

    def prove_again(self) -> None:
        """Prove anew who it is, by a recovery code: those of an authenticator count once in half a minute."""
        status, _, page = self.post("/app/step-up", {"code": self.codes.pop()})
        assert status == 303, text_of(page)

    def do(self, path: str, fields: Mapping[str, str] | None = None, *, reason: str = "as a test") -> str:
        """Do an action; where it leads."""
        status, headers, page = self.post(path, {"reason": reason, **(fields or {})})
        assert status == 303, (path, status, text_of(page))
        assert not headers["Location"].startswith("/app/login"), "logged out"
        return headers["Location"]

    def read(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        found, _, page = self.get(path)
        assert found == status, (path, found, text_of(page))
        return page


def text_of(page: str) -> str:
    """What a page says, without its markup."""
    main = page.partition("<main")[2] or page
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def a_call(number: int, account: str, key: str, **facts: object) -> CallRecord:
    """A call of a moment ago."""
    values = {
        "request_id": f"req_{number:024x}",
        "created_at": time.time() - 30 - number,
        "route": "chat",
        "account": account,
        "key": key,
        "model": "echo/echo",
        "provider": "echo",
        "upstream_model": "echo",
        "status": 200,
        "ending": "ok",
        "error_code": "",
        "streamed": False,
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "latency_ms": 100 * (number % 20 + 1),
        "first_token_ms": 40,
        "attempts": (Attempt("echo", "echo", "ok", 200, 5),),
        **facts,
    }
    return CallRecord(**values)  # type: ignore[arg-type]


def seed_calls(office: Office, *records: CallRecord) -> None:
    """Keep calls that were never made."""
    office.database.write(lambda connection: insert_usage(connection, records))
