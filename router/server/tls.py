"""The certificate that a worker serves with: read, checked and made ready."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509

from router.config.tls import TlsFiles
from router.errors import ConfigError

__all__ = ["Certificate", "certificate_of", "server_context"]

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption alone. Those of TLS 1.3 all have both."""
_FAULTS = {
    "KEY_VALUES_MISMATCH": (
        "the key does not fit the certificate",
        "give both of one order; in a chain the server's own certificate stands first",
    ),
    "NO_START_LINE": ("no PEM text is in it", "convert it: `openssl x509 -inform der -in FILE -out cert.pem`"),
    "EE_KEY_TOO_SMALL": ("its key is too short to be safe", "make one of RSA with 2048 bits or more, or of ECDSA"),
    "CA_MD_TOO_WEAK": ("it is signed with a digest that is no longer safe", "have it signed with SHA-256"),
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says.

    Attributes:
        names: for whom it is.
        begins, ends: from when until when.
    """

    names: tuple[str, ...]
    begins: datetime
    ends: datetime

    def left(self, now: datetime) -> timedelta:
        """How long it is still good for; negative once it has expired."""
        return self.ends - now


def certificate_of(files: TlsFiles) -> Certificate:
    """Read the certificate, whatever its time.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        first = x509.load_pem_x509_certificates(files.cert.read_bytes())[0]
    except OSError as error:
        raise _unreadable(files, error) from None
    except ValueError:
        remedy = "it must hold the server's certificate as PEM text (-----BEGIN CERTIFICATE-----), its own first"
        raise ConfigError(f"{files.where}: {files.cert} is no certificate: {remedy}") from None
    return Certificate(_names(first), first.not_valid_before_utc, first.not_valid_after_utc)


def server_context(files: TlsFiles, now: datetime | None = None) -> ssl.SSLContext:
    """What connections are encrypted with: TLS 1.2 and above.

    Args:
        now: the certificate must be good then; None asks for no time, as where a worker replaces one that has died: a
            certificate that has expired meanwhile is still better than no gateway.

    Raises:
        ConfigError: the files cannot be read or do not fit, or the certificate is not good now; says what to do.
    """
    found = certificate_of(files)
    if now is not None:
        _check_time(files, found, now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF  # HTTP says itself where it ends, and an end is answered by one
    context.set_alpn_protocols(["http/1.1"])
    try:
        with files.key.open("rb"):
            pass  # the library's own message names neither of the two files
        context.load_cert_chain(files.cert, files.key, password=_no_password)
    except ssl.SSLError as error:
        said, remedy = _FAULTS.get(error.reason or "") or _unnamed_fault(files, error)
        raise ConfigError(f"{files.where}: {files.cert} with {files.key}: {said}: {remedy}") from None
    except _Encrypted:
        remedy = "write it without one: `openssl pkey -in FILE -out key.pem`, readable for the gateway's user alone"
        raise ConfigError(f"{files.where}: the key {files.key} is locked with a password: {remedy}") from None
    except OSError as error:
        raise _unreadable(files, error) from None
    return context


def _unnamed_fault(files: TlsFiles, error: ssl.SSLError) -> tuple[str, str]:
    """For a key's file without a key the library names no reason."""
    if b" PRIVATE KEY-----" not in files.key.read_bytes():
        return f"{files.key} holds no key", "it must hold the key as PEM text (-----BEGIN PRIVATE KEY-----)"
    return f"they cannot be used ({error.reason or error})", "make them anew"


class _Encrypted(Exception):
    """The key asks for a password."""


def _no_password() -> str:
    """Without this the library would ask on the terminal."""
    raise _Encrypted


def _check_time(files: TlsFiles, found: Certificate, now: datetime) -> None:
    renew = "renew it, then start again; a gateway that runs takes the new one by `router reload`"
    if found.ends <= now:
        raise ConfigError(f"{files.where}: the certificate {files.cert} expired on {_shown(found.ends)}: {renew}")
    if found.begins > now + timedelta(minutes=5):  # its maker's clock may be ahead of ours
        begins = _shown(found.begins)
        remedy = f"correct this machine's clock (it says {_shown(now)}), or wait"
        raise ConfigError(f"{files.where}: the certificate {files.cert} begins on {begins} only: {remedy}")


def _unreadable(files: TlsFiles, error: OSError) -> ConfigError:
    remedy = "let the gateway's user read it, or correct the path (relative ones begin at the configuration's folder)"
    if isinstance(error, FileNotFoundError):
        remedy = "correct the path (relative ones begin at the configuration's folder)"
    return ConfigError(f"{files.where}: {error.filename} cannot be read: {error.strerror}: {remedy}")


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    found = (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))
    return tuple(found)


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
