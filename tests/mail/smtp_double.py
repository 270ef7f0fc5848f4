"""A mail server of its own process: ``python smtp_double.py FOLDER MODE [CERT KEY]`` prints its port.

What it takes it writes into the folder, one file a mail: who from, who to, and the mail itself. Modes: ``takes``
(STARTTLS and AUTH are asked for where there is a certificate), ``refuses`` recipients, ``later`` (they are to be tried
again), ``slow`` (it says nothing after DATA), ``hangs-up`` (right after it took the mail).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = b"portal", b"secret"


class Keeper:
    """Takes mails, or does not, as its mode says."""

    def __init__(self, folder: Path, mode: str) -> None:
        self._folder = folder
        self._mode = mode

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._mode == "refuses" and address.startswith("nobody"):
            return "550 5.1.1 there is nobody of that name"
        if self._mode == "later":
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._mode == "slow":
            await asyncio.sleep(3600)
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "mail": content.decode("utf-8").replace("\r\n", "\n"),
            "tls": session.ssl is not None,
            "user": str(session.auth_data or ""),
            "hello": session.host_name,
        }
        number = len(list(self._folder.iterdir()))
        (self._folder / f"{number:04}.json").write_text(json.dumps(mail), encoding="utf-8")
        if self._mode == "hangs-up" and isinstance(server.transport, asyncio.Transport):
            server.transport.write(b"250 taken\r\n")
            server.transport.close()
        return "250 taken"


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Whether it is our user."""
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=good, handled=good, auth_data="portal" if good else None)


async def serve(folder: Path, mode: str, certificate: list[str]) -> None:
    """Serve until the process is ended."""
    options: dict[str, Any] = {"enable_SMTPUTF8": True}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True}
        options["authenticator"] = authenticate
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(folder, mode), **options), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
