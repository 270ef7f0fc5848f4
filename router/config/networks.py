"""IP addresses and networks: as an operator writes them, and as the headers of proxies do."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["ADDRESS_MAX", "Address", "Network", "address_of", "network_of"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ADDRESS_MAX = 64
"""Characters of an address with brackets and a port, and some to spare."""

_ENTRY = re.compile(
    r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"  # [2001:db8::1], [2001:db8::1]:4711
    r"|([0-9.]+)(?::[0-9]{1,5})?"  # 192.0.2.7, 192.0.2.7:4711
    r"|([0-9A-Fa-f:.]+)"  # 2001:db8::1
)


def address_of(text: str) -> Address | None:
    """The address that ``text`` is, with or without a port and brackets; None where it is none.

    An IPv4 address that is written as one of IPv6 (``::ffff:192.0.2.7``) is that of IPv4.
    """
    found = _ENTRY.fullmatch(text) if len(text) <= ADDRESS_MAX else None
    if found is None:
        return None
    try:
        address = ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    if found[1] and address.version == 4:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def network_of(text: str) -> Network:
    """The network that ``text`` is: an address alone, or with the length of its prefix.

    Raises:
        ValueError: what is wrong, and what to write instead.
    """
    address, slash, _ = text.partition("/")
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is {_wrong(text, address, slash)}") from None
    if network.prefixlen == 0:
        raise ValueError(
            f"{text!r} is everybody, so that every client could call itself what it likes: "
            "name the addresses or networks of the proxies alone"
        )
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is IPv4 in IPv6's clothes: write it as IPv4, such as {_unmapped(network)!r}")
    if "%" in text:
        raise ValueError(f"{text!r} names an interface: write the address without what follows the %")
    return network


def _wrong(text: str, address: str, slash: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        remedy = "write an address such as '192.0.2.7', or a network such as '10.0.0.0/8'"
        return f"neither an IP address nor a network (names are not looked up): {remedy}"
    assert slash, "an address alone is a network"
    return f"an address within a network: write {str(network)!r} for the whole network, or {address!r} for it alone"


def _unmapped(network: IPv6Network) -> str:
    mapped = network.network_address.ipv4_mapped
    return f"{mapped}/{max(0, network.prefixlen - 96)}"
