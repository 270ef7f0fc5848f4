"""No provider's secret is in the memory or the environment of any of the portal's processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portal_machine import Beside, ask, memory_of
from waiting import until

pytestmark = pytest.mark.slow

Start = Callable[..., Beside]

IN_FILE = "sk-file-5d1ee3bc8a4f4b0c"
IN_HEADER = "hdr-9b54d0e7a16c4cc2"
AT_ENDPOINT = "sk-endpoint-03c5bb0c71a9"
IN_ENVIRONMENT = "sk-environment-7c9e6d54a0b1"
IN_OVERRIDE = "sk-override-1f2e3d4c5b6a"
STORED = "sk-stored-44aa66cc88ee"
SECRETS = (IN_FILE, IN_HEADER, AT_ENDPOINT, IN_ENVIRONMENT, IN_OVERRIDE, STORED)
MASTER = "master-key-of-these-tests-only"

CONFIG = f"""
[providers.acme]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
api_key = "{IN_FILE}"
headers = {{ "x-acme-key" = "{IN_HEADER}" }}
models = ["acme-large"]

[[providers.acme.endpoints]]
base_url = "http://127.0.0.1:9/v1"
api_key = "{AT_ENDPOINT}"

[providers.mistral]

[mail]
password = "env:MAIL_PASSWORD"
"""


@pytest.fixture
def keyed(beside: Start) -> Iterator[Beside]:
    """A gateway with a provider's key in each place where one can be."""
    environment = {
        "DEEPSEEK_API_KEY": IN_ENVIRONMENT,
        "ROUTER__PROVIDERS__MISTRAL__API_KEY": IN_OVERRIDE,
        "ROUTER__PORTAL__NAME": "by variable",
        "ROUTER_MASTER_KEY": MASTER,
        "MAIL_PASSWORD": "mail-password",
        "SOMEBODY_ELSES": "secret",
    }
    one = beside(config=CONFIG, env=environment, start=False)
    _store(one, "openai", STORED)
    one.gateway.start()
    yield one


def _store(one: Beside, provider: str, key: str) -> None:
    gateway = one.gateway
    command = [sys.executable, "-m", "router", "providers", "set-key", provider]
    subprocess.run(command, input=key, text=True, check=True, env=gateway._env, cwd=gateway.folder, timeout=60)


def test_the_portals_processes_hold_no_providers_secret(keyed: Beside) -> None:
    said = keyed.portal()
    assert {"acme", "deepseek", "mistral", "openai"} <= set(said["active"]), "it sells what the gateway serves"
    assert "acme/acme-large" in said["models"] and "anthropic" not in said["active"]
    assert said["name"] == "by variable" and said["mail_password"] == "mail-password"
    assert {"ROUTER_MASTER_KEY", "MAIL_PASSWORD", "PATH", "ROUTER__PORTAL__NAME"} <= set(said["environ"])
    assert not {"DEEPSEEK_API_KEY", "SOMEBODY_ELSES"} & set(said["environ"])
    for pid in (said["pid"], said["master"]):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        memory = _memory(pid)
        assert MASTER.encode() in environment
        assert [secret for secret in SECRETS if secret.encode() in environment + memory] == []


def test_nor_after_a_reload(keyed: Beside) -> None:
    first = keyed.portal()
    keyed.gateway.configure({"providers": {"acme": {"models": ["acme-large", "acme-new"]}}})
    os.kill(keyed.gateway.pid, 1)
    said = until(lambda: (now := ask(keyed.port)) and now["pid"] != first["pid"] and now, "the portal has reloaded")
    assert "acme/acme-new" in said["models"]
    memory = _memory(said["pid"]) + _memory(said["master"])
    assert [secret for secret in SECRETS if secret.encode() in memory] == []


def test_the_gateways_own_workers_are_where_such_a_search_finds_them(keyed: Beside) -> None:
    said = keyed.portal()
    others = keyed.family() - {said["pid"], said["master"], keyed.gateway.pid}
    memory = b"".join(map(_memory, others))
    assert [secret for secret in SECRETS if secret.encode() not in memory] == []


def _memory(pid: int) -> bytes:
    try:
        return memory_of(pid)
    except PermissionError:
        pytest.skip("this user may not look into other processes' memory")
