"""A portal as real processes, and people who ask it without a browser."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router.testing import Gateway
from router.testing.gateway import free_port

__all__ = ["FORM", "PASSWORD", "Client", "PortalSite", "start_portal"]

PASSWORD = "a sentence nobody else thinks of"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
"""The headers of a form that a page of ours sends."""

Heard = tuple[int, Mapping[str, str], str]
"""Status, headers, text."""

_LINK = re.compile(r"https?://[^\s\"\\]+/app/t/[\w-]+")
_WAIT_S = 60.0
_MASTER = "a master key for tests, long enough"


class PortalSite:
    """A gateway and its portal.

    Attributes:
        gateway: the gateway's processes, whose log has the mails.
        url: where the portal is.
    """

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.url = f"http://localhost:{port}"
        self._mailed: dict[str, int] = {}
        self._people = 0
        self._visitors = 0

    def new_address(self, name: str = "ada") -> str:
        """An address that nobody has yet."""
        self._people += 1
        return f"{name}{self._people}@example.org"

    def new_client_address(self) -> str:
        """An IP address that nobody has asked from yet, each in a network of its own, as if told by a proxy."""
        self._visitors += 1
        return f"198.{18 + self._visitors // 250}.{self._visitors % 250}.7"

    def mails(self, recipient: str) -> list[str]:
        """What was mailed to an address, oldest first, each as the log has it."""
        text = self.gateway.log_path.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if f"Mail to {recipient}," in line]

    def next_mail(self, recipient: str) -> str:
        """The mail after those that were asked for before, waited for."""
        wanted = self._mailed.get(recipient, 0) + 1
        deadline = time.monotonic() + _WAIT_S
        while len(self.mails(recipient)) < wanted:
            assert time.monotonic() < deadline, f"no mail number {wanted} to {recipient}"
            time.sleep(0.1)
        self._mailed[recipient] = wanted
        return self.mails(recipient)[wanted - 1]

    def next_link(self, recipient: str) -> str:
        """The one-time link in it."""
        found = _LINK.findall(self.next_mail(recipient))
        assert len(set(found)) == 1, "a mail has one link"
        return str(found[0])

    def ask(
        self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None, method: str | None = None
    ) -> Heard:
        """A request without a browser; redirects are not followed. Status, headers, text."""
        request = urllib.request.Request(f"{self.url}{path}", data, dict(headers or {}), method=method)
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read().decode("utf-8")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextlib.contextmanager
def start_portal(
    folder: Path,
    *,
    profile: str | None = None,
    config: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    **portal: Any,
) -> Iterator[PortalSite]:
    """A gateway with one worker, and its portal with one, over a database of their own."""
    port = free_port()
    settings = {
        "enabled": True,
        "listen": f"127.0.0.1:{port}",
        "public_url": f"http://localhost:{port}",
        "workers": 1,
        "free_credit_per_network": 1000,
        "free_credit_per_day": 1000,
        **portal,
    }
    merged = {
        "portal": settings,
        "server": {"trusted_proxies": ["127.0.0.1"]},
        "gateway": {"only_offers": False},
        "plugins": {"disabled": []},
        "prices": {"echo/echo": {"input": "1", "output": "2"}},
        **(config or {}),
    }
    environment = {"ROUTER_MASTER_KEY": _MASTER, **(env or {})}
    providers = {"echo": {}}
    gateway = Gateway(folder, profile=profile, providers=providers, config=merged, env=environment, start=False)
    gateway.configure({"portal": {"api_url": gateway.base_url, "upstream_url": gateway.base_url}})
    if not settings["workers"]:  # the gateway's own serve it
        port = gateway.port
        gateway.configure({"portal": {"public_url": f"http://localhost:{port}"}})
    gateway.start()
    with gateway:
        site = PortalSite(gateway, port)
        deadline = time.monotonic() + _WAIT_S
        while not _is_up(site):
            assert time.monotonic() < deadline, gateway.log_path.read_text()[-3000:]
            time.sleep(0.1)
        yield site


def _is_up(site: PortalSite) -> bool:
    try:
        return site.ask("/healthz")[0] == 200
    except OSError:
        return False


class Client:
    """Somebody who asks by HTTP as a browser would, with cookies and without script."""

    def __init__(self, site: PortalSite) -> None:
        self.site = site
        self.address = site.new_client_address()
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Heard:
        """Open a page."""
        return self._ask(path, None, headers)

    def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Heard:
        """Send a form."""
        return self._ask(path, urllib.parse.urlencode(fields or {}).encode("ascii"), {**FORM, **headers})

    def sign_up(self, email: str = "", *, name: str = "") -> str:
        """Sign up and verify; the address."""
        email = email or self.site.new_address()
        status, _, text = self.post("/app/signup", {"email": email, "password": PASSWORD, "name": name})
        assert status == 200, text
        link = self.site.next_link(email).removeprefix(self.site.url)
        status, headers, text = self.post(link)
        assert status == 303 and headers["Location"].startswith("/app/"), text
        return email

    def log_in(self, email: str, password: str = PASSWORD) -> Heard:
        """Log in by password."""
        return self.post("/app/login", {"email": email, "password": password})

    def _ask(self, path: str, data: bytes | None, headers: Mapping[str, str]) -> Heard:
        cookie = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        sent = {"Cookie": cookie, "X-Forwarded-For": self.address, **headers}
        status, answered, text = self.site.ask(path, data, sent)
        for name, value in answered.items():
            if name.lower() == "set-cookie":
                self._keep(value)
        return status, answered, text

    def _keep(self, header: str) -> None:
        name, _, value = header.partition(";")[0].partition("=")
        if "Max-Age=0" in header:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
