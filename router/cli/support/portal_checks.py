"""What ``router doctor`` and ``router config check`` look at of the portal: its address, its colour, its mail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from router.cli.support.doctor_checks import Finding
from router.config.file import Settings
from router.config.portal import MailSettings, PortalSettings
from router.office.providers import master_key_problem
from router.portal.web.brand import Brand, brand_of
from router.types.dialect import Dialect

__all__ = ["check_mail_server", "check_portal", "check_portal_secrets", "contrast"]

_CONTRAST_MIN = 4.5
_GROUNDS = {"light": "#ffffff", "dark": "#09090b"}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_WAIT_S = 2.0


def check_portal(settings: Settings, dialect: Dialect) -> Iterator[Finding]:
    """What the configuration says of the portal; nothing where there is none. Asks nobody."""
    portal = settings.portal
    if portal.enabled:
        yield from _address(portal, portal.host if portal.workers else settings.server.host)
        yield from _colours(brand_of(settings, dialect))
        yield from _mail(settings.mail)
        yield from _tier(settings)


def check_portal_secrets(settings: Settings, *, sealed: bool = False) -> Iterator[Finding]:
    """What this environment lacks of the portal's secrets; that of the gateway may have it.

    Args:
        sealed: a gateway that runs says that it has a master key.
    """
    mail = settings.mail
    problem = "" if sealed else master_key_problem(settings)
    if problem:
        yield Finding("portal", "warning", "nobody can set up a second factor, which operators must have", problem)
    if mail.transport == "smtp" and mail.user and not mail.password:
        source = mail.password.source
        remedy = f"set the variable of {source}" if source.startswith("env:") else "set [mail] password"
        yield Finding("mail", "warning", f"[mail] user is {mail.user}, and there is no password", remedy)


def check_mail_server(mail: MailSettings) -> Iterator[Finding]:
    """Whether the mail server takes a connection."""
    if mail.transport != "smtp":
        return
    try:
        socket.create_connection((mail.host, mail.port), _WAIT_S).close()
    except OSError as error:
        detail = f"the mail server {mail.host}:{mail.port} takes no connection: {error}"
        yield Finding("mail", "warning", detail, "start it, or correct [mail] host and port; mails wait meanwhile")
        return
    yield Finding("mail", "ok", f"the mail server {mail.host}:{mail.port} takes connections")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (``#rrggbb``), from 1 to 21, as WCAG has it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _address(portal: PortalSettings, listens: str) -> Iterator[Finding]:
    parts = urlsplit(portal.public_url)
    host = (parts.hostname or "") if portal.public_url else listens
    local = host in _LOCAL or host.endswith(".localhost")
    if parts.scheme == "https" or local:
        return
    if not portal.public_url:
        detail = f"[portal] public_url is not set, and the portal listens on {listens}"
        remedy = "set it to where browsers find the portal, such as https://portal.example.com: links in mails need it"
        yield Finding("portal", "warning", detail, remedy)
    elif portal.insecure_http:
        detail = f"{portal.public_url} is plain HTTP: passwords and sessions can be read on their way"
        yield Finding("portal", "warning", detail, "put a proxy with TLS before it, and take insecure_http out")
    else:
        detail = f"{portal.public_url} is plain HTTP, where browsers keep no session: nobody can log in"
        remedy = "put a proxy with TLS before it (docs/portal.md), or set [portal] insecure_http = true on a LAN"
        yield Finding("portal", "problem", detail, remedy)


def _colours(brand: Brand) -> Iterator[Finding]:
    for (ground, colour), accent in zip(_GROUNDS.items(), (brand.accent, brand.accent_dark), strict=True):
        found = contrast(accent, colour)
        if found < _CONTRAST_MIN:
            detail = f"the accent {brand.accent} shows as {accent} on {ground} ground: a contrast of {found:.1f}"
            remedy = f"choose another [portal] accent: {_CONTRAST_MIN} is the least that is easy to read"
            yield Finding("portal", "warning", detail, remedy)


def _mail(mail: MailSettings) -> Iterator[Finding]:
    if mail.transport == "log":
        remedy = '[mail] transport = "smtp" and its server, before strangers sign up'
        yield Finding("mail", "hint", "mails are written into the log, and sent to nobody", remedy)
        return
    if mail.user and mail.security == "none" and mail.host not in _LOCAL:
        detail = f"the password of [mail] user goes to {mail.host} unencrypted"
        yield Finding("mail", "warning", detail, '[mail] security = "starttls" or "tls"')
    if mail.sender.rstrip(">").endswith("@localhost"):
        remedy = "set it to an address that the mail server may send for"
        yield Finding("mail", "warning", f"[mail] sender is {mail.sender}, which most servers refuse", remedy)


def _tier(settings: Settings) -> Iterator[Finding]:
    tier = settings.portal.new_tier
    if tier and tier not in settings.limits.tiers:
        detail = f"[portal] new_tier is {tier!r}, of which [limits.tiers] says nothing"
        yield Finding(
            "portal", "hint", detail, f"write [limits.tiers.{tier}], or use `router limits set --tier {tier}`"
        )
