"""What takes a mail: a server, or, for a first start, the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from router.mail.message import Mail

__all__ = ["HandedOver", "LogTransport", "MailTransport"]

_log = logging.getLogger("router.mail")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of a mail that was handed over.

    Attributes:
        status: ``sent``; ``refused``: the server does not take mail for this address, ever; ``later``: it took nothing
            this time.
        words: what was said, for operators; empty where it was sent.
        ready: whether the server was ready to take mail: if not, other mails fare no better just now.
    """

    status: str
    words: str = ""
    ready: bool = True


class MailTransport(Protocol):
    """The contract of what sends mails."""

    def send(self, mail: Mail, mail_id: str, written_at: float) -> HandedOver:
        """Hand one mail over. Never raises for what a server, a network or an address does.

        Args:
            mail_id: tells it from others; one that is handed over twice is the same mail to its reader's program.
            written_at: Unix seconds.
        """
        ...


class LogTransport:
    """Writes mails into the log, on one line each, for a first start: links in them can be opened from there."""

    def send(self, mail: Mail, mail_id: str, written_at: float) -> HandedOver:
        """Write it."""
        text = " ".join(mail.text.split())
        _log.warning(
            'Mail to %s, which [mail] transport = "log" does not send: %s: %s', mail.recipient, mail.subject, text
        )
        return HandedOver("sent")
