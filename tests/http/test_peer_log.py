"""What the log says of whose a request was: the same at each door, and as much as the operator wants."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from doors import Doors

from router.testing import Gateway

pytestmark = pytest.mark.slow

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
BODY = json.dumps({"model": "echo/echo", "messages": [{"role": "user", "content": "Hello there"}]})
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TOLD = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7, 127.0.0.9",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=203.0.113.9",
    "Traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
}
CALL, REFUSED = "call", "refused"


def lines_of(folder: Path, server: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
    """What a call, a bad one and a stranger's leave in the log, at each of three doors."""
    gateway = Gateway(folder, config={"server": server}, billing=False, start=False)
    doors = Doors(gateway)
    known = {"Authorization": f"Bearer {doors.key}", "Content-Type": "application/json", **headers}
    try:
        for path, body, sent, status in [
            (CHAT, BODY, known, 200),
            (CHAT, "no JSON", known, 400),
            (CHAT, BODY, {**headers, "Authorization": "Bearer sk-none"}, 401),
            (MODELS, "{}", known, 405),
        ]:
            assert [answer[0] for answer in doors.answers(path, body, sent)] == [status] * 3
    finally:
        log = doors.close()
    return [line for line in log if line["event"] in (CALL, REFUSED)]


def said(lines: list[dict[str, Any]]) -> set[tuple[str, str | None, str | None]]:
    return {(line["event"], line.get("address"), line.get("trace")) for line in lines}


@pytest.mark.parametrize("named", [True, False])
def test_each_door_knows_the_client_behind_a_trusted_proxy(tmp_path: Path, named: bool) -> None:
    server = {"trusted_proxies": ["127.0.0.0/8"], "log_client_address": named}
    lines = lines_of(tmp_path, server, TOLD)
    assert len(lines) == 12
    address = "198.51.100.7"
    assert said(lines) == {(CALL, address if named else None, TRACE), (REFUSED, address, TRACE)}


def test_no_door_believes_a_stranger(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, {"trusted_proxies": ["192.0.2.1"], "log_client_address": True}, TOLD)
    assert said(lines) == {(CALL, "127.0.0.1", TRACE), (REFUSED, "127.0.0.1", TRACE)}
    assert not re.search(r"203\.0\.113|198\.51\.100", json.dumps(lines))


def test_the_log_of_calls_names_no_address_unless_it_is_asked_to(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, {}, {"Traceparent": "00-what-is-none-01"})
    assert said(lines) == {(CALL, None, None), (REFUSED, "127.0.0.1", None)}
