"""What the tests of customers' pages share: pages read as a person, and as a spreadsheet, reads them."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import dataclass

from portal_site import Client, PortalSite

from router.testing import ScriptedUpstream

__all__ = ["ENTRY", "Scene", "code_of", "rows_of", "table_of"]

ENTRY = re.compile(r"<[^>]+>")


@dataclass
class Scene:
    """A portal before a gateway before a scripted provider, and somebody with each role in one workspace.

    Attributes:
        key: of the workspace, for calls; ``account`` is its ID.
    """

    site: PortalSite
    upstream: ScriptedUpstream
    owner: Client
    developer: Client
    viewer: Client
    account: str
    key: str


def rows_of(text: str) -> list[dict[str, str]]:
    """A CSV's lines by the names of its columns."""
    return list(csv.DictReader(io.StringIO(text)))


def table_of(text: str) -> list[list[str]]:
    """The lines of all tables of a page, as texts of their cells."""
    lines = re.findall(r"<tr[^>]*>(.*?)</tr>", text, re.S)
    return [[_plain(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.S)] for line in lines]


def code_of(text: str, id: str) -> str:
    """The text of a block of code."""
    found = re.search(rf'<pre id="{id}"[^>]*>(.*?)</pre>', text, re.S)
    assert found is not None, id
    return html.unescape(found[1])


def _plain(cell: str) -> str:
    return " ".join(html.unescape(ENTRY.sub("", cell)).split())
