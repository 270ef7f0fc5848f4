"""Nothing is sent to an address that is not public, however it is written, and whatever its name leads to next."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest
from webhooks_kit import Receiver

from router.errors import BadRequest
from router.webhooks.addresses import is_public
from router.webhooks.sending import HttpWebhookSender, check_webhook_url

SLOW_NAMES = """
import _socket, time
sleep = time.sleep
def slow(*arguments, **named):
    sleep(1.5)
    return [(2, 1, 6, "", ("192.0.2.1", 443))]
_socket.getaddrinfo = slow
from gevent import monkey
monkey.patch_all()
import gevent
from router.http_client.deadlines import Deadline
from router.webhooks.addresses import CheckedResolver
resolver = CheckedResolver(lambda address: True)
places = [gevent.spawn(resolver.addresses, f"h{n}.example", 443, Deadline(float("inf"))) for n in range(12)]
gevent.sleep(0.3)
began = time.monotonic()
gevent.get_hub().threadpool.apply(int)
print(time.monotonic() - began < 0.6)
gevent.joinall(places, raise_error=True)
print({one.value[0][1][0] for one in places})
def none(*arguments, **named):
    raise _socket.gaierror(-2, "no such name")
_socket.getaddrinfo = none
try:
    resolver.addresses("none.example", 443, Deadline(float("inf")))
except OSError as error:
    print(error.detail)
"""
PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.9.9.9",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e"]


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name leads to these; what is asked for, in order."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = []
        for one in addresses:
            family = socket.AF_INET6 if ":" in one else socket.AF_INET
            found.append((family, socket.SOCK_STREAM, 6, "", (one, port)))
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def no_connection(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """To which addresses somebody wants to connect; nobody may."""
    tried: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError("not in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [one for one in PRIVATE if "%" not in one])
def test_no_private_address_is_connected_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    tried = no_connection(monkeypatch)
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(BadRequest, match="not a public address"):
        check_webhook_url(f"https://{literal}/hook")
    answers(monkeypatch, address)
    sender = HttpWebhookSender(5.0)
    told = sender.send("https://rebound.example/hook", b"{}", {})
    sender.close()
    assert (told.status, "public address" in told.words, tried) == (None, True, [])
    assert address not in told.words, "what a name leads to within our network is nobody's concern"


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost", "LOCALHOST."])
def test_odd_spellings_of_this_machine_are_found_out(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    tried = no_connection(monkeypatch)
    sender = HttpWebhookSender(5.0)
    told = sender.send(f"https://{host}/", b"{}", {})
    sender.close()
    assert told.status is None and told.words and not tried


def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = no_connection(monkeypatch)
    answers(monkeypatch, "93.184.216.34", "10.0.0.1")
    sender = HttpWebhookSender(5.0)
    assert "public address" in sender.send("https://both.example/", b"{}", {}).words
    sender.close()
    assert tried == []


def test_the_very_address_that_was_looked_at_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is asked for once; that it leads elsewhere the next time changes nothing."""
    tried = no_connection(monkeypatch)
    asked = answers(monkeypatch, "93.184.216.34")
    sender = HttpWebhookSender(5.0)
    sender.send("https://rebinding.example/", b"{}", {})
    assert (asked, tried) == (["rebinding.example"], ["93.184.216.34"])
    answers(monkeypatch, "127.0.0.1")
    assert "public address" in sender.send("https://rebinding.example/", b"{}", {}).words
    sender.close()
    assert tried == ["93.184.216.34"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "https alone"),
        ("ftp://example.com/", "no URL"),
        ("https://", "no URL"),
        ("https://user:secret@example.com/", "credentials"),
        ("https://example.com:99999/", "port"),
        ("https://example.com/#part", "behind a #"),
        ("https://example.com/a b", "no blanks"),
        ("https://example.com/\r\nx-evil: 1", "no blanks"),
        ("https://example.com/" + "a" * 2048, "at most"),
        ("javascript:alert(1)", "no URL"),
        ("", "no URL"),
    ],
)
def test_urls_that_are_refused(url: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        check_webhook_url(url)


def test_loopback_is_for_development_alone(receiver: Receiver) -> None:
    with pytest.raises(BadRequest):
        check_webhook_url(receiver.url)
    refused = HttpWebhookSender(5.0)
    assert refused.send(receiver.url, b"{}", {}).status is None
    refused.close()
    allowed = HttpWebhookSender(5.0, allow_loopback=True)
    assert allowed.send(receiver.url, b"{}", {}).taken
    with pytest.raises(BadRequest, match="not a public"):
        check_webhook_url("http://10.0.0.1/", allow_loopback=True)
    allowed.close()
    assert len(receiver.heard) == 1


def test_http_goes_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = no_connection(monkeypatch)
    answers(monkeypatch, "93.184.216.34")
    sender = HttpWebhookSender(5.0, allow_loopback=True)
    assert "public address" in sender.send("http://plain.example/", b"{}", {}).words
    sender.close()
    assert tried == []


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer = lambda path: 302
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    sender = HttpWebhookSender(5.0, allow_loopback=True)
    told = sender.send(f"{receiver.url}/first", b"{}", {})
    sender.close()
    assert (told.status, told.taken) == (302, False)
    assert "redirects are not followed" in told.words
    assert [one.path for one in receiver.heard] == ["/first"]


def test_a_long_answer_is_not_read(receiver: Receiver) -> None:
    receiver.body = b"x" * 3_000_000
    sender = HttpWebhookSender(5.0, allow_loopback=True)
    assert sender.send(receiver.url, b"{}", {}).taken
    sender.close()


def test_the_operators_own_url_may_be_anywhere(receiver: Receiver) -> None:
    sender = HttpWebhookSender(5.0, anywhere=True)
    assert sender.send(receiver.url, b"{}", {}).taken
    sender.close()


def test_names_that_hang_hold_up_nobody_elses() -> None:
    """In a worker: calls' own look-ups, and log-ins, have gevent's few threads."""
    command = [sys.executable, "-W", "error", "-c", SLOW_NAMES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split("\n"), done.stderr) == (
        ["True", "{'192.0.2.1'}", "the look-up of none.example failed: [Errno -2] no such name", ""],
        "",
    )
