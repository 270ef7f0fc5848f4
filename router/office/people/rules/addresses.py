"""Addresses: of mail, which are compared without their case, and of clients, which are counted by network."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from router.config.networks import address_of
from router.errors import BadRequest

__all__ = ["EmailAddress", "canonical", "client_of", "email_key", "network_of", "parse_email"]

_LENGTH_MAX = 254
_GOOGLE = ("gmail.com", "googlemail.com")


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address of mail.

    Attributes:
        text: where mail goes: as it was typed, its domain in ASCII.
        key: the same for comparing: nobody tells addresses apart by their case.
    """

    text: str
    key: str

    @property
    def domain(self) -> str:
        """What is behind the @."""
        return self.key.rpartition("@")[2]

    @property
    def canonical(self) -> str:
        """The address without what makes aliases of it: limits are counted by it, and mail never goes there."""
        return canonical(self.key)


def parse_email(text: str) -> EmailAddress:
    """The address that a text is. No name server is asked whether it exists: a mail will tell.

    Raises:
        BadRequest: it is none (code ``invalid_email``).
    """
    from email_validator import EmailNotValidError, validate_email

    given = text.strip()
    try:
        if len(given) > _LENGTH_MAX:
            raise EmailNotValidError("It is too long.")
        found = validate_email(
            given, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False, allow_empty_local=False
        )
    except (EmailNotValidError, UnicodeError):
        raise _invalid() from None
    ascii_text = found.ascii_email
    if not ascii_text or not _has_place(found.ascii_domain):
        raise _invalid()
    return EmailAddress(ascii_text, ascii_text.lower())


def email_key(text: str) -> str:
    """What an address is looked up by; of a text that is none, itself, by which nobody is found."""
    try:
        return parse_email(text).key
    except BadRequest:
        return text.strip().lower()[:_LENGTH_MAX]


def canonical(email: str) -> str:
    """An address without what makes aliases of it: tags behind a ``+``, and Google's dots and second domain."""
    local, _, domain = email.strip().lower().rpartition("@")
    bare = local.partition("+")[0] or local
    if domain in _GOOGLE:
        bare, domain = bare.replace(".", "") or bare, _GOOGLE[0]
    return f"{bare}@{domain}"


def network_of(address: str) -> str:
    """The network of a client's address, by which sign-ups are counted: /24, of IPv6 /64; empty for no address."""
    return _network(address, 24)


def client_of(address: str) -> str:
    """By what a client's attempts are counted: its address, of IPv6 its /64, which is one subscriber's."""
    return _network(address, 32)


def _network(address: str, length: int) -> str:
    found = address_of(address)
    if found is None:
        return ""
    return str(ip_network((found, length if found.version == 4 else 64), strict=False))


def _has_place(domain: str) -> bool:
    """Whether a domain is more than the name of a machine, but for this one."""
    return "." in domain or domain == "localhost"


def _invalid() -> BadRequest:
    message = "This is not an address of mail: write one such as ada@example.com."
    return BadRequest(message, code="invalid_email", param="email")
