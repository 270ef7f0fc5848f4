"""Log-ins in a worker: a process that gevent has patched, whose event loop must go on while passwords are hashed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from people_kit import PASSWORD, Made, joined

WORKER = """
from gevent import monkey
monkey.patch_all()
import sys, pathlib, gevent
from router.config.file import load_settings
from router.office.office import Office
from router.office.people.login import check_password
from router.office.people.records import Visit
from router.office.people.rules import passwords
from router.store.opening import open_database
from router.types.dialect import Dialect
config, password = pathlib.Path(sys.argv[1]), sys.argv[2]
settings = load_settings(config, {})
database = open_database(settings.database.url.reveal(), config.parent)
office = Office(settings, database, dialect=Dialect, providers=dict, shelf=None)
under_way, most, turns, verified = 0, 0, 0, passwords._verified
lock = monkey.get_original("_thread", "allocate_lock")()
check_password(office, Visit("192.0.2.1"), "ada@example.com", password)
def counted(*arguments):
    global under_way, most
    with lock:
        under_way += 1
        most = max(most, under_way)
    try:
        return verified(*arguments)
    finally:
        with lock:
            under_way -= 1
passwords._verified = counted
def go_on():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.001)
loop = gevent.spawn(go_on)
visits = [Visit(f"203.0.113.{n}") for n in range(9)]
many = [gevent.spawn(check_password, office, one, "ada@example.com", password) for one in visits]
gevent.joinall(many, raise_error=True)
loop.kill()
print(len({one.value.id for one in many}), 1 <= most <= 3, turns > 50)
database.close()
"""


def test_a_worker_goes_on_while_passwords_are_hashed_a_few_at_a_time(opened: Made, tmp_path: Path) -> None:
    joined(opened(), "ada@example.com")
    arguments = [sys.executable, "-c", WORKER, str(tmp_path / "router.toml"), PASSWORD]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout.split(), done.returncode) == (["1", "True", "True"], 0), done.stderr
