"""A gateway that runs sends what its calls give cause for; the command line shows what became of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from mail_kit import StartServer, add_person, outbox, told
from waiting import until

from router.app.start import assemble
from router.money.amounts import parse_nano
from router.office.actor import Actor
from router.office.people.notices import set_notice_setting
from router.office.people.watching import tell_what_is_due
from router.testing import CommandFailed, Gateway

pytestmark = pytest.mark.slow

CONFIG = """
[prices]
"echo/echo" = { input = "0", output = "0", per_request = "0.4" }
[portal]
enabled = true
listen = "127.0.0.1:0"
public_url = "https://portal.example.com"
name = "Ours"
"""


def test_calls_are_told_and_mails_arrive(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server("refuses")
    with Gateway(tmp_path / "gateway", providers={"echo": {}}, config=CONFIG + server.settings()) as gateway:
        ann = _member(gateway)
        key = gateway.router("keys", "create", "--account", gateway.account, "--name", "backend", "--budget", "1")
        client = gateway.client(key["api_key"])
        for _ in range(2):
            client.chat.completions.create(model="echo/echo", messages=[{"role": "user", "content": "hi"}])
        with closing(assemble(gateway.config_path, {})) as assembly:
            tell_what_is_due(assembly.office)  # or the gateway has done it just now
            titles = {"The key backend has used 80% of its budget", "Low balance: $4.20 left"}
            assert set(told(assembly.office, ann)) == titles
            until(lambda: len(server.taken()) == 2)
            assert {one["message"]["Subject"] for one in server.taken()} == titles
            until(lambda: [row["status"] for row in outbox(assembly.office)] == ["sent", "sent"])
        _commands(gateway, server.port)


def _member(gateway: Gateway) -> str:
    with closing(assemble(gateway.config_path, {})) as assembly:
        ann = add_person(assembly.office, gateway.account)
        actor, threshold = Actor("person", ann), parse_nano("4.5")
        set_notice_setting(assembly.office, actor, ann, "low_balance", in_app=True, mail=True, threshold_nano=threshold)
        return ann


def _commands(gateway: Gateway, port: int) -> None:
    listed = gateway.router("mail", "list")
    assert {(one["recipient"], one["status"], one["tries"]) for one in listed} == {("ann@example.com", "sent", 1)}
    assert gateway.router("mail", "list", "--status", "bounced") == []
    assert gateway.router("mail", "list", "--limit", "1", "--before", listed[0]["id"]) == listed[1:]
    assert gateway.router("mail", "test", "bob@example.com")["taken_by"] == f"localhost:{port}"
    with pytest.raises(CommandFailed, match="there is nobody of that name"):
        gateway.router("mail", "test", "nobody@example.com")
    with pytest.raises(CommandFailed, match="was sent"):
        gateway.router("mail", "retry", listed[0]["id"])
    gateway.router("mail", "bounced", listed[0]["id"], "--reason", "mailbox full")
    assert gateway.router("mail", "list", "--status", "bounced")[0]["error"] == "mailbox full"
    assert gateway.router("mail", "announce", "echo/echo", "--trouble") == {"model": "echo/echo", "told": 1}
    with pytest.raises(CommandFailed, match="give one of"):
        gateway.router("mail", "announce", "echo/echo")
    actions = {one["action"] for one in gateway.router("audit", "show", "--action", "mail")}
    assert actions == {"mail bounced", "mail test"}
