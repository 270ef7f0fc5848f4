"""Which transport sends the mails."""

from __future__ import annotations

from router.config.portal import MailSettings
from router.mail.smtp import SmtpTransport
from router.mail.transport import LogTransport, MailTransport

__all__ = ["transport_of"]


def transport_of(settings: MailSettings) -> MailTransport:
    """What ``[mail]`` says."""
    return LogTransport() if settings.transport == "log" else SmtpTransport(settings)
