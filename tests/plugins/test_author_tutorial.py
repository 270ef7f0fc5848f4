"""docs/tutorial.md, followed to the letter: every block is run or put where the page says, in the page's order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial.md"
_BLOCK = re.compile(
    r"(?:^`(?P<place>[^`\n]+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


@dataclass
class Author:
    """Somebody who follows the page.

    Attributes:
        folder: where they are.
        site: what pip installed for them: metadata, and paths to the sources.
        said: command -> what it printed.
    """

    folder: Path
    site: Path
    said: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """With what is installed on the path."""
        sources = [path.read_text(encoding="utf-8") for path in self.site.glob("*.source")]
        return {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.site), *sources, str(ROOT)])}

    def type(self, line: str) -> None:
        """Run one line; it must be one that this knows."""
        program, *rest = shlex.split(line)
        if program == "cd":
            self.folder /= rest[0]
        elif program == "pip":
            assert rest == ["install", "-e", ".[dev]"]
            self._install()
        else:
            module = {"router": ["router"], "pytest": ["pytest", "-p", "no:cacheprovider"]}[program]
            self._run(line, [sys.executable, "-m", *module, *rest])

    def _install(self) -> None:
        """What an editable installation leaves behind; test_wheels.py has pip do it for the same scaffold."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        left = self.site / "router_acme-0.1.0.dist-info"
        left.mkdir(parents=True)
        left.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
        points = "".join(f"{name} = {target}\n" for name, target in project["entry-points"]["router"].items())
        left.joinpath("entry_points.txt").write_text(f"[router]\n{points}")
        self.site.joinpath("acme.source").write_text(str(self.folder / "src"), encoding="utf-8")

    def _run(self, line: str, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        self.said[line] = done.stdout


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    folder = tmp_path_factory.mktemp("author")
    yield Author(folder, folder / "site")


@pytest.mark.timeout(300)  # two runs of all rules
def test_the_page_leads_to_a_provider_that_passes(author: Author, tmp_path: Path) -> None:
    section = ""
    for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["place"]:
            place = author.folder / block["place"]
            assert place.exists(), f"{block['place']} is no file that the scaffold wrote"
            place.write_text(block["text"], encoding="utf-8")
        elif block["language"] == "toml":
            section = block["text"]
        else:
            assert not block["language"], f"nothing says where this goes:\n{block['text']}"
            for line in block["text"].splitlines():
                author.type(line)
    assert "router-plugin-acme" in author.said["pytest"]
    assert "P01  pass" in author.said["router plugins check acme --rule P0"]
    serve(author, section, tmp_path)


def serve(author: Author, section: str, folder: Path) -> None:
    """The page's section in a gateway of its own; only where Acme is differs."""
    environment = {"PYTHONPATH": author.environment["PYTHONPATH"], "ACME_API_KEY": "the-key"}
    with ScriptedUpstream() as upstream:
        upstream.script(Answer(completion("Hello")))
        where = {"acme": {"base_url": upstream.url}}
        with Gateway(folder, providers=where, config=section, env=environment) as gateway:
            assert {row["name"] for row in gateway.router("providers", "list")} >= {"acme"}
            reply = gateway.client().chat.completions.create(
                model="acme/swift", messages=[{"role": "user", "content": "Say hello"}]
            )
        assert reply.choices[0].message.content == "Hello"
        assert upstream.last.headers["x-acme-team"] == "blue"
        assert upstream.last.headers["authorization"] == "Bearer the-key"
