"""Whose request it is: headers count as far as trusted proxies have written them, and no further."""

from __future__ import annotations

import tracemalloc
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.http.peer import TRACE, PeerReader
from router.types.peer import Peer

PROXY, CLIENT = "10.0.0.1", "198.51.100.7"
READER = PeerReader(["10.0.0.0/8", "192.0.2.1", "fd00::/8"])
PARENT = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def peer(address: str = PROXY, **headers: str) -> Peer:
    """What is read of a request; ``x_forwarded_for`` is the header ``x-forwarded-for``."""
    return READER.read(address, "http", {name.replace("_", "-"): value for name, value in headers.items()})


def test_without_headers_it_is_the_socket_s() -> None:
    assert peer(CLIENT, host="api.example:8080") == Peer(CLIENT, "http", "api.example:8080")
    assert READER.read("", "https", {}) == Peer("", "https", "")
    assert PeerReader().read("::ffff:192.0.2.9", "http", {}).address == "192.0.2.9"


@pytest.mark.parametrize("reader", [PeerReader(), READER])
@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::1", "", "nowhere"])
def test_whoever_is_not_trusted_is_not_believed(reader: PeerReader, address: str) -> None:
    told = {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
        "forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    }
    assert reader.read(address, "http", {"host": "api.example", **told}) == Peer(address, "http", "api.example")


@pytest.mark.parametrize(
    ("listed", "client"),
    [
        (CLIENT, CLIENT),
        (f"203.0.113.9, {CLIENT}", CLIENT),
        (f"10.9.9.9,{CLIENT}, 10.0.0.3 ,\t192.0.2.1", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]:443, [fd00::2]", "2001:db8::1"),
        (f"::ffff:{CLIENT}, ::ffff:10.0.0.3", CLIENT),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),  # all are trusted: the farthest asks itself
        ("", PROXY),
        (",", PROXY),
        (f"{CLIENT},", PROXY),
        (f"{CLIENT}, unknown, 10.0.0.3", "10.0.0.3"),
        (f"{CLIENT}, 10.0.0.3, 10.0.0.256", PROXY),
        (f"{CLIENT}, 010.0.0.3", PROXY),
        (f"{CLIENT}, fd00::2%eth0", PROXY),
        (f"{CLIENT}, [10.0.0.3]", PROXY),
        (f"{CLIENT}, [fd00::2", PROXY),
        (f"{CLIENT}, 10.0.0.3:", PROXY),
        (f"{CLIENT}, 10.0.0.3:123456", PROXY),
        (f"{CLIENT}, 10.0.0.3 10.0.0.4", PROXY),
        (f"{CLIENT}, 10.0.0.\N{ARABIC-INDIC DIGIT THREE}", PROXY),
        (f"{CLIENT}, {'1' * 4000}", PROXY),
        (", ".join([CLIENT, *["10.0.0.3"] * 31]), CLIENT),
        (", ".join([CLIENT, *["10.0.0.3"] * 32]), "10.0.0.3"),  # more hops than any request has
    ],
)
def test_the_last_that_is_no_proxy_is_the_client(listed: str, client: str) -> None:
    assert peer(x_forwarded_for=listed).address == client


ADDRESSES = st.ip_addresses().filter(lambda one: not READER.trusts(str(one)))
PROXIES = st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8") | st.just("192.0.2.1")
TEXTS = st.text(st.characters(max_codepoint=255), max_size=40)


@given(TEXTS, ADDRESSES, st.lists(PROXIES, max_size=30), st.sampled_from([",", ", ", " ,\t"]))
def test_nothing_that_a_client_writes_hides_where_it_comes_from(
    written: str, client: object, proxies: list[object], comma: str
) -> None:
    listed = comma.join([written, *map(str, [client, *proxies])])
    assert ip_address(peer(x_forwarded_for=listed).address) == _plain(client)
    elements = [f'for="[{one}]"' if ":" in str(one) else f"For={one};by=_x" for one in [client, *proxies]]
    told = peer(forwarded=comma.join([written, *elements]), host="api.example")
    assert (ip_address(told.address), told.scheme, told.host) == (_plain(client), "http", "api.example")


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.sampled_from([PROXY, CLIENT, "", "::ffff:10.0.0.1"]))
def test_whatever_comes_a_peer_is_well_formed(a: str, b: str, c: str, d: str, e: str, address: str) -> None:
    found = [
        peer(address, x_forwarded_for=a, x_forwarded_proto=b, x_forwarded_host=c, traceparent=d, host=e),
        peer(address, forwarded=f"for={a};host={b};proto={c}", host=e),
        peer(address, forwarded=a),
    ]
    for one in found:
        assert one.address == address.removeprefix("::ffff:") or str(ip_address(one.address)) == one.address
        assert one.scheme in ("http", "https") and one.traceparent == ""
        assert one.host in (b, c.strip(" \t"), c.rpartition(",")[2].strip(" \t"), e, "")


