"""The dialect of ``docs/dialects.md``: installed from the page, and running."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from router.testing import Gateway, ScriptedUpstream

__all__ = ["MODULE", "bazaar", "install"]

ROOT = Path(__file__).resolve().parents[2]
MODULE = "router_bazaar"


def install(site: Path, extra: str = "") -> Path:
    """Put the page's module and entry point where an installer would; ``extra`` is code at the module's end."""
    page = ROOT.joinpath("docs/dialects.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (declaration,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    [(name, target)] = tomllib.loads(declaration)["project"]["entry-points"]["router"].items()
    metadata = site / f"{MODULE}-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: router-bazaar\nVersion: 0.1.0\n")
    metadata.joinpath("entry_points.txt").write_text(f"[router]\n{name} = {target}\n")
    site.joinpath(f"{MODULE}.py").write_text(code + extra, encoding="utf-8")
    return site


@contextmanager
def bazaar(folder: Path, upstream: ScriptedUpstream, **options: Any) -> Iterator[Gateway]:
    """A gateway of that profile, whose OpenAI is the upstream."""
    site = install(folder / "site")
    env = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    with Gateway(folder, upstream=upstream.url, profile="bazaar", env=env, **options) as gateway:
        yield gateway
