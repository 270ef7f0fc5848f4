"""``make site``: the pages as a site in ``site/``, strictly: a link or an anchor that leads nowhere refuses it.

The README is its home. What a page links to outside of ``docs/`` is not part of the site: such a link becomes its text.
Pages that ``mkdocs.yml`` does not place stand under "More", so that none is lost.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["build", "main"]

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
_TAKEN = {"README.md": "index.md", "CHANGELOG.md": "changes.md", "plugins/README.md": "bundled.md"}
_TAKEN |= {"SECURITY.md": "reporting.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages that stand elsewhere -> what they are called here."""
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def main(arguments: list[str]) -> int:
    """Build into the folder that is named, or into ``site/``; the exit status."""
    target = Path(arguments[0]) if arguments else ROOT / "site"
    with tempfile.TemporaryDirectory() as folder:
        try:
            build(Path(folder) / "docs", target)
        except SystemExit as error:  # how mkdocs says that there were warnings
            return int(bool(error.code))
    print(f"wrote {target}")
    return 0


def build(pages: Path, target: Path) -> None:
    """Lay the pages out in one folder, and make the site of them in another.

    Raises:
        SystemExit: something of it is wrong; said on standard error.
    """
    from mkdocs.commands.build import build as make
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    _lay_out(pages)
    logging.getLogger("mkdocs").addHandler(logging.StreamHandler())
    config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(pages), site_dir=str(target), strict=True)
    config.nav = _whole(config.nav or [], sorted(str(one.relative_to(pages)) for one in pages.rglob("*.md")))
    try:
        make(config)
    except Abort as error:
        raise SystemExit(1) from error


def _lay_out(pages: Path) -> None:
    sources = {path: str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    sources |= {ROOT / name: here for name, here in _TAKEN.items() if (ROOT / name).exists()}
    for source, here in sources.items():
        target = pages / here
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_relinked(source, here, sources), encoding="utf-8")
    for path in DOCS.rglob("*"):
        if path.suffix in (".png", ".svg"):
            shutil.copy(path, pages / path.relative_to(DOCS))


def _relinked(source: Path, here: str, sources: dict[Path, str]) -> str:
    """A page's text with its links as they are in the site."""

    def relinked(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if "://" in target or target.startswith("mailto:") or not target:
            return found[0]
        to = (source.parent / target).resolve()
        if to not in sources:
            return text
        up = "../" * here.count("/")
        return f"[{text}]({up}{sources[to]}{anchor})"

    parts = re.split(r"(^ *```.*?^ *```)", source.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return "".join(part if place % 2 else _LINK.sub(relinked, part) for place, part in enumerate(parts))


def _whole(nav: list[Any], pages: list[str]) -> list[Any]:
    placed = set(_placed(nav))
    more = [page for page in pages if page not in placed]
    return [*nav, {"More": more}] if more else nav


def _placed(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for inner in nav.values():
            yield from _placed(inner)
    else:
        for inner in nav:
            yield from _placed(inner)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
