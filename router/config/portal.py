"""``[portal]`` and ``[mail]`` of ``router.toml``: who may sign up, where pages are served, how mail is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import urlsplit

from router.config.provider import SECONDS, Secret
from router.config.schema import ServerSettings, check_pair
from router.money.amounts import parse_nano

__all__ = ["LANGUAGES", "MailSettings", "PortalSettings", "portal_scheme", "portal_url"]

LANGUAGES = ("en", "ru", "tk")
"""The languages of customers' pages and mails."""

_ADDRESS = re.compile(r"[^\s@<>,]+@[^\s@<>,]+")
_HOST = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[\w.-]*):\d{1,5}")


@dataclass(frozen=True)
class PortalSettings:
    """Where customers and operators log in, and what sign-ups get.

    Attributes:
        enabled: whether there is a portal.
        listen: ``HOST:PORT`` of its own workers; port 0 takes a free one.
        workers: its processes; 0 has the gateway's own workers serve it, at the gateway's port.
        tls_cert, tls_key: as of ``[server]``, for the portal's own workers; unset, those of ``[server]``.
        public_url: where browsers find it (``https://portal.example.com``): all links in mails begin with it, and forms
            are taken from its origin alone. Unset, it is where the portal listens.
        api_url: clients' base URL as pages show it; unset, it is where the gateway listens, with ``/v1``.
        name, accent: how the portal is called, and the colour of its links and charts (``#3b5bdb``); the profile's
            where unset.
        language: of visitors whose browser asks for none that there is.
        signup: who may sign up: ``open``, ``invite`` (whoever was invited into a workspace) or ``closed``.
        terms_url: the terms that a sign-up accepts; empty for none.
        password_length: the least of a password.
        free_credit: what a verified sign-up is given once, decimal text in the balance currency; the profile's where
            unset, ``0`` for none.
        free_credit_per_network: how many a day from one network (/24, /64) are given it; the others wait for an
            operator.
        free_credit_per_day: how many a day are given it at all.
        proof_of_work: whether sign-up, reset and mailed links ask browsers for a little work first.
        new_tier: the tier of new accounts until they have paid, or until they have what a tier needs that follows it;
            empty is none.
        insecure_http: true lets people log in over plain HTTP at names other than localhost, where a browser keeps no
            secure cookie; a banner warns.
        upstream_url: where the playground's calls go (``http://127.0.0.1:8080/v1``); unset, to where the gateway
            listens.
        price_notices: whether people are told, in their portal and by mail, of a coming price of a model that their
            workspace used in the last 30 days.
        playground_budget: what each person may spend in the playground each month, decimal text in the balance
            currency; ``0`` switches it off, empty leaves them what their workspace has.
    """

    enabled: bool = False
    listen: str = "127.0.0.1:8081"
    workers: int = field(default=1, metadata={"min": 0, "max": 64})
    tls_cert: str = ""
    tls_key: str = ""
    public_url: str = ""
    api_url: str = ""
    name: str = ""
    accent: str = ""
    language: str = field(default="en", metadata={"one_of": LANGUAGES})
    signup: str = field(default="open", metadata={"one_of": ("open", "invite", "closed")})
    terms_url: str = ""
    password_length: int = field(default=15, metadata={"min": 8, "max": 64})
    free_credit: str = ""
    free_credit_per_network: int = field(default=3, metadata={"min": 0, "max": 1_000_000})
    free_credit_per_day: int = field(default=50, metadata={"min": 0, "max": 1_000_000})
    proof_of_work: bool = True
    price_notices: bool = True
    new_tier: str = ""
    insecure_http: bool = False
    upstream_url: str = ""
    playground_budget: str = "5"

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.listen) or int(self.listen.rpartition(":")[2]) > 65_535:
            raise ValueError(f"listen must be HOST:PORT such as 127.0.0.1:8081, not {self.listen!r}")
        check_pair(self.tls_cert, self.tls_key)
        for name in ("public_url", "api_url", "terms_url", "upstream_url"):
            _check_url(name, getattr(self, name))
        if urlsplit(self.public_url).path not in ("", "/"):
            raise ValueError("public_url must be an origin (https://portal.example.com), without a path")
        for name in ("free_credit", "playground_budget"):
            try:
                parse_nano(getattr(self, name) or "0")
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if self.accent and not re.fullmatch(r"#[0-9a-fA-F]{6}", self.accent):
            raise ValueError(f"accent must be a colour such as #3b5bdb, not {self.accent!r}")

    @property
    def host(self) -> str:
        """The address of ``listen``."""
        return self.listen.rpartition(":")[0].strip("[]") or "127.0.0.1"

    @property
    def port(self) -> int:
        """The port of ``listen``."""
        return int(self.listen.rpartition(":")[2])


@dataclass(frozen=True)
class MailSettings:
    """How mail is sent.

    Attributes:
        transport: ``log`` writes mails into the log, for a first start; ``smtp`` sends them.
        host, port: the mail server.
        security: ``starttls``, ``tls`` from the first byte, or ``none``.
        user, password: what it asks for; empty for none.
        sender: whom mails are from: ``NAME <ADDRESS>`` or an address.
        reply_to: where answers go; empty is the sender.
        timeout_s: for each step with the server.
        give_up_after_s: how long a mail that the server does not take is tried again.
    """

    transport: str = field(default="log", metadata={"one_of": ("log", "smtp")})
    host: str = "localhost"
    port: int = field(default=587, metadata={"min": 1, "max": 65535})
    security: str = field(default="starttls", metadata={"one_of": ("starttls", "tls", "none")})
    user: str = ""
    password: Secret = field(default=Secret())
    sender: str = "portal@localhost"
    reply_to: str = ""
    timeout_s: float = field(default=10.0, metadata=SECONDS)
    give_up_after_s: float = field(default=86_400.0, metadata=SECONDS)

    def __post_init__(self) -> None:
        for name in ("sender", "reply_to"):
            text = getattr(self, name)
            if (text or name == "sender") and not _ADDRESS.fullmatch(parseaddr(text)[1]):
                raise ValueError(f"{name} must be an address such as Portal <portal@example.com>, not {text!r}")


def portal_url(portal: PortalSettings, server: ServerSettings) -> str:
    """Where browsers find the portal: an origin; of one that listens on all addresses, as this machine sees it."""
    if portal.public_url:
        return portal.public_url.rstrip("/")
    host, port = (portal.host, portal.port) if portal.workers else (server.host.strip("[]"), server.port)
    shown = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"{portal_scheme(portal, server)}://{shown}:{port}"


def portal_scheme(portal: PortalSettings, server: ServerSettings) -> str:
    """What browsers speak where the portal listens: ``http`` or ``https``."""
    return "https" if server.tls_cert or (portal.workers and portal.tls_cert) else "http"


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError(f"{name} must be a URL such as https://portal.example.com, not {url!r}")
