"""Everything that serving, and the command line, need of one configuration: the list of its parts."""

from __future__ import annotations

from router.app.catalogue_parts import CatalogueParts
from router.app.ledger_parts import LedgerParts
from router.app.line_parts import LineParts
from router.app.office_parts import OfficeParts
from router.app.plugin_parts import PluginParts
from router.app.readiness_parts import ReadinessParts

__all__ = ["Assembly"]


class Assembly(ReadinessParts, LineParts, LedgerParts, OfficeParts, CatalogueParts, PluginParts):
    """One configuration, opened: its parts, each before those that it stands on.

    A new part is a class of its own, and a name in this list.
    """
