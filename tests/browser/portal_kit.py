"""People who click: a browser profile each, which hears every noise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from portal_site import PASSWORD, PortalSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

__all__ = ["Visitor"]

_WAIT_S = 60.0


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
        self._options: dict[str, Any] = {
            "locale": "en-US",
            "viewport": {"width": 1280, "height": 900},
            "extra_http_headers": {"X-Forwarded-For": site.new_client_address()},
            **options,
        }
        self._context: BrowserContext | None = None

    def open(self) -> Self:
        """Start the profile."""
        self._context = self._browser.new_context(**self._options)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(20_000)
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
        if self._options.get("java_script_enabled") is False:
            return
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
