"""What ``router plugins check`` found, kept beside the configuration for ``router plugins list``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.plugin_host.registry import Plugin

__all__ = ["FILE", "UNKNOWN", "grade_of", "keep_grade", "kept_grades"]

FILE = "conformance.json"
UNKNOWN = "unknown"
"""The grade of a plugin that was not checked in the version that is installed."""


def keep_grade(config: Path, plugin: str, distribution: str, version: str, grade: str) -> None:
    """Write down what a plugin's whole check came to. Does nothing where there is no configuration.

    Args:
        grade: rules kept of rules that apply, ``31/31``.

    Raises:
        OSError: the file cannot be written.
    """
    if not config.exists():
        return
    path = config.absolute().with_name(FILE)
    about = {"distribution": distribution, "version": version, "grade": grade, "checked_at": round(time.time())}
    grades = {**kept_grades(config), plugin: about}
    partial = path.with_name(f"{FILE}.{os.getpid()}.partial")
    partial.write_text(json.dumps(grades, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


def kept_grades(config: Path) -> dict[str, Any]:
    """Plugin name -> what was written down of it; empty where there is no such file, or an unreadable one."""
    try:
        found = json.loads(config.absolute().with_name(FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def grade_of(plugin: Plugin, grades: Mapping[str, Any]) -> str:
    """The grade of a plugin as it is installed now; ``UNKNOWN`` where another version, or none, was checked."""
    about = grades.get(plugin.name)
    if not isinstance(about, dict) or plugin.state == "failed":
        return UNKNOWN
    same = (about.get("distribution"), about.get("version")) == (plugin.distribution, plugin.version)
    return str(about.get("grade", UNKNOWN)) if same else UNKNOWN
