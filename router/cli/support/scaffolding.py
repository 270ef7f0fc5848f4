"""``router plugins new``: a plugin's distribution, written from templates that are files beside this module."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from router import __version__
from router.errors import ConfigError

__all__ = ["KINDS", "render", "write"]

KINDS = (
    *("provider", "billing", "rate-limit", "dialect", "surface", "guard", "site", "payment"),
    *("strategy", "cache", "authentication"),
)
"""What a plugin can be made as."""

_NAME = re.compile(r"[a-z](?:[a-z0-9_-]{0,60}[a-z0-9])?", re.ASCII)
_RESERVED = frozenset({"none"})
_DISTRIBUTION = "tollrouter"
_SUFFIX = ".template"
_POINTS = {"payment": '\n\n[project.entry-points."router.payments"]\n$name = "$module.samples:SAMPLES"'}
"""Kind -> what its distribution shows besides the plugin."""
_PLACES = {
    "ci.yml": ".github/workflows/ci.yml",
    "gitignore": ".gitignore",
    "plugin.py": "src/$module/__init__.py",
    "py.typed": "src/$module/py.typed",
    "samples.py": "src/$module/samples.py",
    "models.toml": "src/$module/models.toml",
    "test_plugin.py": "tests/test_$module.py",
}
"""Template -> where it goes; the others go to the top under their own name."""


def render(name: str, kind: str) -> dict[str, str]:
    """The files of a new distribution: path below its folder -> text.

    Args:
        kind: one of ``KINDS``.

    Raises:
        ConfigError: no plugin can have this name.
    """
    _check(name)
    values = dict(_values(name))
    values["points"] = Template(_POINTS.get(kind, "")).substitute(values)
    found = {}
    for template in _templates(kind):
        plain = template.name.removesuffix(_SUFFIX)
        place = Template(_PLACES.get(plain, plain)).substitute(values)
        found[place] = Template(template.read_text(encoding="utf-8")).substitute(values)
    return dict(sorted(found.items()))


def write(name: str, kind: str, folder: Path) -> list[str]:
    """Write a new distribution into a folder that is not there yet: all of it, or nothing; the files' paths.

    Raises:
        ConfigError: no plugin can have this name, or the folder is there or cannot be made.
    """
    files = render(name, kind)
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} exists already and is not touched: give another folder with --dir")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _fill(partial / "new", files)
            (partial / "new").rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}): give another folder with --dir") from error
    return list(files)


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot be a plugin's name: it takes up to 62 lower-case letters, digits, '-' and '_', begins "
            "with a letter, and does not end with '-' or '_'"
        )
    if name in _RESERVED:
        raise ConfigError(f"{name!r} means that there is no plugin, so none can be called so: choose another name")
    if name in _bundled():
        raise ConfigError(
            f"{name!r} is a plugin of {_DISTRIBUTION} itself, and two of one name are refused at the start: choose "
            f"another, such as {f'my-{name}'!r}"
        )


def _bundled() -> set[str]:
    points = metadata.entry_points(group="router")
    return {point.name for point in points if point.dist is not None and point.dist.name == _DISTRIBUTION}


def _templates(kind: str) -> Iterator[Traversable]:
    root = resources.files("router.cli").joinpath("scaffold")
    for folder in ("common", kind):
        for template in root.joinpath(folder).iterdir():
            if template.name.endswith(_SUFFIX):
                yield template


def _values(name: str) -> Mapping[str, str]:
    words = re.split(r"[-_]+", name)
    identifier = "_".join(words)
    return {
        "name": name,
        "distribution": f"router-{'-'.join(words)}",
        "module": f"router_{identifier}",
        "identifier": identifier,
        "class_name": "".join(word.capitalize() for word in words),
        "variable": identifier.upper(),
        "host": f"{'-'.join(words)}.example",
        "version": ".".join(__version__.split(".")[:2]),
    }


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
