"""The office in a worker: a process that gevent has patched, whose event loop must go on meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from office_kit import ADA, Opened

from router.office.accounts import create_account

pytestmark = pytest.mark.slow

WORKER = """
from gevent import monkey
monkey.patch_all()
import sys, pathlib, gevent
from router.app.start import assemble
from router.office import audit, keys, models
from router.office.actor import Actor
assembly = assemble(pathlib.Path(sys.argv[1]))
office, key = assembly.office, Actor("key", "key_1", address="192.0.2.1")
turns = []
def go_on():
    while True:
        turns.append(1)
        gevent.sleep(0.001)
loop = gevent.spawn(go_on)
models.set_alias(office, key, "fast", "echo/echo")
made = [gevent.spawn(keys.create_key, office, key, sys.argv[2], f"k{n}", scope=["fast"]) for n in range(8)]
gevent.joinall(made, raise_error=True)
loop.kill()
told = [one for one in audit.list_audit(office, actor="key_1") if one.address == "192.0.2.1"]
print(len(keys.list_keys(office, sys.argv[2])), len(told), len(turns) > 8)
assembly.close()
"""


def test_a_worker_writes_while_its_loop_goes_on(opened: Opened, tmp_path: Path) -> None:
    account = create_account(opened(), ADA, "Ours").id
    arguments = [sys.executable, "-c", WORKER, str(tmp_path / "router.toml"), account]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout.split(), done.returncode) == (["8", "9", "True"], 0), done.stderr
