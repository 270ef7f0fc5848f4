"""What commands say that cannot do their work: what was wrong, where, what to do, and nothing of our insides."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_an_id_of_a_webhook_or_delivery_that_is_not_there_is_named(router) -> None:
    said = router.refused("webhooks", "resend", "nope")
    assert "There is no delivery 'nope': `router webhooks deliveries` shows" in said
    for command in (["test", "nope"], ["delete", "nope"], ["disable", "nope"]):
        said = router.refused("webhooks", *command)
        assert "There is no webhook 'nope': `router webhooks list` shows" in said


@pytest.mark.parametrize("program", ["new-api", "litellm"])
def test_another_gateways_database_that_is_not_there(router, program: str) -> None:
    nobody = "postgresql://u:hunter2@127.0.0.1:1/theirs"
    said = router.refused("import", program, nobody)
    assert "theirs on 127.0.0.1" in said and "check the URL, that the server runs" in said and "hunter2" not in said
    if program == "new-api":
        said = router.refused("import", program, "sqlite:///missing.db")
        assert f"{router.folder}/missing.db is not there: give the file that New API works on" in said
        assert "router init" not in said, "that database is not ours to make"
        assert "the URL of New API's database must begin with" in router.refused("import", program, "missing.db")


def test_a_gateway_or_a_list_that_does_not_answer_is_told_in_words(router) -> None:
    for command in (["health", "--url", "http://127.0.0.1:1"], ["import", "openrouter", "http://127.0.0.1:1/models"]):
        said = router.refused(*command)
        assert "nothing takes a connection there" in said
        assert not {"HTTPConnectionPool", "Max retries", "Errno"} & set(said.replace("(", " ").split()), said
        assert "pool" not in said.lower()


@pytest.mark.parametrize("columns", [None, 100])
def test_doctor_in_a_pipe_is_as_wide_as_a_page(router, columns: int | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {"ROUTER_CONFIG": str(router.config), **({"COLUMNS": str(columns)} if columns else {})}
    command = [sys.executable, "-m", "router", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    widest = max(map(len, done.stdout.splitlines()))
    assert 60 < widest <= (columns or 80), done.stdout