def _plain(address: object) -> object:
    return getattr(address, "ipv4_mapped", None) or address


@pytest.mark.parametrize(
    ("headers", "scheme", "host"),
    [
        ({"x_forwarded_proto": "HTTPS", "x_forwarded_host": "api.example"}, "https", "api.example"),
        (
            {"x_forwarded_proto": "http, https", "x_forwarded_host": "evil.example,api.example:444"},
            "https",
            "api.example:444",
        ),
        ({"x_forwarded_proto": "javascript", "x_forwarded_host": "a/b"}, "http", "inner"),
        ({"x_forwarded_proto": "", "x_forwarded_host": ""}, "http", "inner"),
        ({"x_forwarded_host": "[2001:db8::1]:443"}, "http", "[2001:db8::1]:443"),
        ({"forwarded": f"for={CLIENT};proto=https;host=api.example"}, "https", "api.example"),
        (
            {"forwarded": f'proto=http;for=1.1.1.1, FOR="{CLIENT}:4711"; Proto=https ;host="api.example:444"'},
            "https",
            "api.example:444",
        ),
        (
            {"forwarded": f"for={CLIENT};proto=https;host=api.example, for=10.0.0.3;proto=http;host=inner2"},
            "https",
            "api.example",
        ),
        ({"forwarded": "for=unknown;proto=https;host=api.example"}, "http", "inner"),
        ({"forwarded": "for=10.0.0.3;proto=https, for=_hidden;proto=http"}, "http", "inner"),
        (
            {"forwarded": f"for={CLIENT};proto=https, for=_hidden, for=10.0.0.3;proto=http;host=inner2"},
            "http",
            "inner2",
        ),
        ({"forwarded": f"for={CLIENT};proto=https;proto=https"}, "http", "inner"),
        ({"forwarded": f"for={CLIENT};proto=https;x={'y' * 600}"}, "http", "inner"),
        ({"forwarded": f'for={CLIENT};proto="htt\\ps"'}, "http", "inner"),
    ],
)
def test_scheme_and_host_are_those_that_the_client_used(headers: dict[str, str], scheme: str, host: str) -> None:
    told = peer(host="inner", **headers)
    assert (told.scheme, told.host) == (scheme, host)


@pytest.mark.parametrize("name", ["x_forwarded_for", "x_forwarded_proto", "x_forwarded_host"])
def test_a_proxy_that_writes_the_one_kind_lets_the_other_through_as_the_client_sent_it(name: str) -> None:
    values = {"x_forwarded_for": CLIENT, "x_forwarded_proto": "http", "x_forwarded_host": "inner"}
    told = peer(forwarded="for=203.0.113.9;proto=https;host=evil.example", host="inner", **{name: values[name]})
    assert told == Peer(CLIENT if name == "x_forwarded_for" else PROXY, "http", "inner")


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "192.0.2.1", "fd00::1%eth0"])
def test_a_proxy_is_known_however_its_socket_writes_it(address: str) -> None:
    assert READER.trusts(address)
    assert peer(address, x_forwarded_for=CLIENT).address == CLIENT


