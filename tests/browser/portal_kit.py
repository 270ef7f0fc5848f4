"""What the browser's tests share: a portal as real processes, and people who click."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from router.testing import Gateway
from router.testing.gateway import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

__all__ = ["PASSWORD", "PortalSite", "Visitor", "start_portal"]

PASSWORD = "a sentence nobody else thinks of"
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

    def new_address(self, name: str = "ada") -> str:
        """An address that nobody has yet."""
        self._people += 1
        return f"{name}{self._people}@example.org"

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
    ) -> tuple[int, Mapping[str, str], str]:
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
    folder: Path, *, profile: str | None = None, config: Mapping[str, Any] | None = None, **portal: Any
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
    merged = {"portal": settings, **(config or {})}
    env = {"ROUTER_MASTER_KEY": _MASTER}
    providers = {"echo": {}}
    with Gateway(folder, profile=profile, providers=providers, config=merged, env=env) as gateway:
        gateway.configure({"portal": {"api_url": gateway.base_url}})
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


class Visitor:
    """Somebody with a browser profile of their own.

    Args:
        options: of the profile: ``viewport``, ``locale``, ``timezone_id``, ``java_script_enabled``, ``color_scheme``.

    Attributes:
        page: the tab.
        noise: what the console and the network had to complain of.
    """

    def __init__(self, browser: Browser, site: PortalSite, name: str, **options: Any) -> None:
        self.site = site
        self.name = name
        self.email = ""
        self.noise: list[str] = []
        self._browser = browser
        self._options: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options}
        self._context: BrowserContext | None = None

    def open(self) -> Self:
        """Start the profile."""
        self._context = self._browser.new_context(**self._options)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        return self

    def close(self) -> None:
        """End it. Fails where there was noise."""
        assert self._context is not None
        self._context.close()
        assert not self.noise, self.noise

    @property
    def context(self) -> BrowserContext:
        """The profile."""
        assert self._context is not None
        return self._context

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.context.close()

    def go(self, path: str) -> Page:
        """Open a page of the portal."""
        self.page.goto(path if path.startswith("http") else f"{self.site.url}{path}")
        return self.page

    def sign_up(self, email: str = "", *, password: str = PASSWORD, name: str = "Ada") -> str:
        """Sign up and verify, by the link in the mail; the address."""
        self.email = email or self.site.new_address()
        self.go("/app/signup")
        self.page.fill("#field-email", self.email)
        self.page.fill("#field-password", password)
        self.page.fill("#field-name", name)
        self.solve()
        self.page.click("main button.primary")
        self.page.wait_for_selector("text=Look into your mail")
        self.go(self.site.next_link(self.email))
        self.page.click("main button.primary")
        self.page.wait_for_url("**/app/?said=verified")
        return self.email

    def log_in(self, email: str = "", password: str = PASSWORD) -> None:
        """Log in by password."""
        self.go("/app/login")
        self.page.fill("#field-email", email or self.email)
        self.page.fill("#field-password", password)
        self.page.click("main button.primary")
        self.page.wait_for_load_state()

    def solve(self) -> None:
        """Wait until the page has done its proof of work."""
        field = self.page.locator("input[data-challenge]")
        deadline = time.monotonic() + _WAIT_S
        while field.count() and not field.input_value():
            assert time.monotonic() < deadline, "the proof of work was not found"
            self.page.wait_for_timeout(20)

    def make_key(self, name: str = "production", **fields: str) -> str:
        """Make a key; its text."""
        self.go("/app/keys/new")
        self.page.fill("#field-name", name)
        for field, value in fields.items():
            self.page.fill(f"#field-{field}", value)
        self.page.click("main button.primary")
        return self.page.input_value("#new-key")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.noise.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:")):
            self.noise.append(f"a request to {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.noise.append(f"{response.status} of {response.url}")
