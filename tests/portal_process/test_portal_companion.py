"""The portal beside a gateway: started, restarted, reloaded, ended with it; and nothing of it stops the gateway."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import psutil
import pytest
from portal_machine import Beside, ask
from waiting import until

from router.testing.gateway import free_port

pytestmark = pytest.mark.slow

Start = Callable[..., Beside]


def is_healthy(one: Beside) -> bool:
    return one.gateway._healthy()


def test_a_portal_is_served_beside_the_gateway_and_is_told_where(beside: Start) -> None:
    one = beside()
    said = one.portal()
    assert said["name"] == "one" and said["gevent_patched"]
    assert {said["pid"], said["master"]} <= one.family()
    nice = psutil.Process(one.gateway.pid).nice()
    assert {psutil.Process(said[name]).nice() for name in ("pid", "master")} == {nice + 5}, "calls go before pages"
    until(lambda: f"The portal is at http://127.0.0.1:{one.port}" in one.log(), "it is told where the portal is")


def test_without_a_section_there_is_none(beside: Start) -> None:
    one = beside(portal="enabled = false".replace("enabled = false", ""), start=False)
    one.gateway.configure({"portal": {"enabled": False}})
    one.gateway.start()
    assert len(one.family()) == 2 and ask(one.port) is None


def test_a_portal_that_dies_is_started_again_and_the_gateway_goes_on(beside: Start) -> None:
    one = beside()
    first = one.portal()
    gateway_workers = one.family() - {first["pid"], first["master"]}
    os.kill(first["master"], signal.SIGKILL)
    until(lambda: "the portal was ended by SIGKILL" in one.log(), "it is told")
    again = until(lambda: (said := ask(one.port)) and said["master"] != first["master"] and said, "another portal")
    assert again["name"] == "one" and is_healthy(one)
    assert gateway_workers <= one.family()
    until(lambda: not psutil.pid_exists(first["pid"]), "the first one's worker went with its master")


def test_a_worker_of_the_portal_that_dies_is_replaced(beside: Start) -> None:
    one = beside()
    first = one.portal()
    os.kill(first["pid"], signal.SIGKILL)
    again = until(lambda: (said := ask(one.port)) and said["pid"] != first["pid"] and said, "another worker")
    assert again["master"] == first["master"]


def test_a_reload_reaches_the_portal_once_the_gateway_has_taken_it(beside: Start) -> None:
    one = beside()
    first = one.portal()
    one.rename("two")
    second = one.is_called("two")
    assert second["master"] == first["master"] and second["pid"] != first["pid"]


def test_a_configuration_that_the_gateway_refuses_never_reaches_the_portal(beside: Start) -> None:
    one = beside()
    one.portal()
    one.gateway.configure({"portal": {"name": "two"}, "gateway": {"profile": "nosuch"}})
    os.kill(one.gateway.pid, signal.SIGHUP)
    until(lambda: "reload given up" in one.log(), "the reload is given up")
    os.kill(one.portal()["pid"], signal.SIGKILL)  # and its next worker has the text that holds
    until(lambda: (said := ask(one.port)) and said["name"] == "one", "the portal is as it was")


def test_one_that_the_portal_alone_refuses_leaves_the_old_portal_and_a_new_gateway(beside: Start) -> None:
    one = beside()
    first = one.portal()
    one.rename("refused")
    until(lambda: "this name is refused" in one.log(), "the portal's worker refuses it")
    until(lambda: "reload given up: a new worker refused the configuration" in one.log(), "its master gives up")
    assert one.portal() == first and is_healthy(one)
    one.rename("three")
    assert one.is_called("three")["master"] == first["master"]


def test_a_reload_moves_ends_and_starts_the_portal(beside: Start) -> None:
    one = beside()
    first = one.portal()
    old, one.port = one.port, free_port()
    one.gateway.configure({"portal": {"listen": f"127.0.0.1:{one.port}"}})
    os.kill(one.gateway.pid, signal.SIGHUP)
    moved = one.portal()
    assert moved["master"] != first["master"] and ask(old) is None
    one.gateway.configure({"portal": {"enabled": False}})
    os.kill(one.gateway.pid, signal.SIGHUP)
    until(lambda: ask(one.port) is None and not psutil.pid_exists(moved["master"]), "the portal has ended")
    assert is_healthy(one) and "starting another" not in one.log()
    one.gateway.configure({"portal": {"enabled": True}})
    os.kill(one.gateway.pid, signal.SIGHUP)
    one.portal()


def test_a_port_that_is_taken_is_told_and_taken_when_it_is_free(beside: Start) -> None:
    one = beside(start=False)
    with socket.create_server(("127.0.0.1", one.port)):
        one.gateway.start()
        until(lambda: "the portal ended with status 1" in one.log(), "it is told")
        assert "another program has the port" in one.log()
        assert "choose another: [portal] listen, or --listen" in one.log()
        assert is_healthy(one)
    one.portal()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_portal_is_stopped_with_the_gateway(beside: Start, number: signal.Signals) -> None:
    one = beside()
    one.portal()
    family = one.family()
    process = psutil.Process(one.gateway.pid)
    if number == signal.SIGINT:
        os.killpg(one.gateway.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    assert one.gateway._process is not None
    assert one.gateway._process.wait(30) == 0
    until(lambda: not any(psutil.pid_exists(pid) for pid in family), "no process is left")
    assert "starting another" not in one.log() and "killed" not in one.log()


def test_the_portal_ends_with_its_master_however_that_dies(beside: Start) -> None:
    one = beside()
    one.portal()
    family = one.family()
    os.kill(one.gateway.pid, signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(pid) for pid in family - {one.gateway.pid}), "no process is left")


def test_a_frozen_portal_master_does_not_keep_the_gateway_from_ending(beside: Start) -> None:
    one = beside(config="[server]\ngrace_s = 0.5\nunready_s = 0\n")
    said = one.portal()
    os.kill(said["master"], signal.SIGSTOP)
    os.kill(one.gateway.pid, signal.SIGTERM)
    os.kill(one.gateway.pid, signal.SIGINT)  # whoever asks twice does not wait
    assert one.gateway._process is not None
    one.gateway._process.wait(20)
    until(lambda: not psutil.pid_exists(said["pid"]), "its worker has gone, too")


def test_the_portal_does_not_hold_the_gateways_port(beside: Start) -> None:
    one = beside()
    said = one.portal()
    for pid in (said["pid"], said["master"]):
        listening = [one.laddr.port for one in psutil.Process(pid).net_connections() if one.status == "LISTEN"]
        assert listening == [one.port]
