"""Provider plugins that nobody needs: distributions on disk, so that fifty are found as fifty real ones would be."""

from __future__ import annotations

from pathlib import Path

__all__ = ["make_plugins"]

_SOURCE = '''"""A provider on OpenAI's wire."""

from router import ModelCard
from router.upstream.compatible import CompatibleProvider


class Provider(CompatibleProvider):
    """The provider ``{name}``."""

    default_base_url = "http://127.0.0.1:9/v1"
    cards = tuple(ModelCard(f"model-{{number}}", owned_by="{name}") for number in range(5))


plugin = Provider()
'''


def make_plugins(folder: Path, count: int) -> list[str]:
    """Write ``count`` distributions, each with one provider of five models; their names."""
    names = [f"filler-{number:02}" for number in range(1, count + 1)]
    for name in names:
        module = name.replace("-", "_")
        (folder / f"{module}.py").write_text(_SOURCE.format(name=name), encoding="utf-8")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[router]\n{name} = {module}:plugin\n", encoding="utf-8")
    return names
