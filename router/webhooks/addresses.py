"""To which addresses customers may have events sent: public ones, and the very address that was looked at.

A name is resolved once for each connection, all of its addresses are checked, and one of these is connected to: a name
that leads elsewhere at the next question (DNS rebinding) gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM
from typing import Any

from gevent.monkey import get_original, is_module_patched
from gevent.threadpool import ThreadPool

from router.http_client.deadlines import Deadline
from router.http_client.dial import HostResolver

__all__ = ["CheckedResolver", "NotPublic", "is_loopback", "is_public"]

_THREADS = 16
_GLOBAL = IPv6Network("2000::/3")
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's own services, at a public address
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo, and what else is for protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an address of IPv4 within
        "3fff::/20",
    )
)
"""What ``is_global`` lets pass, or has let pass in some versions of Python."""


class NotPublic(OSError):
    """The name leads to no address that may be reached from here. Its text is fit for whoever chose the name.

    It is one text, whether the name leads into our network, leads nowhere, or nobody answers for it: else whoever may
    set a URL could ask our own name servers which names there are.

    Attributes:
        detail: which of these it was, for operators.
    """

    def __init__(self, host: str, detail: str) -> None:
        super().__init__(f"{host} does not lead to a public address, and nothing is sent there")
        self.detail = detail


def is_public(text: str) -> bool:
    """Whether an address is one that anybody in the Internet may reach.

    Addresses of IPv6 that hold one of IPv4 (mapped, compatible, 6to4, Teredo, NAT64) are not, whatever they hold.
    """
    address = ip_address(text.partition("%")[0])
    if any(address.version == network.version and address in network for network in _REFUSED):
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_loopback(text: str) -> bool:
    """Whether an address is this machine's own, as it calls itself."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    return address.is_loopback


class CheckedResolver(HostResolver):
    """Gives the addresses of a name where all of them pass.

    Args:
        allowed: whether an address passes.
    """

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        super().__init__()
        self._allowed = allowed

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[tuple[int, tuple[Any, ...]]]:
        """As ``HostResolver.addresses``.

        Raises:
            NotPublic: one of them does not pass, or there is none.
        """
        try:
            found = super().addresses(host, port, deadline)
        except OSError as error:
            raise NotPublic(host, f"the look-up of {host} failed: {error}") from None
        refused = next((str(address[0]) for _, address in found if not self._allowed(str(address[0]))), "")
        if refused or not found:
            raise NotPublic(host, f"{host} leads to {refused or 'nothing'}, which is not public")
        return found

    def _ask(self, host: str, port: int) -> list[Any]:
        """In threads of their own under gevent: whoever chooses the name may have its servers hang, and in gevent's few
        threads calls' own look-ups would wait for that, log-ins as well.
        """
        if not is_module_patched("socket"):
            return super()._ask(host, port)
        told = _threads().apply(_answer, (host, port))
        if isinstance(told, Exception):
            raise told
        return told


def _answer(host: str, port: int) -> list[Any] | Exception:
    """Addresses, or why there are none: as a value, since gevent prints what a thread raises."""
    try:
        found: list[Any] = get_original("socket", "getaddrinfo")(host, port, type=SOCK_STREAM)
    except (OSError, ValueError) as error:
        return error
    return found


@cache
def _threads() -> ThreadPool:
    return ThreadPool(_THREADS)
