"""``router plugins new``: what it writes, what it refuses, and the example that it would write again."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from packaging.specifiers import SpecifierSet
from packaging.utils import is_normalized_name

import router
from router.cli.main import cli
from router.cli.support.scaffolding import KINDS, render

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/router-acme"


def new(*args: str) -> Result:
    return CliRunner().invoke(cli, ["plugins", "new", *args])


def written(folder: Path) -> dict[str, str]:
    """The files below a folder, without what tools leave behind."""
    made = {"__pycache__", "build", "dist", ".venv", ".pytest_cache", ".ruff_cache", ".mypy_cache"}
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in files
        if not any(part in made or part.endswith(".egg-info") for part in path.relative_to(folder).parts)
    }


def test_the_example_is_what_the_scaffold_writes(tmp_path: Path) -> None:
    assert new("acme", "--dir", str(tmp_path / "acme")).exit_code == 0
    assert written(EXAMPLE) == written(tmp_path / "acme"), (
        "make it anew: rm -r examples/router-acme; router plugins new acme --dir examples/router-acme"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_whole_distribution(kind: str) -> None:
    files = render("my-2nd_try", kind)
    assert {
        ".github/workflows/ci.yml", ".gitignore", "LICENSE", "README.md", "pyproject.toml",
        "src/router_my_2nd_try/__init__.py", "src/router_my_2nd_try/py.typed", "tests/test_router_my_2nd_try.py",
    } <= set(files)  # fmt: skip
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["entry-points"]["router"] == {"my-2nd_try": "router_my_2nd_try:plugin"}
    assert is_normalized_name(project["name"])
    assert not [place for place, text in files.items() if place != ".github/workflows/ci.yml" and "$" in text]
    for place, text in files.items():
        if place.endswith(".py"):
            compile(text, place, "exec")


def test_it_may_be_installed_beside_this_gateway_and_the_next_but_no_other() -> None:
    (needed,) = tomllib.loads(render("acme", "provider")["pyproject.toml"])["project"]["dependencies"]
    name, _, versions = needed.partition(">=")
    assert name == "tollrouter"
    accepted = SpecifierSet(f">={versions}")
    assert router.__version__ in accepted and "0.9" in accepted
    assert "0.0.9" not in accepted and "1.0" not in accepted


def test_the_command_says_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    value = json.loads(new("acme", "--kind", "billing", "--json").stdout)
    assert (value["name"], value["kind"], value["folder"]) == ("acme", "billing", "router-acme")
    assert sorted(value["files"]) == sorted(written(tmp_path / "router-acme"))
    assert [path.name for path in tmp_path.iterdir()] == ["router-acme"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Acme", "begins with a letter"),
        ("9lives", "begins with a letter"),
        ("a/b", "lower-case letters"),
        ("../up", "lower-case letters"),
        ("acme-", "does not end with"),
        ("a" * 63, "up to 62"),
        ("", "lower-case letters"),
        ("none", "choose another name"),
        ("openai", "such as 'my-openai'"),
        ("prepaid", "such as 'my-prepaid'"),
    ],
)
def test_names_that_no_plugin_can_have(tmp_path: Path, name: str, said: str) -> None:
    done = new(name, "--dir", str(tmp_path / "made"))
    assert done.exit_code == 1
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    tmp_path.joinpath("mine").mkdir()
    done = new("acme", "--dir", str(tmp_path / "mine"))
    assert done.exit_code == 1
    assert "exists already" in done.stderr and "--dir" in done.stderr
    assert not list(tmp_path.joinpath("mine").iterdir())


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("")
    done = new("acme", "--dir", str(tmp_path / "file" / "acme"))
    assert done.exit_code == 1
    assert "--dir" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_kind_is_answered_with_the_nearest(tmp_path: Path) -> None:
    done = new("acme", "--kind", "provder", "--dir", str(tmp_path / "acme"))
    assert done.exit_code == 2
    assert "did you mean 'provider'" in done.stderr
