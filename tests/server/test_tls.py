"""HTTPS by the server itself: whatever holds for plain connections holds for these, and handshakes harm nobody."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from certificates import make_pair
from server_processes import Gateway
from server_wire import Client, request
from tls_wire import SecureClient, SecureServer, trusting
from waiting import until

pytestmark = pytest.mark.slow

Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def secure(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    running = SecureServer(tmp_path_factory.mktemp("secure") / "log", pair, header_timeout_s=1.5, max_connections=100)
    yield running
    running.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered_one_after_the_other(secure: SecureServer, pair: Pair, version: ssl.TLSVersion) -> None:
    trust = trusting(pair[0], minimum_version=version, maximum_version=version)
    with SecureClient(secure.port, trust) as client:
        assert client.tls.version() == version.name.replace("_", ".")
        cipher = client.tls.cipher()
        assert cipher is not None and ("GCM" in cipher[0] or "CHACHA20" in cipher[0])
        body = os.urandom(3_000_000)
        for _ in range(2):
            assert client.send(request("POST", "/echo", body=body)).answer().body == body
        assert client.get("/hello").body == b"hello"
        client.sock.settimeout(5)
        assert client.tls.unwrap() is not None  # the end is told, and answered


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_not_spoken(secure: SecureServer, pair: Pair) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pair[0])
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    with pytest.raises(OSError, match=r"(?i)version|protocol|reset|EOF"):
        SecureClient(secure.port, context)


def test_requests_sent_ahead_are_all_answered(secure: SecureServer) -> None:
    """All are decrypted at once, and the socket never says again that some are there."""
    with secure.client() as client:
        client.send(request("GET", "/hello") * 40)
        assert [client.answer().body for _ in range(40)] == [b"hello"] * 40
        client.send(request("POST", "/echo", body=b"x" * 20_000) + request("GET", "/hello"))
        assert client.answer().body == b"x" * 20_000
        assert client.answer().body == b"hello"


def test_a_request_may_come_in_the_smallest_pieces(secure: SecureServer) -> None:
    """A handshake and a request, byte by byte through a relay."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_connection(("127.0.0.1", secure.port), 10) as upstream:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = secure.trust.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def exchange(step: Callable[[], object]) -> object:
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    done = None
                for byte in outgoing.read():
                    upstream.sendall(bytes([byte]))
                if done is not None:
                    return done
                incoming.write(upstream.recv(7))

        exchange(lambda: tls.do_handshake() or True)
        tls.write(request("GET", "/hello", "Connection: close"))
        assert b"hello" in _whole(exchange, tls)


def _whole(exchange: Callable[[Callable[[], object]], object], tls: ssl.SSLObject) -> bytes:
    read = b""
    while b"\r\n\r\nhello" not in read:
        piece = exchange(lambda: tls.read(5))
        assert isinstance(piece, bytes)
        read += piece
    return read


def test_a_slow_reader_gets_all_and_stalls_nobody(secure: SecureServer) -> None:
    with secure.client() as slow:
        slow.send(request("GET", "/big?count=40"))
        time.sleep(0.2)
        with secure.client() as other:
            assert other.get("/hello").body == b"hello"
        answer = slow.answer()
        assert answer.whole and len(answer.body) == 40 * 200_000


def test_a_stream_comes_as_it_is_made(secure: SecureServer) -> None:
    with secure.client() as client:
        client.send(request("GET", "/stream?count=2&pause_s=0.3"))
        client.answer(head_only=True)
        assert client.file.readline() + client.file.readline() == b"8\r\npiece 0\n"
        begun = time.monotonic()
        client.file.readline()
        assert client.file.readline() == b"8\r\n" and time.monotonic() - begun > 0.1


@pytest.mark.parametrize("go", [Client.close, Client.reset, lambda client: client.tls.unwrap()])
def test_a_client_that_goes_is_noticed(secure: SecureServer, go: Callable[[SecureClient], object]) -> None:
    before = secure.state().get("wait noticed=True gone=True", 0)
    client = secure.client()
    waiting = secure.state().get("waiting", 0)
    client.send(request("POST", "/wait?wait_s=100", body=b"{}"))
    until(lambda: secure.state().get("waiting", 0) > waiting, "the call waits")
    client.sock.settimeout(0.3)
    with suppress(OSError):  # the answer may come before the end that is waited for
        go(client)
    until(lambda: secure.state().get("wait noticed=True gone=True", 0) > before, "the call was told")
    client.close()


def test_a_further_request_is_not_a_disconnect(secure: SecureServer) -> None:
    with secure.client() as client:
        client.send(request("POST", "/wait?wait_s=0.3", body=b"{}"))
        time.sleep(0.1)
        client.send(request("GET", "/hello"))
        assert client.answer().body == b"waited"
        assert client.answer().body == b"hello"


