"""The container's file, carried out without a container engine: its steps in a folder that stands for its root."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ROOT", "Container", "Step", "steps_of"]

ROOT = Path(__file__).resolve().parents[2]
_PLACES = ("/opt/router", "/data", "/src")
_HASHED = "--require-hashes"
_PYTHONS = (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3", "/usr/local/bin/python3")


@dataclass(frozen=True)
class Step:
    """One instruction."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Of its JSON form, or as a shell has them."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


def steps_of(text: str) -> Iterator[Step]:
    """All instructions in their order; comments left out, continued lines joined."""
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n", " ", bare).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Step(name.upper(), rest.strip())


@dataclass
class Container:
    """What the steps come to.

    Attributes:
        root: where its files are.
        uid: as whom it runs.
        python: what stands for the base image's.
        variables, command: what it is started with.
        health: what asks how it is.
        ran: the commands that were run as they stand.
    """

    root: Path
    uid: int | None
    python: str
    variables: dict[str, str] = field(default_factory=dict)
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    folder: str = "/"
    user: str = ""
    volumes: list[str] = field(default_factory=list)
    stages: int = 0
    ran: list[str] = field(default_factory=list)

    def build(self, steps: Iterator[Step], wheel: Path | None) -> None:
        """Carry them out.

        Args:
            wheel: stands for what is downloaded and built: it is installed, and this interpreter's packages lent; None
                has everything done as it stands.
        """
        for step in steps:
            self._take(step, wheel)
        for path in (self.root / "opt").rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)

    def _take(self, step: Step, wheel: Path | None) -> None:
        match step.name:
            case "FROM":
                self.stages += 1
                self.variables, self.folder = {}, "/"
            case "ENV":
                self.variables |= dict(word.split("=", 1) for word in shlex.split(self.here(step.text)))
            case "WORKDIR":
                self.folder = step.text
                (self.root / self.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(step)
            case "RUN":
                self._run(step.text, wheel)
            case "USER":
                self.user = step.text
            case "VOLUME":
                self.volumes.append(step.text)
            case "HEALTHCHECK":
                self.health = json.loads(step.text.partition("CMD ")[2])
            case "ENTRYPOINT":
                self.entry = step.words()
            case "CMD":
                self.command = step.words()
            case "LABEL" | "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise AssertionError(f"the test does not know {step.name}")

    def _copy(self, step: Step) -> None:
        words = step.words()
        if words[0].startswith("--from="):
            assert words[1] == words[2], "a virtual environment works where it was made"
            return
        *sources, target = words
        place = self.root / self.folder.lstrip("/") / target
        for source in sources:
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)

    def _run(self, text: str, wheel: Path | None) -> None:
        if text.startswith("groupadd"):
            return  # the user is one of this machine's numbers, or we are
        if text.startswith("install -d"):
            self._folder_of(shlex.split(text))
        elif wheel is None or text.startswith("python -m venv"):
            self._shell(text)
        elif "--no-index" in text:  # the project itself
            self._shell(f"python -m pip install --quiet --no-deps --no-index {shlex.quote(str(wheel))}")
            self._lend()
        else:
            assert _HASHED in text or "pip check" in text or "pip uninstall" in text, f"the test does not know {text!r}"

    def _folder_of(self, words: list[str]) -> None:
        made = Path(self.here(words[-1]))
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(int(words[words.index("-m") + 1], 8))
        if self.uid is not None:
            os.chown(made, self.uid, self.uid)

    def _lend(self) -> None:
        """This interpreter's packages, in place of downloaded ones."""
        site = next((self.root / "opt/router/lib").glob("python3*/site-packages"))
        lent = [path for path in map(Path, sys.path) if path.name == "site-packages"]
        (site / "lent.pth").write_text("\n".join(map(str, lent)) + "\n", encoding="utf-8")

    def _shell(self, text: str) -> None:
        python = shlex.quote(self.python)
        text = self.here(re.sub(r"^python -m venv", f"{python} -m venv", text))
        self.ran.append(text)
        environment = {"HOME": str(self.root), **_index(), **self.variables}
        environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
        folder = self.root / self.folder.lstrip("/")
        done = subprocess.run(["sh", "-ec", text], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"

    def here(self, text: str) -> str:
        """The text with the container's places where they are."""
        for place in _PLACES:
            text = re.sub(rf"(?<![\w/]){place}\b", str(self.root / place.lstrip("/")), text)
        return text

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Run a command in it, as its user, in its folder, with its variables and no others."""
        found = shutil.which(words[0], path=self.variables["PATH"])
        assert found is not None and found.startswith(str(self.root)), found
        return subprocess.Popen(
            [found, *words[1:]],
            cwd=self.here(self.folder),
            env={**self.variables, "HOME": self.here("/data"), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **({} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}),
        )

    def run(self, *words: str, **variables: str) -> str:
        """What a command says that ends well."""
        with self.start(*words, **variables) as process:
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return said


def _index() -> dict[str, str]:
    """By what this machine's pip finds its index."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "SSL_CERT_FILE"}


def someone_else(root: Path) -> tuple[int | None, str]:
    """Another user's number under which an interpreter of our version starts here, and that interpreter; None: ours."""
    if os.geteuid() == 0:
        root.chmod(0o755)
        script = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
        site = [path for path in sys.path if path.endswith("site-packages")]
        for python in _PYTHONS:
            try:
                command = [python, "-c", f"{script} or not __import__('os').access({site[0]!r}, 5)"]
                done = subprocess.run(command, user=10001, group=10001, extra_groups=[], cwd="/", capture_output=True)
            except OSError:
                continue
            if done.returncode == 0:
                return 10001, python
    return None, _PYTHONS[0]
