"""What the portal is called and shows of the gateway behind it, by the profile that runs."""

from __future__ import annotations

from dataclasses import dataclass

from router.config.file import Settings
from router.config.portal import portal_scheme
from router.config.tls import local_url
from router.types.dialect import Dialect

__all__ = ["ACCENT", "Brand", "brand_of"]

ACCENT = "#3b5bdb"
"""The colour of links and charts where neither the profile nor the operator has one."""

_ACCENT_DARK = "#7c96ff"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - told from others, not bound


@dataclass(frozen=True)
class Brand:
    """The portal as people see it.

    Attributes:
        name: in the corner, in titles and in mails.
        accent, accent_dark: colours of links, focus and charts, on light and on dark ground.
        currency: of all amounts.
        api_url: clients' base URL.
        key_prefix: what keys begin with.
        profile: the dialect's name.
        public_url: where the portal is; without a slash at the end.
    """

    name: str
    accent: str
    accent_dark: str
    currency: str
    api_url: str
    key_prefix: str
    profile: str
    public_url: str

    def css(self) -> str:
        """The colours, as a style sheet."""
        return f":root{{--accent:light-dark({self.accent},{self.accent_dark})}}\n"


def brand_of(settings: Settings, dialect: Dialect) -> Brand:
    """What the profile and ``[portal]`` say."""
    portal, server = settings.portal, settings.server
    accent = portal.accent or dialect.accent or ACCENT
    here = f"{portal_scheme(portal, server)}://{_listen(portal.host)}:{portal.port}"
    return Brand(
        name=portal.name or dialect.title,
        accent=accent,
        accent_dark=_ACCENT_DARK if accent == ACCENT else _lightened(accent),
        currency=settings.gateway.currency,
        api_url=(portal.api_url or f"{local_url(settings)}/v1").rstrip("/"),
        key_prefix=settings.gateway.key_prefix or dialect.key_prefix,
        profile=settings.gateway.profile,
        public_url=(portal.public_url or (here if portal.workers else local_url(settings))).rstrip("/"),
    )


def _lightened(colour: str) -> str:
    """A colour as it stands on dark ground: half way to white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{(one + 255) // 2:02x}" for one in parts)


def _listen(host: str) -> str:
    host = "127.0.0.1" if host in _EVERYWHERE else host
    return f"[{host}]" if ":" in host else host