@pytest.mark.parametrize("address", ["", "192.0.2.2", "fe80::1%eth0", "::ffff:192.0.2.2", "10.0.0", "unix:"])
def test_nobody_else_is(address: str) -> None:
    assert not READER.trusts(address)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.example", "api.example"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("", ""),
        ("evil.example:999999", ""),
        ("a/b?c#d@e", ""),
        ("[::1", ""),
        ("a b", ""),
        ("a\r\nb", ""),
        ("a\n", ""),
        ("\xff", ""),
        ("a" * 254, ""),
    ],
)
def test_a_host_is_a_host_s_name_or_none(host: str, name: str) -> None:
    assert peer(CLIENT, host=host).host == name


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"00-{PARENT}", f"00-{PARENT}"),
        (f" 00-{PARENT}\t", f"00-{PARENT}"),
        (f"cc-{PARENT}", f"00-{PARENT}"),
        (f"cc-{PARENT}-what-comes-later", f"00-{PARENT}"),
        (f"cc-{PARENT}x", ""),
        (f"00-{PARENT}-more", ""),
        (f"ff-{PARENT}", ""),
        (f"00-{PARENT.upper()}", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", ""),
        (f"00-{PARENT},00-{PARENT}", ""),  # two headers
        (f"00-{PARENT[1:]}", ""),
        (f"00-{PARENT}\n", ""),
        (f"0-{PARENT}", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("address", [PROXY, CLIENT, ""])
def test_a_trace_is_anybody_s_to_name_and_well_formed_or_none(address: str, text: str, kept: str) -> None:
    assert peer(address, traceparent=text).traceparent == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("vendor=opaque", "vendor=opaque"),
        ("a@b=1 , ,\t2x=y=z ".replace("y=z", "y z"), "a@b=1,2x=y z"),
        ("a=1,b=2", "a=1,b=2"),  # two headers come joined
        ("a=1,a=2", ""),
        ("a=1,nothing", ""),
        ("A=1", ""),
        ("a=\x7f", ""),
        ("a=1=2", ""),
        ("a=1\nb: c", ""),
        ("", ""),
        (",".join(f"k{number}=1" for number in range(32)), ",".join(f"k{number}=1" for number in range(32))),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        ("," * 100_000, ""),
        (f"a=1,long={'x' * 250},b=2,more={'y' * 250},c={'z' * 100}", f"a=1,long={'x' * 250},b=2,c={'z' * 100}"),
        (
            f"a={'x' * 120},b={'x' * 120},c={'x' * 120},d={'x' * 120},e={'x' * 120}",
            ",".join(f"{name}={'x' * 120}" for name in "abcd"),
        ),
    ],
)
def test_a_tracestate_is_kept_beside_a_trace_alone_and_well_formed_or_none(text: str, kept: str) -> None:
    assert peer(CLIENT, traceparent=f"00-{PARENT}", tracestate=text).tracestate == kept
    assert peer(CLIENT, tracestate=text) == peer(CLIENT)
    assert peer(CLIENT, traceparent="malformed", tracestate=text).tracestate == ""
    connection = READER.at(CLIENT)
    fields = {b"host": b"inner", b"tracestate": text.encode("latin-1"), TRACE: f"00-{PARENT}".encode()}
    assert connection.read(fields).tracestate == kept
    assert connection.read({b"host": b"inner"}).tracestate == ""


def test_a_wsgi_request_says_the_same() -> None:
    environ = {
        "REMOTE_ADDR": PROXY,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inner",
        "HTTP_X_FORWARDED_FOR": f"{CLIENT},10.0.0.3",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "api.example",
        "HTTP_FORWARDED": "for=203.0.113.9",
        "HTTP_TRACEPARENT": f"00-{PARENT}",
        "HTTP_TRACESTATE": "a=1",
    }
    assert READER.of_environ(environ) == Peer(CLIENT, "https", "api.example", f"00-{PARENT}", "a=1")
    assert READER.of_environ({"REMOTE_ADDR": None, "wsgi.url_scheme": "https"}) == Peer("", "https", "")


def test_a_connection_is_read_again_where_something_may_differ() -> None:
    plain, other = {b"host": b"inner", b"accept": b"*/*"}, {b"host": b"outer"}
    told = {b"host": b"inner", b"x-forwarded-for": CLIENT.encode()}
    trusted, stranger = READER.at(PROXY), READER.at(CLIENT)
    assert trusted.host is None
    assert trusted.read(plain) is trusted.peer == Peer(PROXY, "http", "inner")
    assert trusted.read(told) == Peer(CLIENT, "http", "inner")
    assert trusted.peer == Peer(PROXY, "http", "inner"), "what one request says is no word on the next"
    assert not trusted.believed.isdisjoint(told) and not stranger.believed
    assert trusted.read(other) is trusted.peer == Peer(PROXY, "http", "outer")
    assert stranger.read(told) == Peer(CLIENT, "http", "inner")
    assert stranger.read(told | {TRACE: f"00-{PARENT}".encode()}).traceparent == f"00-{PARENT}"
    assert stranger.peer == Peer(CLIENT, "http", "inner")


def test_nothing_large_is_kept_of_what_a_client_sends() -> None:
    connection, reader = READER.at(CLIENT), PeerReader(["10.0.0.0/8"])
    for host in (b"", b"x" * 60_000, b"a/b"):
        assert connection.read({b"host": host}) == Peer(CLIENT)
        assert (connection.host, connection.peer) == (None, Peer())
    tracemalloc.start()
    try:
        for number in range(200):
            entry = f"{number}{'x' * 20_000}"
            reader.read(PROXY, "http", {"host": entry, "x-forwarded-for": entry, "x-forwarded-host": entry})
            reader.read(PROXY, "http", {"forwarded": f"for={entry};host={entry}"})
            reader.read(entry, "http", {})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="neither an IP address nor a network"):
        PeerReader(["proxy.example"])
