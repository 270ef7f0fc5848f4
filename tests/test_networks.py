"""Addresses and networks: what an operator may write, and what proxies do write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.networks import address_of, network_of


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_addresses_and_networks(text: str, network: str) -> None:
    assert str(network_of(text)) == network


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proxy.example", "'proxy.example' is neither an IP address nor a network (names are not looked up)"),
        ("10.0.0.300", "write an address such as '192.0.2.7', or a network such as '10.0.0.0/8'"),
        ("", "'' is neither"),
        ("*", "'*' is neither"),
        ("10.0.0.1/33", "'10.0.0.1/33' is neither"),
        ("192.0.2.7:80", "'192.0.2.7:80' is neither"),
        ("10.0.0.1/8", "write '10.0.0.0/8' for the whole network, or '10.0.0.1' for it alone"),
        ("0.0.0.0/0", "name the addresses or networks of the proxies alone"),
        ("::/0", "'::/0' is everybody"),
        ("::ffff:10.0.0.0/104", "write it as IPv4, such as '10.0.0.0/8'"),
        ("::ffff:10.0.0.1", "write it as IPv4, such as '10.0.0.1/32'"),
        ("fe80::1%eth0", "'fe80::1%eth0' names an interface: write the address without what follows the %"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        network_of(text)
    assert said in str(refused.value)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_is_read_in_each_of_its_forms(address: object, port: int) -> None:
    text = str(address)
    plain = getattr(address, "ipv4_mapped", None) or address
    forms = [f"[{text}]", f"[{text}]:{port}", text] if ":" in text else [text, f"{text}:{port}"]
    assert [address_of(form) for form in forms] == [plain] * len(forms)


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_anything_else_is_none_and_never_an_error(text: str) -> None:
    found = address_of(text)
    assert found is None or str(found).lower()[0] in text.lower()
