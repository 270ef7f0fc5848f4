"""Money that operators move: under one ``Idempotency-Key`` it moves once, also where an answer gets lost on its way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from management_wire import BODY, Tenant, request

from router.http.management.operators import OPERATORS_BASE
from router.office.operations.table import OPERATIONS
from router.testing import Gateway, Result

pytestmark = pytest.mark.slow

GRANT = "/credits/grant"


def post(gateway: Gateway, path: str, values: Any, *, key: str, value: str) -> Result:
    headers = {"Idempotency-Key": value}
    return request(gateway, "POST", f"{OPERATORS_BASE}{path}", values, key=key, headers=headers)


def balance(gateway: Gateway, account: str) -> str:
    return str(gateway.router("accounts", "show", account)["balance"])


@pytest.fixture
def account(gateway: Gateway, request: pytest.FixtureRequest) -> str:
    """A new one without anything."""
    return str(gateway.router("accounts", "create", request.node.name[:100])["id"])


def code_of(answer: Result) -> str:
    return str(json.loads(answer.body)["error"]["code"])


def test_a_repeat_is_answered_and_not_done(gateway: Gateway, operator: str, account: str) -> None:
    values = {"account": account, "amount": "2.50", "reason": "once"}
    first, again = (post(gateway, GRANT, values, key=operator, value="once-1") for _ in range(2))
    assert (first.status, again.status) == (200, 200) and first.body == again.body
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    assert balance(gateway, account) == "2.5"
    other = post(gateway, GRANT, {**values, "amount": "3"}, key=operator, value="once-1")
    assert (other.status, code_of(other)) == (409, "idempotency_key_reused")
    elsewhere = post(gateway, "/credits/adjust", values, key=operator, value="once-1")
    assert (elsewhere.status, code_of(elsewhere)) == (409, "idempotency_key_reused")
    assert post(gateway, GRANT, values, key=operator, value="once-2").status == 200
    assert balance(gateway, account) == "5"


def test_a_refund_is_given_once(gateway: Gateway, operator: str, ours: Tenant) -> None:
    answer = request(gateway, "POST", "/v1/chat/completions", BODY, key=ours.key)
    values = {"request_id": answer.headers["x-request-id"], "amount": "0.000000001", "reason": "a part"}
    before = len(gateway.router("credits", "statement", ours.account))
    answers = [post(gateway, "/credits/refund", values, key=operator, value="part-1") for _ in range(3)]
    assert {one.status for one in answers} == {200} and len({one.body for one in answers}) == 1
    assert len(gateway.router("credits", "statement", ours.account)) == before + 1


def test_what_was_refused_may_be_done_later(gateway: Gateway, operator: str, account: str) -> None:
    values = {"account": account, "amount": "-1", "reason": "a correction"}
    refused = post(gateway, "/credits/adjust", values, key=operator, value="later-1")
    assert refused.status in (400, 402, 409), refused.body
    gateway.router("credits", "grant", account, "4", "--reason", "a start")
    assert post(gateway, "/credits/adjust", values, key=operator, value="later-1").status == 200
    assert balance(gateway, account) == "3"


def test_of_many_at_once_one_is_done(gateway: Gateway, operator: str, account: str) -> None:
    values = {"account": account, "amount": "1", "reason": "at once"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(gateway, GRANT, values, key=operator, value="many-1"), range(16)))
    assert {one.status for one in answers} <= {200, 409}
    assert {code_of(one) for one in answers if one.status == 409} <= {"idempotency_in_progress"}
    assert len({one.body for one in answers if one.status == 200}) == 1
    assert balance(gateway, account) == "1"


def test_another_operators_value_is_another(gateway: Gateway, operator: str, account: str) -> None:
    other = str(gateway.router("keys", "create", "--operator", "--name", "other ops")["api_key"])
    values = {"account": account, "amount": "1", "reason": "each"}
    assert {post(gateway, GRANT, values, key=key, value="each-1").status for key in (operator, other)} == {200}
    assert balance(gateway, account) == "2"


def test_only_what_moves_money_takes_one(gateway: Gateway, operator: str) -> None:
    for one in OPERATIONS.values():
        if one.writes and not one.once:
            shown = {name: getattr(field, "example", None) for name, field in one.form().fields.items()}
            example = {name: value for name, value in shown.items() if value is not None}
            answer = post(gateway, one.path, example, key=operator, value="no-1")
            assert answer.status == 400 and code_of(answer) in ("invalid_value", "idempotency_not_taken"), one.name
    answer = post(gateway, "/accounts/create", {"name": "nobody"}, key=operator, value="no-2")
    assert (answer.status, code_of(answer)) == (400, "idempotency_not_taken")
    assert {one.name for one in OPERATIONS.values() if one.once} == {
        "credits adjust",
        "credits grant",
        "credits refund",
        "topups record",
        "topups refund",
        "topups settle",
    }


def test_money_is_not_moved_by_what_names_nothing(gateway: Gateway, operator: str, account: str) -> None:
    def bare(path: str, values: Any) -> Result:
        return request(gateway, "POST", f"{OPERATORS_BASE}{path}", values, key=operator)

    values = {"account": account, "amount": "1", "reason": "bare"}
    for path, body in (
        (GRANT, values),
        ("/credits/adjust", values),
        ("/credits/refund", {"request_id": f"req_{1:024x}", "reason": "bare"}),
        ("/topups/refund", {"topup": "top_1", "reason": "bare"}),
    ):
        answer = bare(path, body)
        assert (answer.status, code_of(answer)) == (400, "idempotency_key_required"), path
        said = str(json.loads(answer.body)["error"]["message"])
        assert "send an Idempotency-Key" in said and ("`reference`" in said) == (path in (GRANT, "/credits/adjust"))
    assert balance(gateway, account) == "0"
    named = {**values, "reference": "ticket-8"}
    assert (bare(GRANT, named).status, bare(GRANT, named).status) == (200, 409)
    assert balance(gateway, account) == "1"
    paths = json.loads(request(gateway, "GET", "/openapi.json", None, key=operator).body)["paths"]
    wanted = {path: paths[f"{OPERATORS_BASE}{path}"]["post"]["parameters"][0] for path in ("/topups/refund", GRANT)}
    assert [one["required"] for one in wanted.values()] == [True, False]


@pytest.mark.parametrize("value", ["", "x" * 256, "a blank"])
def test_a_value_that_is_none(gateway: Gateway, operator: str, account: str, value: str) -> None:
    values = {"account": account, "amount": "1", "reason": "none"}
    answer = post(gateway, GRANT, values, key=operator, value=value)
    assert (answer.status, code_of(answer)) == (400, "invalid_idempotency_key")


class LosingProxy:
    """Passes requests to a gateway; of the first of them that are posted, the answers get lost.

    Args:
        losses: how many.
    """

    def __init__(self, port: int, losses: int) -> None:
        self._port, self._losses = port, losses
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.posted = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(30)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                self._pass(client)

    def _pass(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.posted += head.startswith(b"POST")
        with socket.create_connection(("127.0.0.1", self._port)) as there:
            there.sendall(head.replace(b"Connection: keep-alive", b"Connection: close"))
            there.settimeout(30)
            length = int(next(line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")))
            missing = length - len(head.partition(b"\r\n\r\n")[2])
            while missing > 0:
                piece = client.recv(65536)
                missing -= len(piece)
                there.sendall(piece)
            answer = b""
            while piece := there.recv(65536):
                answer += piece
        if self.posted > self._losses:
            client.sendall(answer)


@pytest.fixture
def losing(gateway: Gateway) -> Iterator[LosingProxy]:
    proxy = LosingProxy(gateway.port, losses=2)
    yield proxy
    proxy.close()


def remote(folder: Path, url: str, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    command = [sys.executable, "-m", "router", "--remote", url, *arguments]
    environ = {**kept, "ROUTER_REMOTE_KEY": key}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_a_lost_answer_is_asked_for_again(
    gateway: Gateway, operator: str, account: str, losing: LosingProxy, tmp_path: Path
) -> None:
    done = remote(tmp_path, losing.url, operator, "credits", "grant", account, "7", "--reason", "far", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["balance"] == "7" and losing.posted == 3
    assert balance(gateway, account) == "7"


def test_of_what_else_got_lost_that_is_said(operator: str, losing: LosingProxy, tmp_path: Path) -> None:
    done = remote(tmp_path, losing.url, operator, "accounts", "create", "Lost", "--json")
    assert (done.returncode, losing.posted) == (1, 1)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "lost" and "it may have been done" in error["message"]
