"""The image, without an engine: its steps carried out, and run as another user in a tree that it cannot write."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import ROOT, Container, Step, someone_else, steps_of

from router.testing.gateway import free_port

pytestmark = pytest.mark.slow

STEPS = list(steps_of((ROOT / "deploy/Containerfile").read_text(encoding="utf-8")))


@pytest.fixture(
    params=[pytest.param("lent", id="lent"), pytest.param("locked", marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def container(request: pytest.FixtureRequest, wheel: Path) -> Iterator[Container]:
    """With this interpreter's packages, or with those of the lock file, downloaded."""
    root = Path(tempfile.mkdtemp(prefix="container-"))
    uid, python = someone_else(root)
    made = Container(root, uid, python)
    made.build(iter(STEPS), wheel if request.param == "lent" else None)
    yield made
    for path in (root / "opt").rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(root)


def test_it_serves_from_a_tree_that_it_cannot_write(container: Container) -> None:
    before = _tree(container.root / "opt")
    container.run("router", "init")
    port, portal = free_port(), free_port()
    there = {"ROUTER__SERVER__PORT": str(port), "ROUTER__PORTAL__LISTEN": f"0.0.0.0:{portal}"}
    there["ROUTER__SERVER__WORKERS"] = "1"
    with container.start(*container.entry, *container.command, **there) as gateway:
        try:
            deadline = time.monotonic() + 60
            while _status(container, there):
                assert gateway.poll() is None and time.monotonic() < deadline, "it did not get well"
                time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                assert answer.status == 200
            assert Path(f"/proc/{gateway.pid}").stat().st_uid == (container.uid or os.getuid())
        finally:
            gateway.send_signal(signal.SIGTERM)
        said, _ = gateway.communicate(timeout=60)
    assert gateway.returncode == 0, said
    assert _status(container, there) == 1
    assert _tree(container.root / "opt") == before
    assert sorted(path.name for path in (container.root / "data").iterdir())[:1] == ["operator.sha256"]


def _status(container: Container, variables: dict[str, str]) -> int:
    """Of the health check."""
    with container.start(*container.health, **variables) as check:
        check.communicate(timeout=30)
    return check.returncode


def _tree(root: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime for path in root.rglob("*")}


def test_it_is_made_in_stages_by_a_user_that_is_nobody() -> None:
    assert [step.text.partition(" ")[0] for step in STEPS if step.name == "FROM"] == [_base(STEPS), _base(STEPS)]
    user = next(step.text for step in STEPS if step.name == "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number, which Kubernetes can check"
    assert [step.text for step in STEPS if step.name == "VOLUME"] == ["/data"]
    assert not any(step.name == "ADD" or "curl" in step.text for step in STEPS)


def _base(steps: list[Step]) -> str:
    found = steps[0].text.partition(" ")[0]
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-\w+", found)
    return found


def test_all_that_is_installed_is_locked() -> None:
    installed = [step.text for step in STEPS if "pip install" in step.text]
    assert len(installed) == 3
    for text in installed:
        assert "--no-deps" in text and ("--require-hashes" in text or "--no-index" in text), text


def test_what_it_copies_is_sent_to_its_build() -> None:
    sent = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word.split("/")[0]
        for step in STEPS
        if step.name == "COPY" and not step.text.startswith("--from")
        for word in step.words()[:-1]
    }
    assert copied == sent
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()