@pytest.mark.parametrize("said", [b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /echo HTTP/1.1\r\n"])
def test_plain_http_is_told_so(secure: SecureServer, said: bytes) -> None:
    with Client(secure.port) as client:
        answer = client.send(said).answer()
        assert answer.status == 400
        error = answer.error()
        assert error["code"] == "https_required" and "https://" in error["message"]
        assert client.at_end()


@pytest.mark.parametrize("said", [b"\x00" * 64, b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000, b"\x16\x03\x01\x00"])
def test_rubbish_is_closed(secure: SecureServer, said: bytes) -> None:
    with Client(secure.port) as client:
        client.send(said)
        client.sock.settimeout(10)
        with suppress(ConnectionResetError):
            while client.sock.recv(4096):
                pass
    with secure.client() as other:
        assert other.get("/hello").body == b"hello"


def test_a_reset_behind_the_handshakes_last_word_is_no_fault(secure: SecureServer) -> None:
    for _ in range(40):
        sock = socket.create_connection(("127.0.0.1", secure.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = secure.trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
        for _ in range(20):
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65_536))
        sock.sendall(outgoing.read())
        sock.close()
    with secure.client() as client:
        assert client.get("/hello").body == b"hello"
    assert "fault of the server" not in secure.log.read_text()


def test_handshakes_that_are_never_ended_hold_nobody_up(secure: SecureServer) -> None:
    """Silent connections up to the bound: others are served at once, and the silent ones are ended in time."""
    with ExitStack() as stack:
        silent = [stack.enter_context(Client(secure.port)) for _ in range(49)]
        for client in silent[::2]:
            client.send(b"\x16\x03\x01")
        begun = time.monotonic()
        with secure.client() as other:
            assert other.get("/hello").body == b"hello"
        assert time.monotonic() - begun < 1.4
        assert all(client.at_end() for client in silent)
        assert time.monotonic() - begun < 10


def test_a_flood_of_handshakes_gives_way_to_those_that_come(secure: SecureServer) -> None:
    """More than there may be from one address: the oldest that say nothing are sent away."""
    with ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(Client(secure.port))
        with secure.client() as other:
            assert other.get("/hello").body == b"hello"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_openssl_verifies_us(secure: SecureServer, pair: Pair) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-CAfile", str(pair[0])]
    command += ["-servername", "localhost", "-verify_return_error", "-alpn", "h2,http/1.1", "-ign_eof"]
    said = request("GET", "/hello", "Connection: close")
    done = subprocess.run(command, input=said, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Verify return code: 0 (ok)" in done.stdout and b"ALPN protocol: http/1.1" in done.stdout
    assert b"hello" in done.stdout


def _serial(port: int) -> str:
    """Of the certificate that a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as raw, context.wrap_socket(raw) as sock:
        shown = sock.getpeercert(binary_form=True)
    assert shown is not None
    return shown.hex()


def test_a_reload_takes_a_new_certificate_and_refuses_a_bad_one(start: Callable[..., Gateway], tmp_path: Path) -> None:
    cert, key = make_pair(tmp_path)
    gateway = start(cert=str(cert), key=str(key))
    first = _serial(gateway.port)
    with SecureClient(gateway.port, trusting(cert)) as before:
        assert before.get("/hello").body == b"hello"
        old_key = key.read_bytes()
        make_pair(tmp_path)  # in its place
        gateway.signal(signal.SIGHUP)
        until(lambda: _serial(gateway.port) != first, "the new certificate is shown")
        second = _serial(gateway.port)

        new_key = key.read_bytes()
        key.write_bytes(old_key)  # which does not fit
        gateway.signal(signal.SIGHUP)
        until(lambda: "reload given up" in gateway.log.read_text(), "the reload is refused")
        assert "the key does not fit the certificate: give both of one order" in gateway.log.read_text()
        key.write_bytes(new_key)

    cert.write_bytes(make_pair(tmp_path, "late", days=(-9, -1))[0].read_bytes())
    key.write_bytes((tmp_path / "late.key").read_bytes())
    gateway.signal(signal.SIGHUP)
    until(lambda: "expired on" in gateway.log.read_text(), "the expired one is refused")
    assert "`router reload`" in gateway.log.read_text()
    until(lambda: gateway.log.read_text().count("reload given up") == 2, "the second reload is given up")
    assert _serial(gateway.port) == second

    (worker,) = (pid for pid in gateway.children() if _is_alive(pid))
    os.kill(worker, signal.SIGKILL)  # its successor has but the expired one, which is better than nothing
    until(lambda: _answers(gateway.port) and _serial(gateway.port) not in (first, second), "another serves")
    gateway.signal(signal.SIGTERM)
    assert gateway.end() == 0


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def _answers(port: int) -> bool:
    try:
        _serial(port)
    except OSError:
        return False
    return True


def test_an_expired_certificate_refuses_the_start(start: Callable[..., Gateway], tmp_path: Path) -> None:
    cert, key = make_pair(tmp_path, days=(-9, -1))
    gateway = start(cert=str(cert), key=str(key))
    assert gateway.process.wait(20) == 1
    said = gateway.log.read_text()
    assert "expired on" in said and "renew it" in said and "Traceback" not in said


def test_a_drain_ends_handshakes_and_lets_calls_finish(start: Callable[..., Gateway], tmp_path: Path) -> None:
    cert, key = make_pair(tmp_path)
    gateway = start(cert=str(cert), key=str(key))
    with Client(gateway.port), SecureClient(gateway.port, trusting(cert)) as client:
        client.send(request("GET", "/stream?count=4&pause_s=0.3"))
        client.answer(head_only=True)
        gateway.signal(signal.SIGTERM)
        assert client.file.read().endswith(b"piece 3\n\r\n0\r\n\r\n")
        assert gateway.end() == 0


def test_many_at_once(secure: SecureServer) -> None:
    """Threads with a connection for each request, and with one for many."""
    faults: list[str] = []

    def work(fresh: bool) -> None:
        try:
            client = secure.client()
            for number in range(15):
                if fresh and number:
                    client.close()
                    client = secure.client()
                body = json.dumps(["x" * 999 * number]).encode()
                assert client.send(request("POST", "/echo", body=body)).answer().body == body
            client.close()
        except Exception as error:
            faults.append(repr(error))

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
