"""``[webhooks]`` of ``router.toml``: signed events that the gateway sends, to customers' URLs and the operator's."""

from __future__ import annotations

from dataclasses import dataclass, field

from router.config.provider import Secret
from router.types.webhook_signing import signing_key

__all__ = ["WebhooksSettings"]


@dataclass(frozen=True)
class WebhooksSettings:
    """Where signed events go.

    Attributes:
        url: the operator's own, ``http`` or ``https``, wherever it is; empty for none. ``env:NAME`` reads a variable.
        secret: what is sent there is signed with: ``whsec_`` and the base64 of 24 to 64 random bytes.
        events: those that are sent there; empty for all.
        customers: whether customers may have events sent to URLs of theirs; that needs ``ROUTER_MASTER_KEY``.
        endpoints: how many such URLs one account may have.
        waiting: how many deliveries of one account may wait; further events are dropped, and counted.
        timeout_s: how long one delivery may take in all.
        off_after_s: how long an endpoint may fail before it is switched off, which its owners are told.
        allow_loopback: whether URLs may lead to this machine, by ``http`` too; for development alone.
    """

    url: Secret = field(default=Secret())
    secret: Secret = field(default=Secret("", "env:ROUTER_WEBHOOK_SECRET"))
    events: tuple[str, ...] = ()
    customers: bool = True
    endpoints: int = field(default=10, metadata={"min": 1, "max": 1000})
    waiting: int = field(default=1000, metadata={"min": 1, "max": 1_000_000})
    timeout_s: float = field(default=15.0, metadata={"min": 1, "max": 60})
    off_after_s: float = field(default=432_000.0, metadata={"min": 60, "max": 31_536_000})
    allow_loopback: bool = False

    def __post_init__(self) -> None:
        if self.secret:
            signing_key(self.secret.reveal())
        if self.url and not self.url.reveal().startswith(("https://", "http://")):
            raise ValueError("url must begin with https:// or http://")

    @property
    def tells_operators(self) -> bool:
        """Whether there is a URL of the operator's; a process that is not given its value knows that as well."""
        return bool(self.url.source)
