"""Mails by SMTP: one connection each, with a bound on every step and on all of them together."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from router.config.portal import MailSettings
from router.mail.message import Mail
from router.mail.transport import HandedOver

__all__ = ["SmtpTransport", "email_message"]

_STEPS = 6  # of ``timeout_s`` each: a whole mail may take no longer
_PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+")
_LOG_IN_FIRST = frozenset({530, 534, 535, 538})  # said of us, whatever the address
_FAILURES = (smtplib.SMTPException, OSError, ValueError)  # ValueError: a password that SMTP cannot write


class SmtpTransport:
    """Hands mails to one server.

    Args:
        settings: ``[mail]``.
        context: of TLS; the system's authorities and the host's name are checked where None.
    """

    def __init__(self, settings: MailSettings, *, context: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._context = context

    def send(self, mail: Mail, mail_id: str, written_at: float) -> HandedOver:
        """As ``MailTransport.send``."""
        try:
            message = email_message(self._settings, mail, mail_id, written_at)
        except ValueError as error:
            return HandedOver("refused", f"the mail cannot be written: {error}")
        ready = False
        try:
            with self._connected() as server:
                ready = True
                if not str(message["To"]).isascii() and not server.has_extn("smtputf8"):
                    return HandedOver("refused", "the server takes no addresses with letters outside ASCII (SMTPUTF8)")
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(error)
        except _FAILURES as error:
            return HandedOver("later", f"{self._settings.host}:{self._settings.port}: {_words(error)}", ready)
        return HandedOver("sent")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A server that is ready to take mail. What goes wrong in parting undoes no mail that was taken."""
        settings = self._settings
        context = self._context or ssl.create_default_context()
        # Without a name of ours this machine's would be asked of DNS, and waited for.
        named: dict[str, Any] = {"local_hostname": parseaddr(settings.sender)[1].rpartition("@")[2]}
        if settings.security == "tls":
            named["context"] = context
        kind = _TlsServer if settings.security == "tls" else _Server
        server = kind(settings.host, settings.port, timeout=settings.timeout_s, **named)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, settings.password.reveal())
            server.ehlo_or_helo_if_needed()
            yield server
            with contextlib.suppress(*_FAILURES):
                server.quit()
        finally:
            server.close()


class _Server(smtplib.SMTP):
    """A server that is cut off when its time is up: one that drips a byte now and then would be heard for hours."""

    def __init__(self, host: str, port: int, *, timeout: float, **rest: Any) -> None:
        self._timer = threading.Timer(_STEPS * timeout, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(host, port, timeout=timeout, **rest)
        except BaseException:
            self._timer.cancel()
            raise

    def close(self) -> None:
        self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        connection = getattr(self, "sock", None)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same, by TLS from the first byte."""


def email_message(settings: MailSettings, mail: Mail, mail_id: str, written_at: float) -> EmailMessage:
    """A mail as it goes over the wire.

    Raises:
        ValueError: an address is none, or a header would hold a line break.
    """
    sender = _address(settings.sender)
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = sender
    message["To"] = _address(mail.recipient, named=False)
    if settings.reply_to:
        message["Reply-To"] = _address(settings.reply_to)
    message["Date"] = datetime.fromtimestamp(written_at, UTC)
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # no answer of an absent reader is to come back (RFC 3834)
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _address(text: str, *, named: bool = True) -> Address:
    """One address; its domain in ASCII, as every server takes it."""
    name, spec = parseaddr(text) if named else ("", text)
    local, _, domain = spec.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    if not local.isascii() and _PLAIN.fullmatch(local):
        return Address(name, username=local, domain=domain)  # what is parsed has ASCII alone
    try:
        return Address(name, addr_spec=f"{local}@{domain}")
    except (MessageError, IndexError) as error:  # what the parser says of text that is no address at all
        raise ValueError(f"{text[:100]!r} is no address") from error


def _refused(error: smtplib.SMTPRecipientsRefused) -> HandedOver:
    """What a server said of the one recipient."""
    code, said = next(iter(error.recipients.values()))
    words = f"{code} {_text(said)}"
    return HandedOver("refused" if code >= 500 and code not in _LOG_IN_FIRST else "later", words)


def _words(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, UnicodeError):
        return "user or password hold letters that SMTP cannot write"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said if isinstance(said, str) else said.decode("utf-8", "replace")
