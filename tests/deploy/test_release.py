"""What is released: the wheel's contents, the lock files, the bill of materials, the workflow that publishes."""

from __future__ import annotations

import email
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from container import ROOT
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

LOCKS = ["container.txt", "build.txt"]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCK = script("lock")


def test_the_wheel_has_all_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"router", "router_plugins", "pytest_router.py"}
    assert not [name for name in names if name.endswith((".pyc", ".db", ".mo.tmp"))]
    for folder, package in (("router", "router"), ("plugins", "router_plugins")):
        there = {
            f"{package}/{path.relative_to(ROOT / folder)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md"
        }
        assert not sorted(there - names), "the package's data is not complete: see package_data in setup.py"


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (metadata,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        said = email.message_from_string(file.read(metadata).decode("utf-8"))
        entries = file.read(metadata.replace("METADATA", "entry_points.txt")).decode()
        licenses = [name for name in file.namelist() if name.endswith("/LICENSE")]
    assert (said["Name"], said["Requires-Python"]) == ("tollrouter", ">=3.11")
    assert "Apache-2.0" in (said["License-Expression"], said["License"])
    assert said["Description-Content-Type"] == "text/markdown" and said["Summary"]
    assert licenses and "router = router.__main__:main" in entries
    asked = {LOCK.canonical(Requirement(line).name) for line in said.get_all("Requires-Dist") or []}
    assert {LOCK.canonical(Requirement(line).name) for line in LOCK.runtime_requirements()} <= asked


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (LOCK.FOLDER / name).read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pins = LOCK.pins(LOCK.FOLDER / name)
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(lines) == len(pins) > 2
    assert all(pin.hashes for pin in pins)
    assert len({pin.name for pin in pins}) == len(pins)


def test_the_containers_lock_has_all_that_setup_asks_for_within_its_bounds() -> None:
    pinned = {pin.name: pin.version for pin in LOCK.pins(LOCK.FOLDER / "container.txt")}
    for line in [*LOCK.runtime_requirements(), *LOCK.EARLIER]:
        asked = Requirement(line)
        version = pinned.get(LOCK.canonical(asked.name))
        assert version is not None, f"{asked.name} is not locked: run `make lock`"
        assert asked.specifier.contains(version), f"{asked.name} {version} is not {asked.specifier}: run `make lock`"
    tools = {pin.name: pin.version for pin in LOCK.pins(LOCK.FOLDER / "build.txt")}
    assert all(Requirement(line).specifier.contains(tools[Requirement(line).name]) for line in LOCK.TOOLS)


def test_the_bill_of_materials_has_each_of_them(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/sbom.py"), str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    bill: dict[str, Any] = json.loads(target.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "tollrouter")
    pins = LOCK.pins(LOCK.FOLDER / "container.txt")
    found = {LOCK.canonical(one["name"]): one for one in bill["components"]}
    assert {pin.name: pin.version for pin in pins} == {name: one["version"] for name, one in found.items()}
    assert all(one["purl"].startswith("pkg:") for one in found.values())
    assert "://" not in json.dumps([one.get("externalReferences", []) for one in bill["components"]])


def test_the_workflow_publishes_without_a_secret_and_by_pinned_actions() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    workflow = yaml.safe_load(text)
    assert "secrets." not in text and "password" not in text
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert len(used) >= 5
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"]
    assert jobs["publish"]["needs"] == ["test", "lowest", "build"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"} and jobs["publish"]["environment"]
    assert jobs["test"]["permissions"] == {"contents": "read"}
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert "bash .ci/run slow" in runs and "make lowest" in runs
    assert all("${{" not in run for run in runs), "what a tag says is never part of a script"


@pytest.mark.parametrize("name", ["SECURITY.md", "CONTRIBUTING.md", "LICENSE"])
def test_what_a_repository_says_is_there(name: str) -> None:
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert "://" in target or (ROOT / target).exists(), target
